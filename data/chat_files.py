"""What the folder of a chat model says beside its weights: its template, the tokens it names, where turns end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from data.errors import BaseRefused

TOKENIZER, TEMPLATE, TOKENIZER_CONFIG = "tokenizer.json", "chat_template.jinja", "tokenizer_config.json"
CONFIG, GENERATION = "config.json", "generation_config.json"
NAMED = ("bos_token", "eos_token", "pad_token", "unk_token")
"""Tokens that a template may ask for by these names."""


@dataclass(frozen=True, slots=True)
class ChatFiles:
    """`template` as the folder holds it, not looked into; `tokens` what it may name; `stops` the ids that end a turn;
    `context` the tokens that are read and written together, 0 where nothing is said of it."""

    template: str
    tokens: Mapping[str, str]
    stops: tuple[int, ...]
    context: int

    @classmethod
    def read(cls, folder: Path) -> ChatFiles:
        """Raises BaseRefused where there is no template, or a file is not what its name says."""
        config, said = _table(folder / CONFIG), _table(folder / TOKENIZER_CONFIG, needed=False)
        source = _default(said.get("chat_template"))
        if (folder / TEMPLATE).is_file():
            source = _text(folder / TEMPLATE)
        if not isinstance(source, str):
            raise BaseRefused("The base has no chat template.", remedy="Take one that was tuned for conversations.")
        if not _is_text(source):
            raise BaseRefused("The chat template of the base is no text.")
        names = {key: _content(said.get(key)) for key in NAMED}
        positions = config.get("max_position_embeddings", config.get("n_positions"))
        return cls(
            source,
            {key: value for key, value in names.items() if value is not None},
            _stops(_table(folder / GENERATION, needed=False), config),
            positions if isinstance(positions, int) else 0,
        )

    def write(self, folder: Path) -> None:
        """Replace the files of `folder` by what `read` took from them; its config.json stays."""
        (folder / TEMPLATE).write_text(self.template, encoding="utf-8", newline="")
        for name, body in ((TOKENIZER_CONFIG, dict(self.tokens)), (GENERATION, {"eos_token_id": list(self.stops)})):
            (folder / name).write_text(json.dumps(body, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise BaseRefused(f"The {path.name} of the base cannot be read ({type(error).__name__}).") from None


def _table(path: Path, *, needed: bool = True) -> dict[str, object]:
    if not needed and not path.is_file():
        return {}
    try:
        body = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise BaseRefused(f"The {path.name} of the base cannot be read ({type(error).__name__}).") from None
    if not isinstance(body, dict):
        raise BaseRefused(f"The {path.name} of the base is no table of keys.")
    return body


def _default(template: object) -> object:
    """Some write several templates, for tools and the like, each with its name."""
    if not isinstance(template, list):
        return template
    return next(
        (one.get("template") for one in template if isinstance(one, dict) and one.get("name") == "default"), None
    )


def _content(token: object) -> str | None:
    """A token of a tokenizer's configuration, which some write as a table."""
    said = token.get("content") if isinstance(token, dict) else token
    return said if isinstance(said, str) and _is_text(said) else None


def _is_text(said: str) -> bool:
    """JSON can hold halves of characters, which no file can."""
    try:
        said.encode()
    except UnicodeEncodeError:
        return False
    return True


def _stops(*configs: dict[str, object]) -> tuple[int, ...]:
    for config in configs:
        said = config.get("eos_token_id")
        ids = said if isinstance(said, list) else [said]
        if ids and all(isinstance(i, int) and not isinstance(i, bool) and i >= 0 for i in ids):
            return tuple(i for i in ids if isinstance(i, int))
    return ()
