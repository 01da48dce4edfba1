"""What visitors say to a bot and reviewers accept, put straight into a store."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

from data.schema import Split
from data.split import split_of
from data.store import Store, feedback, keys, sessions, turns
from data.store.feedback import Feedback, Given, Review
from data.store.keys import NewKey
from data.store.sessions import NewSession, Session
from data.store.turns import NewTurn, StoredTurn


@dataclass
class Chats:
    """The visitors of one bot."""

    store: Store
    bot_id: str
    key_id: str = ""
    _numbers: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        with self.store.begin() as tx:
            made, _ = keys.create(
                tx, NewKey("page", (), kind="public", bot_id=self.bot_id, origins=("https://acme.example",))
            )
        self.key_id = made.id

    def open(self, split: Split | None = None, source: str = "net-1") -> Session:
        """A session; with `split` one whose id will put its feedback there."""
        while True:
            with self.store.begin() as tx:
                new = NewSession(self.bot_id, self.key_id, None, source, tx.now + timedelta(hours=1))
                session = sessions.create(tx, new)
            if split is None or split_of(session.id) == split:
                return session

    def ask(self, session: Session, message: str, answer: str, **facts: Any) -> StoredTurn:
        """A message and the bot's answer, which is returned."""
        with self.store.begin() as tx:
            asked = turns.add(tx, session, NewTurn("user", message))
            return turns.add(tx, session, NewTurn("assistant", answer, reply_to=asked.id, **facts))

    def give(self, turn: StoredTurn, source: str = "net-1", author: str | None = None, **said: Any) -> Feedback:
        """Feedback of the visitor on that turn, or of `author`, a key."""
        given = Given(turn, author or turn.session_id, author is None, source, **said)
        with self.store.begin() as tx:
            return feedback.put(tx, self.bot_id, given)[0]

    def accept(self, one: Feedback, **edit: Any) -> Feedback:
        with self.store.begin() as tx:
            return feedback.review(tx, self.bot_id, one.id, Review("accepted", "reviewer", **edit))

    def taught(self, message: str, split: Split = "train", source: str = "net-1", **said: Any) -> Feedback:
        """A session with one message, and accepted feedback on what the bot said to it."""
        turn = self.ask(self.open(split, source), message, "I do not know.", action="fallback")
        return self.accept(self.give(turn, source, **said))
