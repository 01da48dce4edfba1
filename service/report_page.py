"""The report of imports, and of a dataset, as one page that needs nothing but itself: no script, no file beside it.

What is drawn is decided here, from the same report that `--json` prints; the template only writes it down. Every chart
is a table with bars in it, or has one beside it, so that it can be read aloud.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.pages import inline_style, written

Report = Mapping[str, Any]
MOST_BARS = 30
"""Bars of one chart; the rest share one."""
STYLE = "report.css"
SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a chart: `share` is its length in percent of the longest."""

    name: str
    count: int
    share: float
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A table with bars. `unit` heads the names, `counted` the numbers."""

    title: str
    note: str
    unit: str
    bars: Sequence[Bar]
    counted: str = "messages"


@dataclass(frozen=True, slots=True)
class Columns:
    """Counts over time, as columns of at most 100 high."""

    title: str
    note: str
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Curve:
    """Accuracy by how much is learned from: points in percent of the drawing, and in words."""

    title: str
    note: str
    points: Sequence[tuple[float, float]]
    path: str
    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Section:
    """All that is said of one report."""

    title: str
    lead: str
    tiles: Sequence[tuple[str, str]]
    findings: Sequence[Mapping[str, Any]]
    charts: Sequence[Chart]
    columns: Columns | None
    curve: Curve | None
    suspects: Sequence[Mapping[str, Any]]


def report_page(reports: Sequence[Report], heading: str = "Import report") -> str:
    """The page of these reports, one section each."""
    style, source = inline_style(STYLE)
    sections = [_section(report) for report in reports]
    return written("report.html", heading=heading, sections=sections, style=style, policy=policy(source))


def policy(source: str | None = None) -> str:
    """What such a page may load: its own style, nothing else."""
    allowed = inline_style(STYLE)[1] if source is None else source
    return f"default-src 'none'; style-src {allowed}; base-uri 'none'; form-action 'none'"


def _section(report: Report) -> Section:
    figures = report.get("figures", {})
    return Section(
        title=str(report.get("title") or report.get("file") or report.get("upload") or "upload"),
        lead=_lead(report),
        tiles=list(_tiles(report)),
        findings=_findings(report),
        charts=[chart for chart in _charts(report, figures) if chart.bars],
        columns=_timeline(figures.get("timeline")),
        curve=_curve(report.get("curve")),
        suspects=report.get("label_errors", ())[:MOST_BARS],
    )


def _lead(report: Report) -> str:
    if "format" not in report:
        return str(report.get("lead", ""))
    said = f"{report['format']} (sure to {report['format_confidence']:.0%}), {report['encoding']}"
    return f"{said}. A dry run: nothing was kept." if report.get("dry_run") else f"{said}."


def _tiles(report: Report) -> Iterator[tuple[str, str]]:
    yield from report.get("tiles", ())
    if "rows_in" not in report:
        return
    aside = sum(report["set_aside"].values())
    yield "conversations", f"{report['conversations']:,}"
    yield "rows read", f"{report['rows_in']:,}"
    yield "rows used", f"{report['rows_used']:,}"
    yield "rows set aside", f"{aside:,}"
    yield "labels", f"{report.get('distinct_labels', len(report['labels'])):,}"
    yield "things redacted", f"{sum(report['redacted'].values()):,}"


def _findings(report: Report) -> list[Mapping[str, Any]]:
    found = list(report.get("findings", ()))
    return sorted(found, key=lambda one: SEVERITIES.index(one["severity"]))


def _charts(report: Report, figures: Mapping[str, Any]) -> Iterator[Chart]:
    if "rows_in" in report:
        fate = [("used", report["rows_used"], "good"), *((why, n, "aside") for why, n in report["set_aside"].items())]
        note = "Every row is used, or set aside for a reason."
        yield Chart("What became of the rows", note, "row", _bars(fate), "rows")
    for title, name, unit, counted, note in (
        ("Classes", "labels", "label", "messages", "Messages that carry each label."),
        ("Languages", "languages", "language", "messages", "Messages in each language."),
        ("Redacted", "redacted", "kind", "times", "Personal details that became placeholders."),
    ):
        yield Chart(title, note, unit, _bars([(key, n, "") for key, n in report.get(name, {}).items()]), counted)
    for side, who in (("user", "customers"), ("brand", "the brand")):
        bars = _bars([(key, n, side) for key, n in figures.get("lengths", {}).get(side, ())])
        yield Chart(f"Length of messages of {who}", "By characters.", "characters", bars)
    turns = _bars([(key, n, "") for key, n in figures.get("turns", ())])
    yield Chart("Length of conversations", "By turns.", "turns", turns, "conversations")
    repeats = _bars([(key, n, "") for key, n in figures.get("repeats", ())])
    note = "How often customers said the same, or nearly the same: distinct messages by the times they came."
    yield Chart("Duplicates", note, "times said", repeats, "distinct")


def _bars(counts: Sequence[tuple[str, int, str]]) -> list[Bar]:
    """The first bars, and one for all others."""
    shown, others = list(counts[:MOST_BARS]), counts[MOST_BARS:]
    if others:
        shown.append((f"{len(others)} more", sum(count for _, count, _ in others), "rest"))
    longest = max((count for _, count, _ in shown), default=0)
    return [Bar(name, count, _share(count, longest), kind) for name, count, kind in shown]


def _share(count: int, longest: int) -> float:
    """The length of a bar in percent; what is there at all can be seen."""
    return max(0.8, round(100 * count / longest, 2)) if count else 0.0


def _timeline(told: Mapping[str, Any] | None) -> Columns | None:
    if not told:
        return None
    highest = max(count for _, count in told["counts"])
    bars = [Bar(name, count, _share(count, highest)) for name, count in told["counts"]]
    undated = f" Without a time: {told['undated']:,}." if told["undated"] else ""
    return Columns("Timeline", f"Messages by {told['unit']}, at most {highest:,}.{undated}", bars)


def _curve(told: Mapping[str, Any] | None) -> Curve | None:
    """The learning curve; x is logarithmic, since every doubling counts alike."""
    if not told or len(told["points"]) < 2:
        return None
    sizes, scores = [p["rows"] for p in told["points"]], [p["accuracy"] for p in told["points"]]
    low = min(scores) - 0.02
    span = max(max(scores) - low, 0.02) * 1.1
    places = [place / max(1, len(sizes) - 1) for place in range(len(sizes))]
    points = [(round(4 + 92 * x, 2), round(96 - 92 * (y - low) / span, 2)) for x, y in zip(places, scores, strict=True)]
    path = "M" + " L".join(f"{x} {y}" for x, y in points)
    rows = [(f"{size:,}", f"{score:.1%}") for size, score in zip(sizes, scores, strict=True)]
    note = "Share of messages understood by a quick model that had not seen them, by how many it had learned from."
    return Curve("Learning curve", note, points, path, rows)
