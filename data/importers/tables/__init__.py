"""Tables that are no plain lines: JSON lists, Excel workbooks and Parquet."""

from data.importers.kind import Kind
from data.importers.tables import json_list, parquet, workbook

KINDS: tuple[Kind, ...] = (*json_list.KINDS, *workbook.KINDS, *parquet.KINDS)
