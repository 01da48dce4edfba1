"""An upload written to disk, and looked at from end to end."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from data.examine import Numbers, examine
from data.importers import ImportOptions
from data.schema import Conversation, ImportReport
from data.settings import ImportSettings


@dataclass(frozen=True)
class Looked:
    report: ImportReport
    conversations: list[Conversation]

    @property
    def texts(self) -> list[str]:
        return [turn.text for conversation in self.conversations for turn in conversation.turns]

    @property
    def codes(self) -> set[str]:
        return {finding.code for finding in self.report.findings}


Look = Callable[..., Looked]


def look_at(path: Path, content: bytes | str, name: str = "logs", **options: Any) -> Looked:
    settings = options.pop("settings", None) or ImportSettings()
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    examination = examine(path, name, ImportOptions(**options), settings)
    found = [one.conversation for batch in examination.batches() for one in batch]
    report = examination.report(Numbers("upload", dry_run=True, seconds=0.0))
    json.dumps(report.to_wire()).encode("ascii")  # whatever came in, the report can be written
    return Looked(report, found)


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Write `content` to a file and examine it; raises ImportRefused as an import would."""
    return lambda content, name="logs", **options: look_at(tmp_path / "upload", content, name, **options)


@pytest.fixture(scope="session")
def looker() -> Look:
    """`look` for tests that bring their own path."""
    return look_at


@pytest.fixture
def upload(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "upload"
        path.write_bytes(content)
        return path

    return write
