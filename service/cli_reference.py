"""Writes docs/cli.md from the command line itself: `python -m service.cli_reference` (or `--check`)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any

import typer

from service.cli import make_app

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
SHARED = ("home", "json", "help")
HEAD = """# The command line

<!-- Written by `python -m service.cli_reference`; change the verbs, not this page. -->

Every verb takes these:

- `--home DIR`: the home folder, which holds the database, files and releases. Without it `ATTUNE_HOME` names it, else
  it is `attune-home` in the working folder. docs/settings.md tells of the settings (`ATTUNE_SECTION__NAME`).
- `--json`: answer with one JSON object on stdout (`chat`: one per reply). Progress and notes stand on stderr.
- `--help`: what the verb takes.

**Exit codes**: 0 done; 1 failed; 2 asked for wrongly. An error is a short message and what to do about it on stderr;
with `--json` also `{"error": {"code", "message", "remedy", "ids"}}` on stdout. Something unforeseen leaves its details
in the folder `logs` of the home folder.

Training verbs (`train`, `experiment`, `demo`) need the train extra: `pip install "attune[train]"`; without it `worker`
and `serve` import logs and leave trainings to a worker that has it. Training is done in a child process. Ctrl-C cancels
it; the same `attune train` after a crash takes it up from its last checkpoint.
"""


def reference() -> str:
    """The whole page."""
    root = typer.main.get_command(make_app())
    return "\n".join([HEAD, *(section for name, one in _verbs(root, "attune") for section in _section(name, one))])


def main(arguments: list[str]) -> int:
    """Write the page; with `--check` only say whether it is up to date."""
    if "--check" in arguments:
        return 0 if PAGE.read_text(encoding="utf-8") == reference() else 1
    PAGE.write_text(reference(), encoding="utf-8", newline="\n")
    return 0


def _verbs(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, one in group.commands.items():
        if hasattr(one, "commands"):
            yield from _verbs(one, f"{path} {name}")
        else:
            yield f"{path} {name}", one


def _section(name: str, verb: Any) -> Iterator[str]:
    params = [one for one in verb.params if one.name not in SHARED]
    arguments = [one for one in params if one.param_type_name == "argument"]
    usage = " ".join([name, *(_argument(one) for one in arguments)])
    yield f"## {usage}\n"
    yield cleandoc(verb.help or "") + "\n"
    rows = [(f"`{_argument(one)}`", one.help or "") for one in arguments]
    rows += [(_option(one), _help(one)) for one in params if one.param_type_name == "option"]
    if rows:
        yield "| | |\n|---|---|\n" + "\n".join(f"| {left} | {right} |" for left, right in rows) + "\n"


def _argument(one: Any) -> str:
    return f"{one.metavar or one.name.upper()}{'...' if one.nargs == -1 else ''}"


def _option(one: Any) -> str:
    value = "" if one.is_flag else f" {one.metavar or one.name.upper()}"
    return ", ".join(f"`{name}{value}`" for name in one.opts)


def _help(one: Any) -> str:
    notes = [one.help or ""]
    if one.required:
        notes.append("Required.")
    elif one.default not in (None, False, [], ()) and not callable(one.default):
        notes.append(f"Default: {one.default}.")
    if getattr(one, "multiple", False):
        notes.append("May be given several times.")
    return " ".join(notes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
