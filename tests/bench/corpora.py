"""Where the public corpora lie, and what to say when they do not."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

DEFAULT = Path(__file__).resolve().parents[3] / "shared" / "corpora"


def parser(about: str) -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=about)
    found.add_argument("--corpora", type=Path, default=DEFAULT, help="folder of the public corpora")
    return found


def measure(about: str, parts: Mapping[str, Callable[[Path], None]]) -> None:
    """Run the parts that the command line names; all of them where it names none."""
    asked = parser(about)
    asked.add_argument("parts", nargs="*", choices=[*parts, []], default=[])
    options = asked.parse_args()
    for part in options.parts or parts:
        parts[part](options.corpora)


def require(corpora: Path, *names: str) -> list[Path]:
    """The files, or a sentence and exit status 0: a benchmark without its corpus has nothing to say."""
    paths = [corpora / name for name in names]
    missing = [name for name, path in zip(names, paths, strict=True) if not path.is_file()]
    if missing:
        print(f"Not measured: {', '.join(missing)} is not there. Name the folder with --corpora.")
        sys.exit(0)
    return paths
