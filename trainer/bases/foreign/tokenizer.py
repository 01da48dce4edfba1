"""Whether a foreign tokenizer may cut our texts: no larger than its model, and no pattern that could take for ever."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.errors import BaseRefused

MOST_PIECES = 1 << 20
MOST_PATTERN = 1_000
REPEATED_GROUP = re.compile(r"\)(?:[*+]|\{\d)|\\[1-9]")
"""What makes a regular expression explode: a group that repeats what repeats, or one that looks back at another."""
_REMEDY = "Save the fast tokenizer that belongs to the model (AutoTokenizer, then save_pretrained)."


def check_tokenizer(path: Path, vocabulary: int) -> None:
    """Raises BaseRefused where the file is no tokenizer, knows ids that a model of `vocabulary` pieces has no vector
    for, or cuts texts by a pattern whose time nobody can bound."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        ids = list(_ids(body))
        patterns = list(_patterns(body))
    except (OSError, ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
        raise BaseRefused(f"The tokenizer.json cannot be read ({type(error).__name__}).", remedy=_REMEDY) from None
    if not ids or len(ids) > MOST_PIECES:
        raise BaseRefused(f"The tokenizer.json holds no vocabulary of 1 to {MOST_PIECES:,} pieces.", remedy=_REMEDY)
    if any(not isinstance(one, int) or not 0 <= one < vocabulary for one in ids):
        raise BaseRefused(
            f"The tokenizer.json has ids that the model has no vector for: it has {vocabulary:,}.", remedy=_REMEDY
        )
    if any(len(one) > MOST_PATTERN or REPEATED_GROUP.search(one) for one in patterns):
        raise BaseRefused("The tokenizer.json cuts texts by a pattern that may take for ever.", remedy=_REMEDY)


def _ids(body: dict[str, Any]) -> Iterator[int]:
    pieces = body["model"]["vocab"]
    yield from range(len(pieces)) if isinstance(pieces, list) else pieces.values()
    yield from (one["id"] for one in body.get("added_tokens") or ())


def _patterns(part: object) -> Iterator[str]:
    """Every regular expression, in normalisers, splitters and decoders alike. The vocabulary holds none."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "Regex":
                yield str(value)
            elif key not in ("vocab", "merges"):
                yield from _patterns(value)
    elif isinstance(part, list):
        for value in part:
            yield from _patterns(value)
