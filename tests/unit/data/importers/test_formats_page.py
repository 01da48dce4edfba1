"""docs/formats.md names everything the importer can say, and nothing it cannot."""

from __future__ import annotations

import re
from pathlib import Path

from data.catalogue import NOTICED, SET_ASIDE
from data.importers.nouns import FIELDS, FORMATS
from data.importers.usual_names import COLUMN_NAMES, ROLE_NAMES
from data.schema import ROLES
from tests.unit.data.importers import own_files

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def codes(title: str) -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \|", section(title), flags=re.MULTILINE))


def test_reasons_and_findings():
    assert codes("Reasons for setting a row aside") == set(SET_ASIDE)
    assert codes("Findings beside those") == set(NOTICED)
    for code, kind in NOTICED.items():
        assert f"| `{code}` | {kind.severity} |" in PAGE


def test_refusals():
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "data" / "importers").rglob("*.py"))
    raised = set(re.findall(r'reason="(\w+)"', sources)) | set(re.findall(r'"(\w+)",?\s*\)\n', sources)) & codes(
        "Files that are refused as a whole"
    )
    assert raised == codes("Files that are refused as a whole")


def test_fields_and_roles():
    assert codes("CSV and TSV") == set(FIELDS) | set(ROLES)
    assert set(FIELDS) == set(COLUMN_NAMES)
    missing = [name for names in COLUMN_NAMES.values() for name in names if name.removesuffix(" id") not in PAGE]
    assert missing == []
    assert [name for name in ROLE_NAMES if name not in PAGE] == []


def test_counts_of_our_own_fixtures():
    counted = own_files.section()
    assert own_files.written() == counted, "run `python -m tests.unit.data.importers.own_files`"
    assert {name.partition("/")[0] for name, _ in own_files.files()} == set(FORMATS)
    imported = set(re.findall(r"^\| [^|]+ \| `(\w+)` \|", counted, flags=re.MULTILINE))
    assert set(FORMATS) - imported == set()
