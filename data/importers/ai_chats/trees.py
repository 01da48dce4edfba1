"""Which messages of a tree were shown last: a message that was edited, or a reply asked for again, begins a branch.

Exports keep every branch. The live one leads from the message at which its owner left off back to the first one.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """A message's place: the one before it, those after it, and when it was said."""

    parent: str | None = None
    children: tuple[str, ...] = ()
    at: float | None = None


def live_branch(nodes: Mapping[str, Node], current: str | None) -> list[str]:
    """The messages from the first to the current one; where none is known as current, to the latest of the ends."""
    parents = {child: name for name, node in nodes.items() for child in node.children if child in nodes}
    parents |= {name: node.parent for name, node in nodes.items() if node.parent in nodes and node.parent is not None}
    if current not in nodes:
        current = _latest(nodes, set(parents.values()))
    path: list[str] = []
    seen: set[str] = set()
    while current is not None and current not in seen:
        seen.add(current)
        path.append(current)
        current = parents.get(current)
    return path[::-1]


def _latest(nodes: Mapping[str, Node], inner: Set[str]) -> str | None:
    """The end of a branch that was said last; of equals the one that stands last."""
    ends = [name for name in nodes if name not in inner]
    place = {name: number for number, name in enumerate(nodes)}
    return max(ends or list(nodes), key=lambda name: (nodes[name].at or 0.0, place[name]), default=None)
