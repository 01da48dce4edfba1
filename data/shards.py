"""Examples in Parquet files: written a batch at a time into shards of bounded size, read back a batch at a time.

pyarrow is loaded when the first file is touched: a server that only answers visitors does without its 30 MB.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from data.errors import IntegrityError
from data.files import disk
from data.schema import Entity, Example

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

BATCH_ROWS = 1_000
"""Examples in memory at a time, for each file that is open."""
SHARD_ROWS = 50_000


@cache
def schema() -> pa.Schema:
    """The columns of a shard."""
    import pyarrow as pa

    text = pa.string()
    entity = pa.struct([("start", pa.int32()), ("end", pa.int32()), ("type", text), ("value", text)])
    turn = pa.struct([("role", text), ("text", text)])
    return pa.schema(
        [
            pa.field("id", text, nullable=False),
            pa.field("conversation", text, nullable=False),
            pa.field("upload", text, nullable=False),
            pa.field("split", text, nullable=False),
            pa.field("text", text, nullable=False),
            pa.field("language", text),
            pa.field("intent", text),
            pa.field("sentiment", text),
            pa.field("entities", pa.list_(entity), nullable=False),
            pa.field("context", pa.list_(turn), nullable=False),
            pa.field("reply", text),
            pa.field("reply_role", text),
            pa.field("rating", pa.int8()),
            pa.field("weight", pa.float64(), nullable=False),
            pa.field("corrected", pa.bool_(), nullable=False),
            pa.field("rejected", text),
        ]
    )


def _known(found: pa.Schema) -> bool:
    """Whether these are the columns of a shard, of now or of a time before replies were rejected."""
    now = schema()
    return bool(found.equals(now) or found.equals(now.remove(now.get_field_index("rejected"))))


class ShardWriter:
    """Writes one sequence of examples as `<name>-00000.parquet`, `<name>-00001.parquet`, ...; at least one file.

    `digest` is the SHA-256 of the examples in a canonical form: of what is in them, not of how it is packed.
    """

    def __init__(self, folder: Path, name: str, shard_rows: int = SHARD_ROWS) -> None:
        self._folder = folder
        self._name = name
        self._shard_rows = shard_rows
        self._shards = 0
        self._room = 0
        self._waiting: list[dict[str, Any]] = []
        self._hash = hashlib.sha256()
        self._open: tuple[pq.ParquetWriter, BinaryIO] | None = None
        self.rows = 0

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def add(self, example: Example) -> None:
        """Add one example."""
        record = _record(example)
        self._hash.update(canonical(record))
        self._waiting.append(record)
        self.rows += 1
        if len(self._waiting) >= min(BATCH_ROWS, self._room or self._shard_rows):
            self._flush()

    def close(self) -> None:
        """Write what is left and end the last file."""
        if self._waiting or not self._shards:
            self._flush()
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.close()
        elif self._open is not None:
            self._open[1].close()  # what was written is thrown away with its folder

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with disk():
            if self._open is None:
                file = (self._folder / f"{self._name}-{self._shards:05}.parquet").open("xb")
                self._open = pq.ParquetWriter(file, schema(), compression="zstd"), file
                self._shards += 1
                self._room = self._shard_rows
            self._open[0].write_table(pa.Table.from_pylist(self._waiting, schema=schema()))
        self._room -= len(self._waiting)
        self._waiting.clear()
        if self._room <= 0:
            self._end()

    def _end(self) -> None:
        if self._open is not None:
            writer, file = self._open
            with disk():
                writer.close()
                file.close()
            self._open, self._room = None, 0


def canonical(record: dict[str, Any]) -> bytes:
    """The bytes of a record that are hashed: the same values give the same bytes, in any version of any library."""
    return json.dumps(record, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of one shard, in order. Raises IntegrityError when the file cannot be read as one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            if not _known(file.schema_arrow):
                raise _damaged(path)
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError, EOFError) as error:
        raise _damaged(path) from error


def read_slice(paths: Sequence[Path], start: int, count: int) -> list[dict[str, Any]]:
    """`count` records from number `start` on, of shards that are taken for one sequence. Raises IntegrityError."""
    found: list[dict[str, Any]] = []
    for path in paths:
        rows = count_rows(path)
        if start < rows:
            wanted = islice(read_records(path), start, start + count - len(found))
            found += wanted
        start = max(0, start - rows)
        if len(found) == count:
            break
    return found


def count_rows(path: Path) -> int:
    """How many records a shard holds. Raises IntegrityError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path) from error


def read_columns(path: Path, names: Sequence[str]) -> pa.Table:
    """Some columns of a shard, without the rest. Raises IntegrityError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path, columns=list(names), memory_map=True)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path) from error


def example_of(record: dict[str, Any]) -> Example:
    """The example that a record holds."""
    entities = tuple(Entity(**entity) for entity in record["entities"])
    context = tuple((turn["role"], turn["text"]) for turn in record["context"])
    return Example(**{**record, "entities": entities, "context": context})


def _record(example: Example) -> dict[str, Any]:
    record = {name: getattr(example, name) for name in schema().names}
    record["entities"] = [
        {"start": entity.start, "end": entity.end, "type": entity.type, "value": entity.value}
        for entity in example.entities
    ]
    record["context"] = [{"role": role, "text": text} for role, text in example.context]
    return record


def _damaged(path: Path) -> IntegrityError:
    return IntegrityError(
        f"The dataset file {path.name} cannot be read as it was written.",
        remedy="Freeze the dataset again: what is in it follows from the imported conversations.",
    )
