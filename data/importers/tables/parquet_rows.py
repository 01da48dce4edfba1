"""Rows of Parquet files: of flat columns, or of nested lists of messages, as `datasets` and data frames write them.

Rows are read some at a time, and each is an object: of a shape of its own, or a row of a table. Numbers of classes are
told by the names that `datasets` keeps beside them. Columns of numbers and bytes, such as vectors and pictures, are
left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import ImportRefused
from data.importers import objects, table
from data.importers.columns import Reading, refused
from data.importers.container import Member
from data.importers.kind import Source
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.importers.objects import Found
from data.importers.packed import RATIO_FLOOR
from data.settings import ImportSettings

BATCH = 64
"""Rows in memory at a time: few, since one may hold a long conversation."""
PIECE = 1 << 20
MAX_FOOTER = 64_000_000
MAX_COUNT = 1_000_000
"""Of anything the footer lists."""
MAX_DEPTH = 16
_BROKEN = (pa.ArrowException, OSError, ValueError, KeyError, IndexError, TypeError, OverflowError, RecursionError)


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The rows of the files, one after the other. Raises ImportRefused for a file that cannot be read."""
    files = ((member.name, _inside(member, options, source)) for member in source.members)
    yield from table.one_after_another(files, alone=len(source.members) == 1)


def _inside(member: Member, options: ImportOptions, source: Source) -> Iterator[Item]:
    with source.as_file(member) as path:
        with _opened(path, source.limits) as opened:
            columns, left_out = _columns(opened.schema_arrow, source.limits)
        if left_out:
            yield Remark("columns_ignored", 0, ", ".join(left_out)[:400])
        rows = _Rows(path, columns, source.limits)
        yield from objects.read(rows.__iter__, Reading.of(options, source.limits))


@contextmanager
def _opened(path: Path, limits: ImportSettings) -> Iterator[pq.ParquetFile]:
    """Raises ImportRefused for what is damaged, or made to unpack to more than it holds."""
    try:
        opened = pq.ParquetFile(
            path, pre_buffer=False, buffer_size=PIECE, thrift_string_size_limit=MAX_FOOTER,
            thrift_container_size_limit=MAX_COUNT,
        )  # fmt: skip
    except _BROKEN:
        raise damaged() from None
    with opened:
        groups = [opened.metadata.row_group(number) for number in range(opened.metadata.num_row_groups)]
        size = sum(group.total_byte_size for group in groups)
        most = max(RATIO_FLOOR, path.stat().st_size * limits.max_ratio)
        if size > limits.max_bytes or size > most or opened.metadata.num_rows > most:
            raise ImportRefused(
                f"The file unpacks to more than {limits.max_bytes} bytes, or {limits.max_ratio} times its size.",
                remedy="Split it, or raise imports.max_bytes or imports.max_ratio.",
                reason="too_large",
            )
        yield opened


def damaged() -> ImportRefused:
    return refused(
        "The Parquet file is damaged or cut short.", "Write it again and upload it whole.", "parquet_damaged"
    )


def _columns(schema: pa.Schema, limits: ImportSettings) -> tuple[dict[str, list[str] | None], list[str]]:
    """The columns to read, with the names of their classes where these are numbers; and those to leave out."""
    if len(schema) > limits.max_columns:
        raise refused(
            f"Expected at most {limits.max_columns} columns; the file has {len(schema)}.",
            "Keep the columns that matter: text, role, conversation, intent.",
            "too_many_columns",
        )
    if len(set(schema.names)) < len(schema.names):
        raise refused("Two columns have the same name.", "Rename one of them.", "duplicate_column")
    wanted = [one.name for one in schema if _is_readable(one.type, 0)]
    classes = _classes(schema)
    return {name: classes.get(name) for name in wanted}, [name for name in schema.names if name not in wanted]


def _is_readable(kind: pa.DataType, depth: int) -> bool:
    """Whether values of a type can be something that was said, or say something about it."""
    if depth > MAX_DEPTH:
        return False
    if pa.types.is_dictionary(kind):
        return _is_readable(kind.value_type, depth + 1)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        inner = kind.value_type
        return not (pa.types.is_integer(inner) or pa.types.is_floating(inner)) and _is_readable(inner, depth + 1)
    if pa.types.is_struct(kind):
        return any(_is_readable(kind.field(at).type, depth + 1) for at in range(kind.num_fields)) and not any(
            pa.types.is_binary(kind.field(at).type) for at in range(kind.num_fields)
        )
    return not (
        pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_map(kind)
    )  # fmt: skip


def _classes(schema: pa.Schema) -> Mapping[str, list[str]]:
    """The names of classes by column, where `datasets` wrote the file."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        named = {name: one["names"] for name, one in features.items() if isinstance(one, dict) and "names" in one}
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return {name: names for name, names in named.items() if isinstance(names, list) and all(map(_is_text, names))}


class _Rows:
    """The rows of a file, each time from its beginning."""

    def __init__(self, path: Path, columns: Mapping[str, list[str] | None], limits: ImportSettings) -> None:
        self._path = path
        self._columns = columns
        self._limits = limits

    def __iter__(self) -> Iterator[Found]:
        row = size = total = 0
        reason = Reason.UNREADABLE_FILE
        try:
            with _opened(self._path, self._limits) as opened:
                total = opened.metadata.num_rows
                for batch in opened.iter_batches(batch_size=BATCH, columns=list(self._columns)):
                    for body in self._bodies(batch):
                        row += 1
                        yield Found(row, body) if body is not None else Found(row, flaw=Reason.UNDECODABLE)
                    size += batch.nbytes
                    if size > self._limits.max_bytes:
                        reason = Reason.DOCUMENT_TOO_LARGE
                        break
        except _BROKEN:
            pass
        for number in range(row, total):  # what cannot be read any more is counted all the same
            yield Found(number + 1, flaw=reason)

    def _bodies(self, batch: pa.RecordBatch) -> Iterator[dict[str, Any] | None]:
        """The rows of a batch as objects without what is null; None for one that does not decode."""
        columns = {name: _values(batch.column(name), classes) for name, classes in self._columns.items()}
        for at in range(batch.num_rows):
            row = {name: values[at] for name, values in columns.items()}
            yield None if _TORN in row.values() else {name: one for name, one in row.items() if one is not None}


_TORN = object()


def _values(column: pa.Array, classes: list[str] | None) -> list[Any]:
    """The values of a column as plain ones."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", None if column.type.tz is None else "UTC"), safe=False)
    try:
        values = column.to_pylist()
    except (*_BROKEN, UnicodeDecodeError):
        values = [_value(column[at]) for at in range(len(column))]
    if classes is not None:
        return [classes[one] if isinstance(one, int) and 0 <= one < len(classes) else one for one in values]
    return [_plain(value) for value in values]


def _value(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except (*_BROKEN, UnicodeDecodeError):
        return _TORN


def _plain(value: Any) -> Any:
    """A value in the terms of JSON."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return str(value) if isinstance(value, timedelta) else value


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
