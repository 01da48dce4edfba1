"""Workbooks and Parquet files in small, and workbooks that no spreadsheet writes."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

CHAT = [
    ["Ticket", "Author", "Body", "When", "Topic", "Stars"],
    [7, "customer", "Is the blue kettle back?", datetime.datetime.fromisoformat("2026-01-02T09:30"), "stock", None],
    [7, "agent", "From Monday on.", datetime.datetime.fromisoformat("2026-01-02T09:40"), None, 5],
    [8, "customer", "Do kettles whistle?", None, "features", None],
]


def workbook(rows: list[list[Any]], *, edit: Callable[[Any], None] | None = None, title: str = "Chats") -> bytes:
    """A workbook of one sheet with these rows."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    if edit is not None:
        edit(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def parts_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def sheet_of(xml: str, content: bytes | None = None) -> bytes:
    """A workbook whose sheet is this XML."""
    parts = parts_of(content or workbook(CHAT))
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    whole = xml if xml.startswith("<") and "worksheet" in xml[:99] else f"<worksheet {space}>{xml}</worksheet>"
    return packed(parts | {"xl/worksheets/sheet1.xml": whole.encode()})


def inline(cells: dict[str, str]) -> str:
    """Cells of text, as a row of a sheet holds them."""
    return "".join(f'<c r="{name}" t="inlineStr"><is><t>{text}</t></is></c>' for name, text in cells.items())


def parquet(rows: list[dict[str, Any]] | pa.Table, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows), out, **options)
    return out.getvalue()
