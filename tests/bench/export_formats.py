"""What becomes of every file of a folder of public exports, kind by kind? A program, not a test.

    python -m tests.bench.export_formats [FOLDER]

FOLDER holds one folder per product, `../shared/corpora/export_formats` when it is not named; a product whose export is
itself a tree of folders is packed and read as one zip. Prints the table of docs/formats.md: what each file was taken
for, and how many rows came in, were used and were set aside, or why the file was refused.
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from data.errors import ImportRefused
from data.importers import ImportOptions
from data.ingest import dry_run
from data.settings import ImportSettings

DEFAULT = Path("../shared/corpora/export_formats")
HEAD = "| file | format | sure | conversations | rows | used | set aside |\n|---|---|---|---|---|---|---|"


def uploads(folder: Path, scratch: Path) -> Iterator[tuple[str, Path]]:
    """What a user would hand in: every file, or the whole tree as a zip."""
    for product in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted(path for path in product.rglob("*") if path.is_file())
        if all(path.parent == product for path in files):
            yield from ((path.relative_to(folder).as_posix(), path) for path in files)
            continue
        packed = scratch / f"{product.name}.zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in files:
                archive.write(path, path.relative_to(product).as_posix())
        yield f"{product.name} ({len(files)} files, packed)", packed


def line(name: str, path: Path) -> tuple[str, str]:
    """A row of the table, and what became of the file."""
    try:
        report = dry_run(path, path.name, ImportOptions(), ImportSettings())
    except ImportRefused as refused:
        return f"| {name} | refused: `{refused.ids.get('reason')}` | | | | | {refused.message} |", "refused"
    aside = ", ".join(f"`{reason}` {count}" for reason, count in sorted(report.set_aside.items()))
    intents = len(report.extra.get("profile", {}).get("intents", ()))
    defined = f"{', ' if aside else ''}defines {intents} intents" if intents else ""
    row = [name, f"`{report.format}`", f"{report.format_confidence:.2f}", report.conversations, report.rows_in,
           report.rows_used, aside + defined]  # fmt: skip
    outcome = "imported" if report.rows_used or intents else "nothing used"
    return f"| {' | '.join(map(str, row))} |", outcome


def main(folder: Path) -> int:
    if not folder.is_dir():
        print("The folder of exports is not there: nothing was read. Name it as the first argument.")
        return 0
    outcomes: Counter[str] = Counter()
    print(HEAD)
    with tempfile.TemporaryDirectory() as scratch:
        for name, path in uploads(folder, Path(scratch)):
            row, outcome = line(name, path)
            outcomes[outcome] += 1
            print(row)
    print(f"\n{', '.join(f'{count} {outcome}' for outcome, count in sorted(outcomes.items()))}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT))
