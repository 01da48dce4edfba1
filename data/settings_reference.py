"""Writes docs/settings.md from the settings themselves: `python -m data.settings_reference` (or `--check`)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from data.settings import PREFIX, Settings

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
HEAD = """# Settings

<!-- Written by `python -m data.settings_reference`; change data/settings.py, not this page. -->

Nothing needs to be set. What is set is looked for in this order, the later one winning:

1. the defaults below;
2. `attune.toml` in the home folder: `[section]`, then `name = value`;
3. the environment: `ATTUNE_HOME` names the home folder, `ATTUNE_WORKSPACE` the workspace, every other variable is
   `ATTUNE_SECTION__NAME`;
4. the command line: `--home`.

A name that is not on this page is refused, so that a typo cannot pass as a default; so is a value out of its range.
No error message repeats a value. What a training learns is no setting but a recipe: docs/recipes.md. What a bot says
is its profile: docs/profile.md.

```toml
# attune.toml
[imports]
phone_region = "DE"

[train]
threads = 8
```
"""
RANGES = {
    Gt: ("gt", ">"),
    Ge: ("ge", "≥"),
    Lt: ("lt", "<"),
    Le: ("le", "≤"),
    MinLen: ("min_length", "length ≥"),
    MaxLen: ("max_length", "length ≤"),
}


def reference() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_home(), *_workspace(), *(line for name in _sections() for line in _section(name))])


def documented() -> Iterator[str]:
    """The environment variable of every setting, in the order of the page."""
    yield f"{PREFIX}HOME"
    yield f"{PREFIX}WORKSPACE"
    for section, kind in _sections().items():
        for name in kind.model_fields:
            yield _variable(section, name)


def main(arguments: list[str]) -> int:
    """Write the page; with `--check` only say whether it is up to date."""
    if "--check" in arguments:
        return 0 if PAGE.read_text(encoding="utf-8") == reference() else 1
    PAGE.write_text(reference(), encoding="utf-8", newline="\n")
    return 0


def _sections() -> dict[str, type[BaseModel]]:
    kinds = {name: field.annotation for name, field in Settings.model_fields.items()}
    return {name: kind for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, BaseModel)}


def _home() -> Iterator[str]:
    field = Settings.model_fields["home"]
    yield "## The home folder\n"
    yield f"`{PREFIX}HOME` or `--home`; default `{field.default}` in the working folder. {field.description}\n"


def _workspace() -> Iterator[str]:
    field = Settings.model_fields["workspace"]
    yield "## The workspace\n"
    yield f"`{PREFIX}WORKSPACE`; default `{field.default}`. {field.description} A server serves all of them.\n"


def _section(section: str) -> Iterator[str]:
    kind = _sections()[section]
    yield f"## [{section}]\n"
    yield f"{(kind.__doc__ or '').strip()}\n"
    yield "| variable | default | range | |\n|---|---|---|---|"
    for name, field in kind.model_fields.items():
        yield f"| `{_variable(section, name)}` | {_default(field)} | {_range(field)} | {field.description} |"
    yield ""


def _variable(section: str, name: str) -> str:
    return f"{PREFIX}{section}__{name}".upper()


def _default(field: FieldInfo) -> str:
    if field.default is None:
        return "-"
    shown = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
    return "`{}`".format(shown.replace("|", "\\|")) if shown else '`""`'


def _range(field: FieldInfo) -> str:
    told = [f"{sign} {bound:g}" for rule in field.metadata for sign, bound in _bounds(rule)]
    return ", ".join(told) or "-"


def _bounds(rule: Any) -> Iterator[tuple[str, float]]:
    """The sign and the number of one rule of a field, such as ("≥", 1)."""
    for kind, (name, sign) in RANGES.items():
        if isinstance(rule, kind):
            yield sign, getattr(rule, name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
