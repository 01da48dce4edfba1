"""Parquet. pyarrow is loaded with the first file: whoever reads none, such as a server, does without its 30 MB."""

from __future__ import annotations

from collections.abc import Iterator

from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item


def sniff(sample: Sample) -> float:
    return 0.97 if sample.head.startswith(b"PAR1") else 0.0


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The rows of the files, one after the other. Raises ImportRefused for a file that cannot be read."""
    from data.importers.tables import parquet_rows

    return parquet_rows.read(source, options)


KINDS: tuple[Kind, ...] = (Kind("parquet", "a Parquet file", read, sniff, is_text=False),)
