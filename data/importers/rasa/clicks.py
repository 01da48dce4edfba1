"""What Rasa writes in the place of words: `/affirm{"size": "xl"}` when a button was pressed or a program spoke."""

from __future__ import annotations

import re
from collections.abc import Iterable

from data.schema import OUT_OF_SCOPE

_PAYLOAD = re.compile(r"^\s*/([^\s/{}@][^\s{}@]{0,119})\s*(?:\{.*\})?(?:@[\d.]+)?\s*$", re.DOTALL)
_EXTERNAL = re.compile(r"^EXTERNAL: ")
OUT_OF_SCOPE_NAMES = frozenset({"out_of_scope", "outofscope", "out-of-scope", "out_of_domain", "nlu_fallback", "oos"})


def payload_intent(text: str) -> str:
    """The intent that a payload names; "" for words."""
    found = _PAYLOAD.match(text)
    return found[1] if found is not None else ""


def is_external(text: str) -> bool:
    """Whether a program triggered this, such as a reminder."""
    return _EXTERNAL.match(text) is not None


def label(intent: str) -> str:
    """An intent as it is learned: what the bot is not for becomes the label of such messages."""
    return OUT_OF_SCOPE if intent.split("/")[0].casefold() in OUT_OF_SCOPE_NAMES else intent


def names(intents: Iterable[str]) -> list[str]:
    """The intents that can be learned as such, each once."""
    return list(dict.fromkeys(one for one in intents if one and label(one) != OUT_OF_SCOPE))
