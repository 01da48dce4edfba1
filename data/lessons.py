"""Accepted feedback as conversations: what reviewers let a bot learn from its chats, and what they are told about it.

A lesson is one reviewed turn: the user's message with the intent a reviewer gave it, the turns before it as mere
context, and what the brand should have said: the reviewer's edit, else the correction that came with the feedback, else
the bot's own answer where it was liked. A reply that anybody whose feedback was accepted disliked is never a target,
whoever else liked it; the words in which a bot declines, asks back or hands over are none either. An answer that was
corrected is kept beside its correction, as what is not to be said.

Text goes the way of imported text (prepare, near-duplicates, languages), once per revision: the result is kept with the
feedback. All lessons of a session share its split, which is stored with the session and never moves. A reviewer is
told of it (`outlook`) before anything is trained; a lesson that turns out to bridge splits is then set aside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from data.caps import allowance, is_flood, over_cap
from data.dedupe import NearIndex, fingerprint
from data.examples import CONTEXT_TURNS, DISLIKED_TURN, reply_to
from data.language import languages_of
from data.near import known_utterances
from data.prepare import ConversationPreparer
from data.redact import Redactor
from data.schema import BRAND_ROLES, FEEDBACK, Conversation, Split, Turn
from data.settings import Settings
from data.split import split_of
from data.store import Store, Tx, datasets, feedback, sessions, turns
from data.store.conversations import StoredConversation
from data.store.feedback import Feedback
from data.store.packing import packed, unpacked
from data.store.turns import StoredTurn
from data.work import Work

OVER_SOURCE_CAP = "over_source_cap"
FLOODING_SOURCE = "flooding_source"
NOTHING_TO_LEARN = "nothing_to_learn"
MEASURED = "measured_not_learned"
"""Said to a reviewer where the split is test: it counts in every later comparison, and no model sees it."""
LEARNED = "learned"
LIKED = 1
FORM = 2
"""Of what is kept prepared; since 2 a correction names what it corrects."""
OWN_ANSWERS = (None, "answer")
"""Actions of a turn whose words answered something; None where nothing was decided, as when a person wrote."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """What accepted feedback teaches, the oldest first. `rows` are keyed by the id of their feedback.

    `sessions` says whose each row is, `sources` where those of visitors came from, `set_aside` why what was accepted
    teaches nothing.
    """

    rows: tuple[StoredConversation, ...] = ()
    sessions: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    set_aside: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows_in(self) -> int:
        """Pieces of feedback that were accepted."""
        return len(self.rows) + len(self.set_aside)

    def within(self, most: int) -> Lessons:
        """Without what a source gave beyond its first `most` rows. Only visitors are capped."""
        pieces = [(row.key, self.sources[row.key]) for row in self.rows if row.key in self.sources]
        over = over_cap(pieces, most)
        kept = tuple(row for row in self.rows if row.key not in over)
        return replace(self, rows=kept, set_aside={**self.set_aside, **dict.fromkeys(sorted(over), OVER_SOURCE_CAP)})


@dataclass(frozen=True, slots=True)
class Outlook:
    """What accepting a piece of feedback will mean: its split, whether a dataset will use it, and what there is to know
    (`codes`)."""

    split: Split
    used: bool
    codes: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        """The same in words."""
        return " ".join(_WORDS[code] for code in self.codes or (LEARNED,))


def lessons(store: Store, settings: Settings, bot_id: str, work: Work) -> Lessons:
    """All that accepted feedback of the bot teaches. What was never prepared is prepared and kept."""
    with store.read() as tx:
        accepted = feedback.accepted(tx, bot_id)
        flooding = {source for source in _sources(accepted) if _floods(tx, settings, bot_id, source)}
        places = {name: sessions.get(tx, bot_id, name) for name in {one.session_id for one in accepted}}
    usable = [one for one in accepted if not (one.by_visitor and one.source in flooding)]
    prepared = _prepared(store, settings, bot_id, usable, work)
    disliked = {one.turn_id for one in accepted if one.rating == DISLIKED_TURN}
    set_aside = {one.id: FLOODING_SOURCE for one in accepted if one.by_visitor and one.source in flooding}
    rows = []
    for sequence, one in enumerate(usable):
        place, body = places[one.session_id], prepared[one.id]
        said = _judged(unpacked(body["conversation"]), one.turn_id in disliked)
        if not _teaches(said):
            set_aside[one.id] = NOTHING_TO_LEARN
            continue
        near, languages = tuple(body["near"]), tuple(body["languages"])
        mark, split, group = _fingerprint(said), place.split, place.split_group
        rows.append(StoredConversation(one.id, said, mark, sequence, near, languages, split, group, FEEDBACK))
    owners = {one.id: one.session_id for one in usable}
    return Lessons(tuple(rows), owners, {one.id: one.source for one in usable if one.by_visitor}, set_aside)


def mark(tx: Tx, bot_id: str) -> str:
    """A digest of all accepted feedback and its revisions: it changes when what may be learned does."""
    digest = hashlib.sha256()
    for one in feedback.accepted(tx, bot_id):
        digest.update(f"{one.id}\x1f{one.revision}\x1e".encode())
    return digest.hexdigest()


def outlook(tx: Tx, settings: Settings, one: Feedback) -> Outlook:
    """What accepting `one` means. Decides the split of its session, where it has none, and stores it, so that what is
    told stays true. Where `used` is False, `why` says what for."""
    session = sessions.get(tx, one.bot_id, one.session_id)
    split = session.split
    if split is None:
        split = split_of(session.id)
        sessions.assign_split(tx, session.id, split, session.id)
    unused = []
    if one.by_visitor and _floods(tx, settings, one.bot_id, one.source):
        unused.append(FLOODING_SOURCE)
    if one.by_visitor and _is_over(tx, settings, one):
        unused.append(OVER_SOURCE_CAP)
    if not _teaches(_raw(tx, one)):
        unused.append(NOTHING_TO_LEARN)
    return Outlook(split, not unused, (*unused, MEASURED) if split == "test" else tuple(unused))


_WORDS = {
    LEARNED: "It is in the next dataset.",
    MEASURED: "Its conversation is part of the test: it will be measured, and not learned.",
    FLOODING_SOURCE: "Its source gave more within an hour than people type: nothing of it is used.",
    OVER_SOURCE_CAP: "Its source has given as much as one source may: it is left out.",
    NOTHING_TO_LEARN: "It holds no intent, no correction and no liked answer: there is nothing to learn from it.",
}


def _sources(given: Sequence[Feedback]) -> set[str]:
    return {one.source for one in given if one.by_visitor}


def _floods(tx: Tx, settings: Settings, bot_id: str, source: str) -> bool:
    per_hour = settings.feedback.flood_per_hour
    return is_flood(feedback.times_from(tx, bot_id, source), per_hour)


def _is_over(tx: Tx, settings: Settings, one: Feedback) -> bool:
    """Whether its source has given as much before as the newest dataset would let it."""
    made = datasets.list_for(tx, one.bot_id)
    rows = int(made[-1].manifest["rows"]["train"]) if made else 0
    older = [
        other
        for other in feedback.accepted(tx, one.bot_id)
        if other.by_visitor and other.source == one.source and (other.created_at, other.id) < (one.created_at, one.id)
    ]
    return len(older) >= allowance(settings.feedback, rows)


def _prepared(
    store: Store, settings: Settings, bot_id: str, given: Sequence[Feedback], work: Work
) -> dict[str, dict[str, Any]]:
    """The prepared form of each, by id: what was kept of this revision, or made now and kept."""
    kept = [one for one in given if one.prepared_revision == one.revision]
    known = {one.id: one.prepared for one in kept if one.prepared is not None and _is_whole(one, one.prepared)}
    new = [one for one in given if one.id not in known]
    if not new:
        return known
    index = known_utterances(store, bot_id, work.check)
    prepare = ConversationPreparer(Redactor(settings.imports))
    for one in new:
        work.check()
        with store.read() as tx:
            raw = _raw(tx, one)
        known[one.id] = _body(one, prepare(raw).conversation, index)
    with work.begin() as tx:
        for one in new:
            feedback.keep_prepared(tx, one.id, one.revision, known[one.id])
    return known


def _is_whole(one: Feedback, prepared: Mapping[str, Any]) -> bool:
    return one.reply is None or prepared.get("form") == FORM


def _body(one: Feedback, said: Conversation, index: NearIndex) -> dict[str, Any]:
    asked = max((place for place, turn in enumerate(said.turns) if turn.role == "user"), default=None)
    lesson = replace(said, id=one.id, customer=one.session_id, only=asked)
    keys = iter(index.assign([turn.text for turn in said.turns if turn.role == "user"]))
    return {
        "form": FORM,
        "conversation": packed(lesson),
        "near": [next(keys) if turn.role == "user" else None for turn in said.turns],
        "languages": list(languages_of([turn.text for turn in said.turns], None)),
    }


def _raw(tx: Tx, one: Feedback) -> Conversation:
    """The reviewed turn as it was said, with what came before it; without a turn where no user asked anything."""
    turn = turns.get(tx, one.bot_id, one.turn_id)
    asked, replied = (turn, turns.reply_of(tx, turn.id)) if turn.role == "user" else (_asked(tx, turn), turn)
    if asked is None:
        return Conversation(one.id, ())
    before = [Turn(told.role, told.text) for told in turns.before(tx, asked, CONTEXT_TURNS)]
    message = Turn("user", asked.text, intent=one.intent)
    said = (*before, message, *_reply(one, replied))
    return Conversation(one.id, said, customer=one.session_id, only=len(before))


def _asked(tx: Tx, turn: StoredTurn) -> StoredTurn | None:
    """The user's turn that a turn of the brand answers."""
    if turn.reply_to is not None:
        return turns.get(tx, turn.bot_id, turn.reply_to)
    return next((told for told in reversed(turns.before(tx, turn, CONTEXT_TURNS)) if told.role == "user"), None)


def _reply(one: Feedback, replied: StoredTurn | None) -> Iterator[Turn]:
    """What the brand should have said, or what it said and what that got."""
    answered = replied is not None and _answers(replied)
    if one.reply is not None and one.reply.strip():
        yield Turn("agent", one.reply, corrected=True, rejected=replied.text if replied and answered else None)
    elif replied is not None and one.rating in (LIKED, DISLIKED_TURN) and answered:
        yield Turn(replied.role, replied.text, rating=one.rating)


def _answers(replied: StoredTurn) -> bool:
    return replied.role in BRAND_ROLES and replied.state == "complete" and replied.action in OWN_ANSWERS


def _judged(said: Conversation, disliked: bool) -> Conversation:
    """The lesson with its own reply rated as the worst of those who were asked rated it."""
    if not disliked:
        return said
    told = (replace(t, rating=DISLIKED_TURN) if t.rating == LIKED and not t.corrected else t for t in said.turns)
    return said.with_turns(tuple(told))


def _teaches(said: Conversation) -> bool:
    if said.only is None or not said.turns[said.only].text.strip():
        return False
    return said.turns[said.only].intent is not None or reply_to(said, said.only).text is not None


def _fingerprint(said: Conversation) -> str:
    """Beside its words, a lesson is what may be learned of it: the same words with another verdict are another."""
    verdicts = [f"{turn.rating}{turn.corrected}{turn.rejected or ''}" for turn in said.turns]
    return hashlib.sha256("\x1f".join([fingerprint(said), str(said.only), *verdicts]).encode()).hexdigest()
