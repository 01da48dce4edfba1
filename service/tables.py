"""Tables for people: reports, verdicts and listings, from the same objects that `--json` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from data.verdict_view import verdict_rows, verdict_sentences
from service.terminal import visible

SHOWN_LABELS = 40
DECISIONS = {
    "promote": ("may go live", "bold green"),
    "hold": ("waits for a person to decide", "bold yellow"),
    "reject": ("must not go live", "bold red"),
}
_SEVERITY = {"error": "red", "warning": "yellow", "info": "dim"}


def text(value: object, style: str = "") -> Text:
    """A cell that shows `value` as it is."""
    return Text(visible(str(value)), style=style)


def listing(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> RenderableType:
    """Rows under headings, or the sentence `empty`."""
    found = list(rows)
    if not found:
        return text(empty)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, no_wrap=place == 0, overflow="fold")  # the first is what verbs take: never cut
    for row in found:
        table.add_row(*(value if isinstance(value, Text) else text("" if value is None else value) for value in row))
    return table


def facts(pairs: Iterable[tuple[str, object]]) -> Table:
    """Names and values side by side; those without a value are left out."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name, value in pairs:
        if value not in (None, "", (), [], {}):
            table.add_row(text(name, "dim"), value if isinstance(value, Text) else text(value))
    return table


def report_table(report: Mapping[str, Any]) -> RenderableType:
    """An import report: what came in, what became of it, what there is to say."""
    head = facts(
        [
            ("file", report.get("file")),
            ("upload", None if report.get("dry_run") else report.get("upload")),
            ("format", f"{report['format']} (sure to {report['format_confidence']:.0%}), {report['encoding']}"),
            ("conversations", report["conversations"]),
            ("rows", f"{report['rows_in']} in, {report['rows_used']} used"),
            ("set aside", _counts(report["set_aside"])),
            ("redacted", _counts(report["redacted"])),
            ("languages", _counts(report["languages"])),
            ("labels", _counts(report["labels"])),
            ("brand", _speakers(report.get("speakers"))),
            ("defines", _definition(report)),
            ("took", f"{report['seconds']:.1f} s"),
        ]
    )
    if report.get("dry_run"):
        return Group(head, text("A dry run: nothing was kept.", "dim"), _findings(report["findings"]))
    if report.get("imported_before"):
        return Group(head, text("Imported before: nothing changed.", "dim"), _findings(report["findings"]))
    return Group(head, _findings(report["findings"]))


def findings_table(found: Sequence[Mapping[str, Any]], empty: str) -> RenderableType:
    """Findings, worst first as they come."""
    return _findings(found) if found else text(empty, "green")


def dataset_table(wire: Mapping[str, Any]) -> RenderableType:
    """What there is to say about a dataset, and the labels that look wrong."""
    head = facts(
        [
            ("dataset", str(wire.get("dataset", ""))[:12]),
            ("looked at with", wire.get("base")),
            ("rows", _counts(wire.get("rows", {}))),
            ("labels", _counts(wire.get("labels", {}))),
            ("languages", _counts(wire.get("languages", {}))),
        ]
    )
    doubts = [(one["row"], one["label"], one["suggested"], f"{one['confidence']:.0%}", one["text"])
              for one in wire.get("label_errors", ())[:SHOWN_LABELS]]  # fmt: skip
    doubted = listing(["row", "label", "looks like", "sure to", "message"], doubts, "")
    return Group(head, findings_table(wire.get("findings", ()), "Nothing to say: every check passed."), doubted)


def verdict_table(title: str, verdict: Mapping[str, Any]) -> RenderableType:
    """Floor, base, live and candidate side by side, what that means in sentences, then the decision and why."""
    header, *rows = verdict_rows(verdict)
    table = Table(title=visible(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(header):
        table.add_column(name, justify="left" if place == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(text(cell) for cell in row))
    meaning, style = DECISIONS.get(str(verdict["decision"]), ("", "bold"))
    said = Text.assemble("Verdict: ", (f"{verdict['decision']}", style), f" ({meaning})")
    reasons = [text(f"  - {reason}") for reason in verdict.get("reasons", ())]
    sentences = [text(sentence) for sentence in verdict_sentences(verdict)]
    return Group(table, *sentences, said, *reasons)


def report_of_experiment(report: Mapping[str, Any]) -> RenderableType:
    """The numbers of an experiment; what is nested stands in report.json."""
    plain = [(name, value) for name, value in report.items() if not isinstance(value, (dict, list))]
    return facts((name, f"{value:.4f}" if isinstance(value, float) else value) for name, value in plain)


def _findings(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    if not found:
        return text("")
    table = Table("", "finding", "rows", "what to do", box=box.SIMPLE_HEAD, pad_edge=False)
    for one in found:
        severity = str(one["severity"])
        remedy = Text.assemble(text(one["remedy"]))
        if one.get("sample"):
            remedy.append(f"\n{visible(str(one['sample'])[:160])}", "dim")
        table.add_row(text(severity, _SEVERITY.get(severity, "")), text(one["code"]), text(one["count"]), remedy)
    return table


def _speakers(found: Mapping[str, Any] | None) -> str:
    if not found:
        return ""
    more = found["brand_speakers"] - len(found["brand"])
    names = ", ".join(found["brand"])
    if more > 0:
        names = f"{names} and {more} more" if names else f"{more} without a name"
    return f"{names or 'nobody'} (by {found['decided_by'].replace('_', ' ')}, sure to {found['confidence']:.0%})"


def _definition(report: Mapping[str, Any]) -> str:
    """What a bot's definition brings for a profile, and how to take it over."""
    proposed = report.get("profile", {})
    intents = proposed.get("intents", ())
    answers = sum(len(intent["answers"]) for intent in intents)
    known = [f"{len(intents)} intents, {answers} answers"] if intents else []
    known += [name for name in proposed if name not in ("intents", "languages")]
    if proposed.get("languages"):
        known.append(f"languages {', '.join(proposed['languages'])}")
    how = "" if report.get("dry_run") else f": attune profile BOT --from-upload {report['upload']}"
    return f"{', '.join(known)}{how}" if known else ""


def _counts(counts: Mapping[str, int]) -> str:
    shown = [f"{name} {count}" for name, count in list(counts.items())[:SHOWN_LABELS]]
    more = len(counts) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
