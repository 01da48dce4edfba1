"""Choices kept as they are made: JSON Lines in a file that the operator names, one line each, on the disk before the
next question is shown.

The first line pins what is compared; a file that was begun for something else is refused. A question that is judged
again gets another line, and the last one counts. A line that was cut off by a crash is dropped when the file is opened
to be written: its question is asked again. No line holds what a customer or a bot said.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.errors import Conflict, StorageFull, UsageError
from data.files import sync
from service.comparing.blind import Judged, Pin
from service.comparing.questions import Question

MOST_BYTES = 64_000_000
_NEW = "Name a new file, or the one of this comparison."


@dataclass
class Ledger:
    """A file of choices. `choices` by question; `mended`: its last line had been cut off."""

    path: Path
    pin: Pin
    choices: dict[str, Judged] = field(default_factory=dict)
    mended: bool = False
    _size: int = 0

    def add(self, judged: Judged) -> None:
        """Keep one choice. Raises Conflict when somebody else wrote to the file, StorageFull, UsageError."""
        self._append(judged.to_wire())
        self.choices[judged.question] = judged

    def _append(self, wire: dict[str, Any]) -> None:
        raw = _line(wire)
        with _written():
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
            try:
                if os.fstat(handle).st_size != self._size:
                    raise Conflict(
                        "Somebody else writes to the file of choices.", remedy="Name a file of your own, each of you."
                    )
                if os.write(handle, raw) != len(raw):
                    os.ftruncate(handle, self._size)
                    raise OSError(errno.ENOSPC, "no space left")
                os.fsync(handle)
            finally:
                os.close(handle)
        self._size += len(raw)


def begun(path: Path) -> Pin | None:
    """What the choices in that file are about; None where there is no file yet, or nothing in it.

    Raises UsageError for a file that holds something else.
    """
    return _read(path)[0]


def open_ledger(path: Path, pin: Pin, questions: Iterable[Question]) -> Ledger:
    """The choices of this comparison that are in the file; a file is begun where there is none.

    Raises UsageError when it holds something else, or the choices of another comparison.
    """
    known, ledger = kept(path, pin, questions)
    if known is None:
        _begin(path, pin)
        return Ledger(path, pin, _size=path.stat().st_size)
    if ledger.mended:
        with _written(), path.open("rb+") as file:
            file.truncate(ledger._size)
            os.fsync(file.fileno())
    return ledger


def kept(path: Path, pin: Pin, questions: Iterable[Question]) -> tuple[Pin | None, Ledger]:
    """The same without touching the file; None where nothing was begun. Raises UsageError."""
    known, lines, size, torn = _read(path)
    differences = [] if known is None else list(pin.differences(known))
    if differences:
        raise UsageError(
            f"The file of choices is about something else: {', '.join(differences)}.",
            remedy=f"{_NEW} What is not named on the command line is taken from it.",
        )
    asked = {one.id for one in questions}
    bad = next((number for number, one in enumerate(lines, 2) if one is None or one.question not in asked), None)
    if bad is not None:
        raise UsageError(
            f"Line {bad} of the file of choices is no choice of this comparison.",
            remedy="Mend that line, or take it out.",
        )
    return known, Ledger(path, pin, {one.question: one for one in lines if one is not None}, torn, size)


def _read(path: Path) -> tuple[Pin | None, list[Judged | None], int, bool]:
    """The pin, the choices (None for a line that is none), the bytes of whole lines, and whether there are more."""
    with _written():
        if not path.exists() or not path.stat().st_size:
            return None, [], 0, False
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            raise _foreign()
        whole, newline, rest = path.read_bytes().rpartition(b"\n")
    head, *lines = whole.split(b"\n")
    pin = Pin.from_wire(_loaded(head)) if newline else None
    if pin is None:
        raise _foreign()
    return pin, [Judged.from_wire(_loaded(line)) for line in lines], len(whole) + 1, bool(rest)


def _begin(path: Path, pin: Pin) -> None:
    """Write the first line aside and put the file in its place, so that it is never without one."""
    aside = path.with_name(f".{path.name}.part")
    with _written():
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(_line(pin.to_wire()))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        sync(path.parent)


def _line(wire: dict[str, Any]) -> bytes:
    return json.dumps(wire, separators=(",", ":")).encode() + b"\n"


def _loaded(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _foreign() -> UsageError:
    return UsageError("The file that --keep names holds something else than choices.", remedy=_NEW)


@contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("The disk is full; the last choice was not kept.", remedy="Free space, go on.") from error
        raise UsageError(
            f"The file of choices cannot be used: {error.strerror or type(error).__name__}.",
            remedy="Name another file, in a folder that is there.",
        ) from error
