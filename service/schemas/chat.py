"""Sessions, messages and what is understood of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from service.schemas.shape import Asked, Identifier, Instant, Json, Page, Told

Message = Annotated[str, StringConstraints(min_length=1)]
ClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
Source = Literal["approved", "retrieved", "generated", "clarify", "handoff"]
Owner = Literal["bot", "human"]


class SessionAsked(Asked):
    """A session to be opened. Nothing needs to be said."""


class SessionOpened(Told):
    """A visitor's session. The token is shown once."""

    object: Literal["session"] = "session"
    id: str
    bot: str
    token: str = Field(description="Send it as `Authorization: Bearer ...`.")
    greeting: str
    expires_at: Instant
    idle_seconds: int = Field(description="It ends after this much silence.")


class ChatAsked(Asked):
    """A message of a visitor."""

    message: Message
    message_id: ClientId | None = Field(None, description="Yours. Sent twice, it is stored and answered once.")
    session: Identifier | None = Field(None, description="Needed with a secret key; a visitor's token names its own.")
    stream: bool = Field(
        False,
        description="Answer as server-sent events: delta, reply, error. The reply is decided on and checked as a whole "
        "first, and then sent in pieces.",
    )
    explain: bool = Field(
        False,
        description="Say why: reason, what is in scope, earlier replies that fit and drafts that were written. With a "
        "visitor's token or key, the words of those that were not said are left out.",
    )


class RankedIntent(Told):
    """An intent and how likely it is."""

    intent: str
    probability: float


class Feeling(Told):
    """How a message sounds. `scores` has the probability of each label; a text may have several."""

    label: str
    confidence: float
    scores: dict[str, float]


class FoundEntity(Told):
    """A typed stretch of a message: `message[start:end]` is `value`, counted in code points of what was sent."""

    start: int
    end: int
    type: str
    value: str
    confidence: float = Field(description="Of a learned one, how likely it is exactly this stretch; of a rule's, 1.")
    source: Literal["model", "rule"] = Field(description="Learned from logs, or known by how it is written.")


class ChatReply(Told):
    """What the bot answers. `reply` is null while a person has the conversation: the message is kept for them."""

    object: Literal["chat.reply"] = "chat.reply"
    turn: str | None = Field(description="Name it in feedback.")
    message_turn: str
    session: str
    owner: Owner
    reply: str | None
    intent: str | None
    confidence: float | None
    source: Source | None
    action: Literal["greet", "answer", "clarify", "fallback", "handoff"] | None
    ranking: list[RankedIntent] = Field(default_factory=list)
    entities: list[FoundEntity] = Field(default_factory=list)
    sentiment: Feeling | None = Field(None, description="Null where the release cannot say, or not in this language.")
    release: str | None = Field(description="The release that answered: `acme@7`.")
    latency_ms: float | None
    explanation: Json | None = Field(
        None,
        description="With `explain`: `reason`; `in_scope`; `candidates` (earlier replies: `reply`, `score`, `intent`, "
        "`count`, `approved`, `flaws`) and `drafts` (`reply`, `score`, `voice`, `flaws`, `tokens`), best first. "
        "`flaws` say in words why one must not be said. `reply` is left out of what was not said, unless the key has "
        "the scope `data`, `review` or `admin`.",
    )


class ParseAsked(Asked):
    """A text to be understood."""

    text: Message
    before: Message | None = Field(
        None,
        description='What the brand said just before, such as "How many people?": entities are found as its answer. '
        "Intent and sentiment are those of the text alone.",
    )


class Understood(Told):
    """What a text means. Nothing of it is kept."""

    object: Literal["parse"] = "parse"
    intent: str | None
    confidence: float
    in_scope: float
    ranking: list[RankedIntent]
    entities: list[FoundEntity] = Field(default_factory=list)
    sentiment: Feeling | None = Field(None, description="Null where the release cannot say, or not in this language.")
    release: str


class TurnDetail(Told):
    """One turn of a session."""

    object: Literal["turn"] = "turn"
    id: str
    role: Literal["user", "assistant", "agent"]
    text: str
    release: str | None
    intent: str | None
    confidence: float | None
    source: Source | None
    action: str | None
    latency_ms: float | None
    state: Literal["complete", "incomplete"]
    created_at: Instant


class SessionSummary(Told):
    """A session in a list."""

    object: Literal["session"] = "session"
    id: str
    bot: str
    owner: Owner
    turns: int
    created_at: Instant
    last_seen_at: Instant
    expires_at: Instant


class SessionDetail(SessionSummary):
    """A session and what was said in it."""

    messages: list[TurnDetail]


class SessionPage(Page):
    """Which sessions."""

    owner: Owner | None = Field(None, description="Only those that a person, or the bot, has now.")


class OwnerChange(Asked):
    """Who answers from now on."""

    owner: Owner


class AgentMessage(Asked):
    """What a person of the brand says."""

    text: Message
