"""The trainer as a child process: `service` never imports it, and its memory comes back when it ends.

The child prints one JSON event per line on stdout: `phase`, `progress`, `validated`, and at its end `done` or `failed`.
What else it has to say (warnings of libraries) goes to a log file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from data.errors import AttuneError, FindingsTooBad, JobError, UsageError
from data.files import disk

Event = dict[str, Any]
Launch = Callable[[Sequence[str]], list[str]]
"""From the arguments of the trainer to the command of the child. Tests put a small script in its place."""

NEEDED = ("torch", "lightning", "transformers", "sklearn", "onnx")
"""Packages of the train extra whose absence says that it is not installed."""
GRACE_SECONDS = 20.0
"""How long a child that is asked to stop may take to give its work back."""


def trainer_command(arguments: Sequence[str]) -> list[str]:
    """`python -m trainer ...`; -P keeps a stray `data.py` in the working folder from being taken for ours."""
    return [sys.executable, "-P", "-m", "trainer", *arguments]


def can_train(launch: Launch) -> bool:
    """Whether this install has what training needs."""
    return not _missing(launch)


def require_train_extra(launch: Launch) -> None:
    """Raises AttuneError with advice, before anything is started, when this install cannot train."""
    missing = _missing(launch)
    if missing:
        error = AttuneError(
            f"Training needs packages that are not installed: {', '.join(missing)}.",
            remedy='Install the train extra: pip install "attune[train]".',
        )
        error.code = "train_extra_missing"
        raise error


class Child:
    """A running trainer."""

    def __init__(self, process: subprocess.Popen[bytes], log: IO[bytes] | None) -> None:
        self.process = process
        self._log = log

    def events(self) -> Iterator[Event]:
        """Every event until the child ends. A line that is no event goes to the log."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = _event(line)
            if event is not None:
                yield event
            elif self._log is not None:
                self._log.write(line)
        self.process.wait()

    def stop(self) -> None:
        """Ask it to end and give its work back; end it when it does not."""
        with suppress(ProcessLookupError):
            self.process.terminate()
        try:
            self.process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def running(command: Sequence[str], log: Path | None = None) -> Iterator[Child]:
    """Start `command`, its stderr in the file `log` (none: thrown away). Stopped, if need be, when the block ends.

    It runs in a session of its own: Ctrl-C reaches this process alone, which decides what becomes of the child. Its
    standard input is a pipe that nobody writes to: it closes when this process dies, however suddenly.
    """
    with _log(log) as stream:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if stream is None else stream,
            start_new_session=os.name != "nt",
        )
        child = Child(process, stream)
        try:
            yield child
        finally:
            if process.poll() is None:
                child.stop()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


@contextmanager
def _log(path: Path | None) -> Iterator[IO[bytes] | None]:
    """The open log, removed again when nothing was said."""
    if path is None:
        yield None
        return
    with disk():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        stream = path.open("ab", buffering=0)
    try:
        with stream:
            yield stream
    finally:
        with suppress(OSError):
            if path.stat().st_size == 0:
                path.unlink()


def follow(child: Child, tell: Callable[[Event], None], interrupted: Callable[[], None]) -> Event | None:
    """Tell of every event; returns the one that ended the work, if any.

    The first Ctrl-C calls `interrupted` and goes on listening, for the child ends by itself; the second is raised.
    """
    closing: Event | None = None
    events = child.events()
    asked = False
    while True:
        try:
            event = next(events, None)
        except KeyboardInterrupt:
            if asked:
                raise
            asked = True
            interrupted()
            events = child.events()
            continue
        if event is None:
            return closing
        if event["type"] in ("done", "failed"):
            closing = event
        tell(event)


def error_of(wire: Any) -> AttuneError:
    """The error that the child or a job reported, to be raised here with its own code."""
    body = wire if isinstance(wire, dict) else {}
    code = str(body.get("code", "job_failed"))
    if isinstance(body.get("findings"), list):
        return _with_findings(body)
    kind = UsageError if code in _usage_codes() else JobError
    error = kind(
        str(body.get("message", "The work failed.")), remedy=str(body.get("remedy", "")), **(body.get("ids") or {})
    )
    error.code = code
    return error


def _with_findings(body: Mapping[str, Any]) -> FindingsTooBad:
    error = FindingsTooBad("", (), body["findings"], **(body.get("ids") or {}))
    error.message, error.remedy = str(body.get("message", "")), str(body.get("remedy", ""))
    return error


def ended_without_a_word(child: Child) -> JobError:
    """The child is gone and neither it nor the job says how it ended."""
    status = child.process.returncode
    how = f"it was ended by signal {-status}" if status is not None and status < 0 else f"exit code {status}"
    error = JobError(
        f"The training process ended without a word ({how}).",
        remedy="Look for what ended it (memory is the usual cause) and at its log in the folder logs; then try again.",
    )
    error.code = "child_lost"
    return error


def _missing(launch: Launch) -> list[str]:
    return [name for name in NEEDED if not _is_installed(name)] if launch is trainer_command else []


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):  # a finder that refuses, or a module without a spec
        return False


def _event(line: bytes) -> Event | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("type"), str) else None


def _usage_codes() -> set[str]:
    return {UsageError.code} | {kind.code for kind in UsageError.__subclasses__()}
