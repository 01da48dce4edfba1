"""Reports and findings without anything that anybody wrote: counts alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NUMBERS = (
    "upload", "format", "format_confidence", "encoding", "dry_run", "conversations", "rows_in", "rows_used",
    "set_aside", "redacted", "languages", "seconds", "turns", "distinct_labels", "files", "dataset", "base", "rows",
)  # fmt: skip
OF_FINDINGS = ("code", "severity", "rows", "count", "remedy", "fixable")
GONE = "erased"
"""Says of a report that it was longer."""


def without_quotes(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report as counts. What is not known to be one is left out."""
    numbers = {name: report[name] for name in NUMBERS if name in report}
    return {**numbers, "labels": {}, "findings": findings_without_quotes(report), GONE: True}


def findings_without_quotes(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Its findings without their samples."""
    found = report.get("findings", ())
    return [{**{name: one[name] for name in OF_FINDINGS if name in one}, "sample": ""} for one in found]
