"""From an exception to what is said about it and the exit code: 1 failed, 2 asked for wrongly. Never a stack trace."""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from data.errors import AttuneError, StorageFull, UsageError
from data.settings import load_settings
from service.terminal import Answer, Terminal

FAILED = 1
USAGE = 2


@runtime_checkable
class ParserError(Protocol):
    """What typer raises for a command line that it cannot read."""

    exit_code: int
    ctx: Any

    def format_message(self) -> str: ...


def report(raised: Exception, arguments: Sequence[str]) -> int:
    """Say what went wrong, in the form the arguments ask for; returns the exit code."""
    error = as_attune_error(raised, arguments)
    terminal = Terminal(as_json=wants_json(arguments))
    with suppress(OSError):  # a stream that cannot be written keeps the other one from nothing
        if terminal.as_json:
            terminal.give(Answer({"error": error.to_wire()}))
    with suppress(OSError):
        terminal.note(f"{error.message}\n{error.remedy}".strip())
    return USAGE if isinstance(error, UsageError) else FAILED


def as_attune_error(raised: Exception, arguments: Sequence[str]) -> AttuneError:
    """The error as the house speaks of it."""
    if isinstance(raised, AttuneError):
        return raised
    if isinstance(raised, ParserError):
        path = getattr(raised.ctx, "command_path", "attune")
        return UsageError(raised.format_message(), remedy=f"`{path} --help` shows what it takes.")
    if isinstance(raised, OSError) and raised.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull("The disk is full.", remedy="Free space, then try again.")
    kept = _keep_trace(raised, arguments)
    where = f" The file {kept} in the home folder holds the details." if kept else ""
    error = AttuneError(
        f"attune met something nobody foresaw: {type(raised).__name__}.", remedy=f"Please report it.{where}"
    )
    error.code = "internal"
    return error


def wants_json(arguments: Sequence[str]) -> bool:
    return "--json" in arguments


def named_home(arguments: Sequence[str]) -> str | None:
    """The value of `--home`, read without a parser, for when parsing is what failed."""
    for place, argument in enumerate(arguments):
        if argument == "--home":
            return next(iter(arguments[place + 1 : place + 2]), None)
        if argument.startswith("--home="):
            return argument.removeprefix("--home=")
    return None


def _keep_trace(raised: Exception, arguments: Sequence[str]) -> str | None:
    """Write the trace to the home folder, for its owner alone: it may quote a customer. None: it could not be kept."""
    try:
        home = load_settings(named_home(arguments)).home
        folder = home / "logs"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"error-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log"
        _write(folder / name, "".join(traceback.format_exception(raised)))
    except (OSError, AttuneError):
        return None
    return f"logs/{name}"


def _write(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8", errors="backslashreplace") as file:
        path.chmod(0o600)
        file.write(text)
