"""From token ids that come one by one to text that only grows: no half characters, nothing of a stop string. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

BROKEN = "\ufffd"
"""What decoding puts for bytes that are no character, or not yet."""


class TextStream:
    """Text in the making. What `push` and `finish` return, put together, is the decoded text up to the stop string that
    is complete first, without what is no character; however the text falls into tokens."""

    def __init__(self, decode: Callable[[Sequence[int]], str], stops: Sequence[str] = ()) -> None:
        """`decode` turns any sequence of ids into text. Raises ValueError for an empty stop string."""
        if not all(stops):
            raise ValueError("an empty string is no stop string")
        self._decode = decode
        self._stops = tuple(stops)
        self._ids: list[int] = []
        self._known = ""
        self._fresh = 0
        self._held = ""
        self.stopped = False

    def push(self, token: int) -> str:
        """What is certain to be text now, often nothing. After a stop string always nothing (`stopped`)."""
        if self.stopped:
            return ""
        self._ids.append(token)
        text = self._decode(self._ids)
        if text.endswith(BROKEN):
            return ""
        return self._release(self._take(text))

    def finish(self) -> str:
        """The rest, when no token comes any more: what could have begun a stop string, and no half character."""
        if self.stopped:
            return ""
        text = self._release(self._take(self._decode(self._ids)))
        rest, self._held = self._held, ""
        return text if self.stopped else text + rest

    def _take(self, text: str) -> str:
        """What is new in `text`, decoded from the ids that are still kept. Those whose text was taken are kept once
        more, as what comes next may look otherwise without them (a space at the beginning is dropped)."""
        new = text[len(self._known) :]
        if new:
            self._ids = self._ids[self._fresh :]
            self._fresh = len(self._ids)
            self._known = self._decode(self._ids)
        return new.replace(BROKEN, "")

    def _release(self, new: str) -> str:
        """Add `new` to what is held back, and let go of all that belongs to no stop string, begun or whole."""
        self._held += new
        ends = [(at + len(stop), at) for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if ends:
            self.stopped = True
            text, self._held = self._held[: min(ends)[1]], ""
            return text
        begun = max((_overlap(self._held, stop) for stop in self._stops), default=0)
        cut = len(self._held) - begun
        text, self._held = self._held[:cut], self._held[cut:]
        return text


def _overlap(text: str, stop: str) -> int:
    """How many of the last characters of `text` may be the first ones of `stop`."""
    return next((size for size in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:size])), 0)
