"""QnA Maker and what came after it (custom question answering): a knowledge base as TSV or as JSON.

The table has one line for every wording of a question, with the answer repeated on each; lines that share id, or
answer and source, are one pair. Row numbers of a table are its lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count, islice
from typing import Any

from data.importers import records
from data.importers.bot_platforms import phrases
from data.importers.bot_platforms.answered import Pair, answered, name_of
from data.importers.columns import plain_name
from data.importers.container import Member
from data.importers.documents import entries, table, text, texts
from data.importers.hints import ProfileHint
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason
from data.importers.rows import Rows
from data.schema import SetAside

_COLUMNS = ("question", "answer")
_OWN = frozenset({"source", "metadata", "suggestedquestions", "iscontextonly", "prompts", "qnaid", "sourcedisplayname"})
_PAIRS = tuple(
    f"{prefix}{name}.item"
    for prefix in ("", "assets.", "Assets.", "add.")
    for name in ("qnaList", "qnaDocuments", "qnas", "Qnas", "QnaList")
)
_LANGUAGES = ("language", "metadata.language", "Metadata.Language")


def sniff(sample: Sample) -> float:
    for path in _PAIRS:
        if sample.paths >= {f"{path}.questions.item", f"{path}.answer"} or sample.paths >= {
            f"{path}.Questions.item",
            f"{path}.Answer",
        }:
            return 0.95
    header = [_plain(cell) for cell in sample.lines[0].split("\t")] if sample.lines else []
    return 0.97 if set(_COLUMNS) <= set(header) and _OWN & set(header) else 0.0


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """Questions with their answers. Raises ImportRefused where there are none."""
    yield from phrases.or_refused(_items(source), "a knowledge base of questions and answers")


def _items(source: Source) -> Iterator[Item]:
    rows = count(1)
    before = 0
    for member in source.members:
        if Sample(member, source.written(member).encoding).text.lstrip()[:1] in ("{", "["):
            yield from _document(source, member, rows)
        else:
            number = 0
            for item, line in _lines(source, member, before):
                number = line
                yield item
            before += number


def _document(source: Source, member: Member, rows: count[int]) -> Iterator[Item]:
    for found in entries(source, member, (*_PAIRS, *_LANGUAGES)):
        if isinstance(found, Reason):
            yield SetAside(next(rows), found, member.name)
            continue
        path, value = found
        if path in _LANGUAGES:
            code = records.language_of(value)
            yield ProfileHint(languages=(code,) if code else ())
        elif not isinstance(value, dict):
            yield SetAside(next(rows), Reason.WRONG_TYPE)
        else:
            pair = _pair({name.lower(): inner for name, inner in value.items()})
            first, *_ = islice(rows, pair.rows)
            yield from answered(pair, first, source.limits)


def _pair(body: Mapping[str, Any]) -> Pair:
    context = {name.lower(): inner for name, inner in table(body.get("context") or body.get("dialog")).items()}
    return Pair(
        texts(body.get("questions")),
        text(body.get("answer")),
        is_followup=context.get("iscontextonly") is True,
        extras=bool(body.get("metadata") or context.get("prompts")),
    )


def _lines(source: Source, member: Member, before: int) -> Iterator[tuple[Item, int]]:
    """The lines of a table, each with the number of the line it came from."""
    places: dict[str, int] = {}
    known: dict[int, str] = {}
    for row in Rows(source.lines(member), "\t", lambda cells: len(cells) > 2):
        if not places:
            places = {_plain(cell): place for place, cell in enumerate(row.cells)}
            if not set(_COLUMNS) <= places.keys():
                yield SetAside(before + row.number, Reason.UNKNOWN_SHAPE, row.sample), row.number
                return
            continue
        if row.flaw is not None:
            yield SetAside(before + row.number, row.flaw, row.sample), row.number
            continue
        if places["answer"] >= len(row.cells):
            yield SetAside(before + row.number, Reason.RAGGED_ROW, "\t".join(row.cells)[:400]), row.number
            continue
        cells = {name: row.cells[place] for name, place in places.items() if place < len(row.cells)}
        for item in answered(_wording(cells, known), before + row.number, source.limits):
            yield item, row.number


def _wording(cells: Mapping[str, str], known: dict[int, str]) -> Pair:
    """One line: with the answer where it is the first of its pair, else one more wording of an earlier one."""
    question, answer = cells.get("question", ""), cells["answer"].replace("\\n", "\n")
    digest = hash(cells.get("qnaid") or (answer, cells.get("source"), cells.get("metadata")))
    is_first = digest not in known
    intent = known.setdefault(digest, name_of(question))
    is_followup = cells.get("iscontextonly", "").strip().lower() == "true"
    extras = any(
        cells.get(name, "").strip() not in ("", "[]") for name in ("metadata", "prompts", "suggestedquestions")
    )
    return Pair([question], answer if is_first else "", None, intent or None, is_followup, extras and is_first)


def _plain(cell: str) -> str:
    return plain_name(cell.strip().strip('"\ufeff')).replace(" ", "")


KINDS: tuple[Kind, ...] = (Kind("qna_maker", "a QnA Maker knowledge base", read, sniff),)
