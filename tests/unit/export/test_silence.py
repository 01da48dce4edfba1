"""What runs models counts nobody: the engines' own reporting is off before they are loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOADS = "import export.{module}, os, sys; print(sorted(os.listdir(os.environ['HOME'])))"


def kept_by(module: str, home: Path) -> str:
    """What stands under the user's home once this room's module was imported, engines and all."""
    home.mkdir()
    ran = subprocess.run(
        [sys.executable, "-c", LOADS.format(module=module)],
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return ran.stdout.strip()


@pytest.mark.parametrize("module", ["runtime", "decoding"])
def test_nothing_is_kept_of_what_was_run(tmp_path: Path, module: str):
    assert kept_by(module, tmp_path / "home") == "[]"
