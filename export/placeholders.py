"""Placeholders in a brand's earlier replies, such as `[order 1]`: what they need before such a reply can be said again.

Logs are redacted on the way in, so a reply learnt from them says "order [order 1] has left", not the number. It may be
said again only when the customer of *this* conversation gave exactly one value of that kind: with two order numbers
on the table, any choice would be a guess about somebody's order. Whether the placeholder stood for something the
customer had said (and not for a tracking number only the brand knew) is known when the reply is learnt: `echoes`.

Pure: values in, values out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from data.redact import PLACEHOLDER

Values = Mapping[str, Sequence[str]]
"""What the customer said in this conversation, by kind of placeholder: distinct values, oldest first."""


def placeholders(text: str) -> frozenset[str]:
    """Every distinct placeholder of `text`, as written: `{"[order 1]", "[email 1]"}`."""
    return frozenset(match.group() for match in PLACEHOLDER.finditer(text))


def kinds(text: str) -> frozenset[str]:
    """What kinds of placeholders `text` has: `{"order", "email"}`. Their numbers count within one conversation."""
    return frozenset(match.group(1) for match in PLACEHOLDER.finditer(text))


def echoes(reply: str, said: Iterable[str]) -> bool:
    """Whether every placeholder of `reply` repeats one that was `said` earlier in its conversation by the customer."""
    wanted = placeholders(reply)
    return not wanted or wanted <= frozenset().union(*(placeholders(text) for text in said))


def fill(reply: str, values: Values) -> str | None:
    """`reply` with its placeholders replaced by the conversation's own values; None when that would be a guess.

    A kind is filled when the conversation holds exactly one distinct value of it and the reply asks for one.
    """
    wanted = {(match.group(1), match.group(2)) for match in PLACEHOLDER.finditer(reply)}
    each = [kind for kind, _ in wanted]
    for kind in each:
        if each.count(kind) > 1 or len(frozenset(values.get(kind, ()))) != 1:
            return None
    return PLACEHOLDER.sub(lambda match: values[match.group(1)][0], reply)
