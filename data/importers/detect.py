"""What is this file? Decided by content; the name only breaks a tie between CSV and TSV.

Every kind is asked (`data.importers.kinds`); what is of none of them is a table or JSON Lines, or is refused. The whole
upload is read once, so that a broken archive or a bomb is refused before the first row is kept.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from data.errors import ImportRefused
from data.importers import encoding, kinds, line_files, no_logs
from data.importers.container import Container, Member, open_container
from data.importers.encoding import Encoding
from data.importers.kind import Sample
from data.importers.nouns import LINE_FORMATS, NAME_IT, Detection, ImportOptions
from data.importers.packed import CHUNK, refuse_binary, refuse_foreign
from data.settings import ImportSettings

_OFFICE = ("xl/workbook.xml", "word/document.xml", "ppt/presentation.xml", "content.xml")


def detect(
    path: Path, name: str, options: ImportOptions | None = None, limits: ImportSettings | None = None
) -> Detection:
    """What the file at `path`, called `name` by its owner, is. Options win over what is found.

    Reads the whole file once. Raises ImportRefused for what is empty, damaged, too large or of no kind that is known.
    """
    options = options or ImportOptions()
    found = _detected(path, name, options, limits or ImportSettings())
    return replace(found, is_named=options.format is not None)


def _detected(path: Path, name: str, options: ImportOptions, limits: ImportSettings) -> Detection:
    with open_container(path, name, limits) as container:
        samples = [Sample(member, options.encoding) for member in container.members]
        choice = _choice(samples, options)
        if container.packing == "zip":
            return _archive(container, choice, options, limits)
        (member,) = container.members
        if choice is not None and not choice.kind.is_text:
            return replace(_whole([member], choice), packing=container.packing)
        survey = _survey(member, options, is_known=choice is not None)
        if choice is None:
            if options.format is None:
                no_logs.refuse(samples[0])
            found = line_files.detect_lines(survey.head, survey.detection, options, limits)
        else:
            found = replace(survey.detection, format=choice.kind.name, confidence=choice.confidence)
        return replace(found, packing=container.packing, members=(member.name,))


def _choice(samples: list[Sample], options: ImportOptions) -> kinds.Choice | None:
    """The kind of the samples; None where they are to be read line by line."""
    if options.format in LINE_FORMATS:
        return None
    chosen = kinds.named(options.format)
    return kinds.choose(samples) if chosen is None else kinds.fitting(chosen, samples)


def _archive(
    container: Container, choice: kinds.Choice | None, options: ImportOptions, limits: ImportSettings
) -> Detection:
    """What a zip holds: files of one kind, or else those of its files that are read line by line."""
    wanted = container.members
    if choice is None and any(member.name in _OFFICE for member in wanted):
        raise ImportRefused(
            "Expected a log of conversations (docs/formats.md); this is an office document.",
            remedy="Save the table as .xlsx or as CSV (UTF-8).",
            reason="not_text",
        )
    if choice is not None:
        wanted = tuple(member for member in wanted if member.name in set(choice.members))
    if choice is not None and not choice.kind.is_text:
        return replace(_whole(wanted, choice), packing="zip")
    encodings: dict[str, Encoding] = {}
    taken: list[Detection] = []
    for member in wanted:
        survey = _surveyed(member, options, limits, by_kind=choice is not None)
        if survey is not None:
            taken.append(replace(survey, members=(member.name,)))
            if survey.encoding != "utf-8" or survey.bom:
                encodings[member.name] = Encoding(survey.encoding, survey.encoding_confidence, survey.bom)
    if not taken:
        raise _nothing_readable(container)
    odd = next((one for one in taken if one.encoding != "utf-8"), taken[0])
    formats = {one.format for one in taken}
    return replace(
        odd,
        format=choice.kind.name if choice else taken[0].format if len(formats) == 1 else "jsonl",
        confidence=choice.confidence if choice else min(one.confidence for one in taken),
        lines=sum(one.lines for one in taken),
        packing="zip",
        members=tuple(name for one in taken for name in one.members),
        encodings=encodings,
    )


def _whole(members: Sequence[Member], choice: kinds.Choice) -> Detection:
    """Files that are no texts, read from end to end: damage shows here."""
    for member in members:
        for _ in member.chunks():
            pass
    names = tuple(member.name for member in members)
    return Detection(choice.kind.name, choice.confidence, "utf-8", name=names[0], members=names)


def _surveyed(member: Member, options: ImportOptions, limits: ImportSettings, *, by_kind: bool) -> Detection | None:
    """One file of an archive, read from end to end; None for one that cannot be read here."""
    sample = Sample(member, options.encoding)
    if not sample.head.strip() or (not by_kind and not sample.is_text):
        return None
    survey = _survey(member, options, is_known=True)
    if by_kind and not sample.is_text:  # a picture in a folder has no encoding
        return replace(survey.detection, encoding="utf-8", encoding_confidence=1.0, bom=0)
    if by_kind:
        return survey.detection
    try:
        found = line_files.detect_lines(survey.head, survey.detection, options, limits)
    except ImportRefused:
        return None
    return found if found.confidence >= kinds.FLOOR or options.format is not None else None


def _nothing_readable(container: Container) -> ImportRefused:
    count = len(container.members)
    if not count:
        return ImportRefused("The archive holds no file.", remedy="Pack the export again.", reason="empty_file")
    packed = [Sample(member).head[:4] for member in container.members]
    if all(head[:2] == b"\x1f\x8b" or head[:2] == b"PK" for head in packed):
        return ImportRefused(
            "There are only archives inside the archive.", remedy="Unpack it once.", reason="archive_nested"
        )
    return ImportRefused(
        f"None of the {count} files in the archive is of a kind that is known here.",
        remedy=f"If a program exported them, {NAME_IT}; else upload one by itself to see what it lacks.",
        reason="unknown_kind",
    )


@dataclass(frozen=True, slots=True)
class _Survey:
    """The first bytes of a file, and how it is written."""

    head: bytes
    detection: Detection


def _survey(member: Member, options: ImportOptions, *, is_known: bool) -> _Survey:
    """Read a file from end to end; limits and damage show here, before any row."""
    with closing(member.chunks()) as chunks:
        head = _first(chunks)
        if not is_known:
            refuse_foreign(head)
        if not head.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
            raise ImportRefused(
                "The file holds nothing.", remedy="Upload a file with conversations.", reason="empty_file"
            )
        counted = _Counted(chain([head], chunks))
        found = _chosen(head, options) or encoding.sniff(counted, head)
        for _ in counted:
            pass
        if not is_known and options.encoding is None and encoding.wide(head) is None:
            refuse_binary(head)
    old_mac = b"\r" in head and b"\n" not in head
    detection = Detection("jsonl", 1.0, found.name, found.confidence, found.bom, old_mac, lines=counted.newlines)
    return _Survey(head, replace(detection, name=member.name))


def _first(chunks: Iterator[bytes]) -> bytes:
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= CHUNK:
            break
    return head


class _Counted:
    """Chunks, with their line breaks counted as they pass."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.newlines = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.newlines += chunk.count(b"\n") or chunk.count(b"\r")
            yield chunk


def _chosen(head: bytes, options: ImportOptions) -> Encoding | None:
    """The encoding its owner names; a byte-order mark of that encoding is dropped all the same."""
    if options.encoding is None:
        return None
    name = codecs.lookup(options.encoding).name
    marked = encoding.marked(head)
    aliases = {"utf-8-sig": "utf-8", "utf-16": marked.name if marked else "utf-16-le"}
    name = aliases.get(name, name)
    return marked if marked is not None and marked.name == name else Encoding(name, 1.0)
