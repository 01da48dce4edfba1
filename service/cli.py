"""The command line: the verbs put together, and the one place where an exception becomes an exit code.

    attune init BOT | import BOT FILE... | train BOT | chat BOT | ...

Exit codes: 0 done, 1 failed, 2 asked for wrongly. Answers stand on stdout, everything else on stderr.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from types import FrameType
from typing import Annotated, Any

import typer

from service.child import Launch, trainer_command
from service.commands import groups
from service.failures import FAILED, USAGE, report
from service.terminal import Terminal

ABOUT = "Turn a business's conversation logs into a chatbot in the brand's own voice that knows when not to answer."


def make_app(verb: str | None = None) -> typer.Typer:
    """The whole command line; with `verb`, at least that verb."""
    app = typer.Typer(
        name="attune", help=ABOUT, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
    )
    app.callback(invoke_without_command=True)(_about)
    for group in groups(verb):
        group(app)
    return app


def run(arguments: Sequence[str], launch: Launch = trainer_command) -> int:
    """Run one command line; returns the exit code. `launch` starts the trainer (see `service.child`)."""
    command = typer.main.get_command(make_app(next(iter(arguments), None)))
    try:
        code = command.main(list(arguments) or ["--help"], prog_name="attune", standalone_mode=False, obj=launch)
        sys.stdout.flush()
    except BrokenPipeError:
        _leave_stdout()
        return FAILED
    except (KeyboardInterrupt, typer.Abort):
        return FAILED
    except Exception as raised:
        return report(raised, arguments)
    return code if code in (0, FAILED, USAGE) else FAILED  # 130 is Ctrl-C


def main() -> None:
    """The console script."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _stop)
    sys.exit(run(sys.argv[1:]))


def _about(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Show the version and end.")] = False,
) -> None:
    if show_version:
        try:
            typer.echo(version("attune"))
        except PackageNotFoundError:  # a source tree that was never installed
            typer.echo("0")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _stop(number: int, frame: FrameType | None) -> Any:
    """Asked to end: leave through every `finally`, so that a child gives its work back."""
    Terminal().note("Asked to end; unfinished work goes back to the queue.")
    raise SystemExit(FAILED)


def _leave_stdout() -> None:
    """Whoever read us is gone: what is still buffered must not fail at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
