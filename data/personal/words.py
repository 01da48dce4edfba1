"""How the long lists of words in this package are written down."""

from __future__ import annotations


def vocabulary(*texts: str) -> frozenset[str]:
    """The words of `texts`, for quick look-ups."""
    return frozenset(word for text in texts for word in text.split())


def pattern(text: str) -> str:
    """A regular expression written over several lines: line breaks and what stands around them do not count."""
    return "".join(line.strip() for line in text.splitlines())
