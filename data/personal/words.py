"""How the long lists of words in this package are written down."""

from __future__ import annotations

from collections.abc import Iterable

UPPER = "A-Z\u00c0-\u00d6\u00d8-\u00deĀĂĄĆĈĊČĎĐĒĖĘĚĞĠĢĪİĶĹĻĽŁŃŅŇŌŐŘŚŞŠŢŤŪŮŰŲŹŻŽȘȚ\u0410-\u042f"
"""Letters that begin a name, for a class of characters."""


def vocabulary(*texts: str) -> frozenset[str]:
    """The words of `texts`, for quick look-ups."""
    return frozenset(word for text in texts for word in text.split())


def has_any(text: str, stems: Iterable[str]) -> bool:
    """Whether one of `stems` stands in `text`. A loop: `any` with a generator costs every message twice as much."""
    for stem in stems:  # noqa: SIM110
        if stem in text:
            return True
    return False


def pattern(text: str) -> str:
    """A regular expression written over several lines: line breaks and what stands around them do not count."""
    return "".join(line.strip() for line in text.splitlines())
