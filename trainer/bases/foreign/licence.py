"""On which terms a model may be used: as its card or its licence file says, or as the operator names them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from data.errors import BaseRefused
from trainer.bases.foreign.files import CARD, TERMS

SPDX = re.compile(r"[a-z0-9](?:[a-z0-9.+-]{0,62}[a-z0-9+])?")
LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*")
MOST_FRONT = 100_000
"""Characters of a card among which its fields are looked for."""
MOST_SHOWN = 4_000
"""Characters of a licence that are shown; the whole text is kept beside the model."""
NOT_NAMED = ("other", "unknown", "")
LIMITS = {
    "non-commercial": re.compile(r"(?:^|-)nc(?:-|$)|non-?commercial|research"),
    "share-alike": re.compile(r"^(?:a|l)?gpl|(?:^|-)sa(?:-|$)"),
    "no-derivatives": re.compile(r"(?:^|-)nd(?:-|$)"),
    "use-restricted": re.compile(r"rail|llama|gemma"),
}
"""What a licence's name tells of what it forbids or asks for; a hint for people, no legal advice."""

MEANINGS = {
    "non-commercial": "no commercial use",
    "share-alike": "what is made from it is passed on under the same terms",
    "no-derivatives": "what is made from it, a tuned model too, is not passed on",
    "use-restricted": "only uses that the licence allows",
}
"""The same in words."""


def in_a_line(licence: str, limits: Sequence[str]) -> str:
    """The terms as far as the licence's name tells them."""
    if licence in NOT_NAMED:
        return "nobody has named a licence: find it out before you use it"
    told = "; ".join(MEANINGS[limit] for limit in limits)
    return f"{licence}, {told or 'its name tells of no limits; keep its notices'}"


@dataclass(frozen=True, slots=True)
class Terms:
    """`licence`: SPDX, lower case. `said_by`: card or operator. `limits`: what its name warns of."""

    licence: str
    said_by: str
    limits: tuple[str, ...]
    languages: tuple[str, ...]
    text: str

    @property
    def digest(self) -> str:
        """What was shown: who accepts it accepts nothing else."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def to_wire(self) -> dict[str, Any]:
        return {**asdict(self), "text": self.text[:MOST_SHOWN], "cut": len(self.text) > MOST_SHOWN}


def read_terms(folder: Path, named: str | None, languages: Sequence[str]) -> Terms:
    """The terms of the model in `folder`. Raises BaseRefused where nobody names a licence, or two differ."""
    card = _card(folder / CARD)
    told = _one(card.get("license"))
    said = (named or "").strip().lower()
    if said and told not in NOT_NAMED and said != told:
        raise BaseRefused(
            f"The model's card names the licence {told!r}, not {said!r}.",
            remedy=f"Leave --licence out, or name {told!r}.",
        )
    licence = told if told not in NOT_NAMED else said
    if licence in NOT_NAMED or not SPDX.fullmatch(licence):
        raise BaseRefused(
            "Nothing says under which licence this model may be used.",
            remedy="Find it out, then name it: --licence apache-2.0, for example (an SPDX identifier).",
        )
    spoken = tuple(dict.fromkeys(one.strip().lower() for one in languages)) or _languages(card.get("language"))
    if any(not LANGUAGE.fullmatch(one) for one in spoken):
        raise BaseRefused("--languages takes codes such as en or de; mul for many.", remedy="--languages en,de")
    text = next((_text(folder / name) for name in TERMS if (folder / name).is_file()), "")
    limits = tuple(name for name, pattern in LIMITS.items() if pattern.search(licence))
    return Terms(licence, "card" if told not in NOT_NAMED else "operator", limits, spoken, text)


def _card(path: Path) -> dict[str, Any]:
    """The fields at the head of a model card; none where they cannot be read."""
    if not path.is_file():
        return {}
    parts = re.split(r"^---[ \t]*$", _text(path)[:MOST_FRONT], maxsplit=2, flags=re.MULTILINE)
    if len(parts) < 3 or parts[0].strip():
        return {}
    if re.search(r":\s*&|^\s*&|<<\s*:", parts[1], flags=re.MULTILINE):  # anchors: a page that grows when it is read
        return {}
    try:
        body = yaml.safe_load(parts[1])
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def _one(value: object) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    found = value.strip().lower() if isinstance(value, str) else ""
    return found if SPDX.fullmatch(found) else ""


def _languages(value: object) -> tuple[str, ...]:
    given = value if isinstance(value, list) else [value]
    found = ("mul" if one == "multilingual" else one for one in given if isinstance(one, str))
    return tuple(dict.fromkeys(one.lower() for one in found if LANGUAGE.fullmatch(one.lower())))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
