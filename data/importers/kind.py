"""What an importer of one kind of file is made of: how the kind is told, and how its files are read.

A family of formats is a module that ends in `KINDS = (Kind(...), ...)`; `data.importers.kinds` lists the families. A
reader yields conversations, rows set aside, remarks and hints; it never stops midway, whatever a row holds. Rows are
counted over the whole upload: a row is the 1-based place of a message among all messages of its files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from data.importers import encoding, json_stream
from data.importers.container import Member, Packing
from data.importers.encoding import Encoding
from data.importers.lines import Line, decoded, read_lines
from data.importers.nouns import Detection, ImportOptions, Item, Reason
from data.importers.strict_json import JsonError
from data.settings import ImportSettings

HEAD = 1 << 16
LOOK = 1 << 25
"""Bytes that are read at most to see what stands behind long texts."""


@dataclass(eq=False)
class Sample:
    """The beginning of one file, as far as detection looks."""

    member: Member
    encoding: str | None = None

    @property
    def name(self) -> str:
        """What its owner calls it, with the folders of the archive before it: a hint at most."""
        return self.member.name

    @cached_property
    def head(self) -> bytes:
        return self.member.head(HEAD)[: 4 * HEAD]

    @cached_property
    def is_text(self) -> bool:
        """Whether the bytes can be a text at all."""
        return b"\0" not in self.head or encoding.wide(self.head) is not None

    @cached_property
    def text(self) -> str:
        """The beginning as text, "" for what is none; the last line may be cut."""
        if not self.is_text:
            return ""
        found = self._encoding
        return self.head[found.bom :].decode(found.name, "replace").removesuffix("\ufffd")

    @property
    def _encoding(self) -> Encoding:
        mark = encoding.marked(self.head)
        name = self.encoding or (encoding.wide(self.head) or _guessed(self.head)).name
        return Encoding(name, 1.0, mark.bom if mark is not None else 0)

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Its first lines that are not blank, at most 200; without the last one where the text goes on."""
        lines = self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if len(self.head) >= HEAD and len(lines) > 1:
            lines.pop()
        return tuple(line for line in lines if line.strip())[:200]

    @cached_property
    def paths(self) -> frozenset[str]:
        """For JSON: every path its beginning shows, such as `messages.item.text`; empty for anything else."""
        if self.text.lstrip()[:1] not in ("{", "["):
            return frozenset()
        is_cut = len(self.head) >= HEAD
        return json_stream.paths_of((is_cut and self._behind_long_texts()) or self.text)

    def _behind_long_texts(self) -> str:
        """Of JSON that begins with long texts, such as pictures, what else there is; "" for any other."""
        head = self.text.encode("utf-8", "replace")
        if 2 * len(json_stream.abridged([head], len(head), len(head))) > len(head):
            return ""
        found = self._encoding
        with closing(self.member.chunks()) as chunks:
            written = Detection("json", 1.0, found.name, bom=found.bom)
            return json_stream.abridged(decoded(chunks, written), HEAD, LOOK).decode("utf-8", "replace")

    def has(self, *paths: str) -> bool:
        """Whether the JSON shows all of these paths."""
        return self.paths.issuperset(paths)

    def forget(self) -> None:
        """Let the memory go; what is asked for again is read again."""
        for name in ("head", "is_text", "text", "lines", "paths"):
            self.__dict__.pop(name, None)


@dataclass(frozen=True, slots=True)
class Source:
    """An upload as a reader sees it: the files of its kind, in the order of their names, decoded as needed."""

    path: Path
    packing: Packing
    members: tuple[Member, ...]
    detection: Detection
    limits: ImportSettings

    def lines(self, member: Member) -> Iterator[Line]:
        """The lines of a text file, numbered from 1."""
        return read_lines(member.chunks(), self.written(member), self.limits.max_line_bytes)

    def values(self, member: Member, wanted: Collection[str]) -> Iterator[tuple[str, Any]]:
        """(path, value) for what stands at the `wanted` paths of a JSON document; "" is the whole of it.

        Raises JsonError where the document breaks off; what was yielded before holds.
        """
        return json_stream.values(self.decoded(member), wanted, self.limits.max_line_bytes)

    def decoded(self, member: Member) -> Iterator[bytes]:
        """A text file as UTF-8, in pieces; what does not decode becomes U+FFFD."""
        return decoded(member.chunks(), self.written(member))

    def text(self, member: Member) -> str | Reason:
        """A file that has to be read as a whole, or why it is not: it must not exceed imports.max_document_bytes."""
        pieces, size = [], 0
        for piece in self.decoded(member):
            size += len(piece)
            if size > self.limits.max_document_bytes:
                return Reason.DOCUMENT_TOO_LARGE
            pieces.append(piece)
        try:
            return b"".join(pieces).decode("utf-8")
        except UnicodeDecodeError:
            return Reason.UNDECODABLE

    def json(self, member: Member) -> Any | Reason:
        """A JSON document that has to be read as a whole, or why it is not."""
        text = self.text(member)
        if isinstance(text, Reason):
            return text
        try:
            found = [value for _, value in json_stream.values([text.encode()], ("",), self.limits.max_document_bytes)]
        except JsonError as error:
            return error.reason
        return found[0] if found else Reason.MALFORMED_JSON

    @contextmanager
    def as_file(self, member: Member) -> Iterator[Path]:
        """A file that has to be read here and there, not only from its beginning: itself, or unpacked for the while."""
        if self.packing == "plain":
            yield self.path
            return
        with NamedTemporaryFile(prefix="attune-") as copy:
            for piece in member.chunks():
                copy.write(piece)
            copy.flush()
            yield Path(copy.name)

    def written(self, member: Member) -> Detection:
        """How one file is written."""
        if self.packing != "zip":
            return self.detection
        found = self.detection.encodings.get(member.name, Encoding("utf-8", 1.0))
        return Detection(self.detection.format, 1.0, found.name, found.confidence, found.bom)


Reader = Callable[[Source, ImportOptions], Iterator[Item]]


def nothing(_: object) -> float:
    """For kinds that are never told by one file, or never by a folder."""
    return 0.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: its name in `--format` and reports, what people call it, and the functions that know it.

    `sniff` says how sure it is (0..1) that one file is of this kind; `sniff_folder` the same of all files of an archive
    together, for exports that are a folder. Both look at content first. Below 0.5 is "no". `is_text`: its files are
    texts, whose encoding has to be found out.
    """

    name: str
    title: str
    read: Reader
    sniff: Callable[[Sample], float] = nothing
    sniff_folder: Callable[[Sequence[Sample]], float] = nothing
    is_text: bool = True


def share(lines: Iterable[str], fits: Callable[[str], Any]) -> float:
    """How many of the lines fit, 0..1."""
    verdicts = [bool(fits(line)) for line in lines]
    return sum(verdicts) / len(verdicts) if verdicts else 0.0


def _guessed(head: bytes) -> Encoding:
    try:
        head[: len(head) - 3 if len(head) >= HEAD else len(head)].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return encoding.guess_legacy(head)
    return Encoding("utf-8", 1.0)
