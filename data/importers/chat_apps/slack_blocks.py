"""The words of Slack's blocks, in the markup of its texts: what a message says that has no text beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from data.importers.documents import table, tables, text

MAX_DEPTH = 6
"""Lists and quotes stand in each other; deeper than Slack writes them nothing is read."""


def words_in(blocks: Any) -> str:
    """A line per block, section or entry of a list; "" where there are no words."""
    lines = ("".join(_pieces(block, MAX_DEPTH)).strip() for block in tables(blocks))
    return "\n".join(filter(None, lines))


def _pieces(block: dict[str, Any], depth: int) -> Iterator[str]:
    if depth == 0:
        return
    said = block.get("text")
    yield said if isinstance(said, str) else text(table(said).get("text"))
    kind = block.get("type")
    if kind == "user":
        yield f"<@{text(block.get('user_id'))}>"
    elif kind == "emoji":
        yield f":{text(block.get('name'))}:"
    elif kind == "link" and not said:
        yield text(block.get("url"))
    for name in ("elements", "fields"):
        for one in tables(block.get(name)):
            if one.get("type") != "button":
                yield "\n" if name == "fields" else ""
                yield from _pieces(one, depth - 1)
                yield "\n" if str(one.get("type")).startswith("rich_text_") else ""
