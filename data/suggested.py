"""What becomes of suggested intents: looked for in what nobody labelled, decided on by reviewers, learned from.

An accepted suggestion labels its turns in the next dataset. A label that a turn came with always wins; turns whose
conversation is in test are measured with their label, never learned from, and the reviewer is told how many. The
profile gains the intent. What a reviewer accepted, dismissed or changed is not looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from unicodedata import category

from data.errors import Conflict, UsageError
from data.examples import user_turns
from data.naming import MOST_TEXTS, TERMS, label_safe, names
from data.profile import Intent
from data.schema import OUT_OF_SCOPE, SPLITS
from data.store import Store, Tx, bots, conversations, suggested_turns, suggestions
from data.store.conversations import StoredConversation
from data.store.suggestions import Behind, NewSuggestion, Place, State, Suggestion

KIND = "discover"
"""The kind of the jobs that look for intents."""
MOST_CHARS = 120
A_LABEL = f"An intent's name has 1 to {MOST_CHARS} characters on one line, a letter or digit among them."
MOST_TERMS = 3 * TERMS
"""Telling words that are kept of suggestions that were merged."""


class Said(NamedTuple):
    """A user turn. It is not looked at (`text` is None) where it has a label, or (`decided`) a reviewer decided."""

    place: Place
    text: str | None
    decided: bool = False


@dataclass(frozen=True, slots=True)
class Review:
    """Who decides; `seen` is the revision that was reviewed, where the reviewer can tell."""

    reviewer: str
    seen: int | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What accepting means: how many turns are in which split already, how many in none yet (`undecided`)."""

    state: State
    splits: Mapping[str, int]
    undecided: int

    @property
    def why(self) -> str:
        """The same in words."""
        if self.state == "dismissed":
            return "It labels no message."
        count, tested = sum(self.splits.values()) + self.undecided, self.splits.get("test", 0)
        begin = "It labels" if self.state == "accepted" else "Once accepted, it labels"
        said = f"{begin} {count:,} message{'s' * (count != 1)} in the next dataset."
        if tested == 1:
            return f"{said} 1 of them is a test message: it measures the model and never teaches it."
        if tested:
            return f"{said} {tested:,} of them are test messages: they measure the model and never teach it."
        return said


def user_messages(store: Store, bot_id: str) -> Iterator[Said]:
    """Every user turn of imported conversations, a page in memory at a time."""
    with store.read() as tx:
        done = suggested_turns.decided(tx, bot_id)
    for stored in conversations.stream(store, bot_id):
        for at, turn in user_turns(stored.conversation):
            place = Place(stored.key, at)
            decided = place in done
            yield Said(place, None if decided or turn.intent is not None else turn.text, decided)


def labelled(stored: Iterable[StoredConversation], labels: Mapping[Place, str]) -> Iterator[StoredConversation]:
    """The conversations with the labels that accepted suggestions give; a label that is there stays."""
    named = {place.conversation for place in labels}
    for one in stored:
        yield _labelled(one, labels) if one.key in named else one


def _labelled(one: StoredConversation, labels: Mapping[Place, str]) -> StoredConversation:
    said = one.conversation
    turns = tuple(
        replace(turn, intent=turn.intent or labels.get(Place(one.key, at))) for at, turn in enumerate(said.turns)
    )
    return replace(one, conversation=said.with_turns(turns))


def accept(tx: Tx, bot_id: str, suggestion_id: str, review: Review, name: str | None = None) -> Suggestion:
    """Make its turns examples of the intent `name`, that of the suggestion by default; the profile gains the intent.

    Accepted again under the same name it changes nothing. Raises NotFound, Conflict, UsageError.
    """
    held = suggestions.lock(tx, bot_id, suggestion_id)
    chosen = _label(name) if name is not None else held.name
    if held.state == "accepted" and held.name == chosen:
        return held
    _check_seen(held, review)
    if held.state == "accepted":
        raise _decided(held)
    version, profile = bots.profile(tx, bot_id)
    if chosen != OUT_OF_SCOPE and profile.intent(chosen) is None:
        grown = profile.model_copy(update={"intents": (*profile.intents, Intent(name=chosen))})
        bots.save_profile(tx, bot_id, grown, version)
    return suggestions.change(tx, held, state="accepted", name=chosen, reviewer=review.reviewer, accepted_at=tx.now)


def dismiss(tx: Tx, bot_id: str, suggestion_id: str, review: Review) -> Suggestion:
    """It is no intent. Of one that was accepted, no later dataset has the labels; the profile keeps the intent."""
    held = suggestions.lock(tx, bot_id, suggestion_id)
    if held.state == "dismissed":
        return held
    _check_seen(held, review)
    return suggestions.change(tx, held, state="dismissed", reviewer=review.reviewer, accepted_at=None)


def rename(tx: Tx, bot_id: str, suggestion_id: str, review: Review, name: str) -> Suggestion:
    """Give it another name. Raises NotFound, Conflict once it was decided on, UsageError."""
    held, chosen = _open(tx, bot_id, suggestion_id, review), _label(name)
    return held if held.name == chosen else suggestions.change(tx, held, name=chosen, reviewer=review.reviewer)


def merge(tx: Tx, bot_id: str, ids: Sequence[str], review: Review) -> Suggestion:
    """Put the turns of all behind the first, and the others away. Raises NotFound, Conflict, UsageError."""
    if len(set(ids)) < 2:
        raise UsageError("Name two suggestions to merge, or more.")
    first = _open(tx, bot_id, ids[0], review)
    others = [_open(tx, bot_id, one, Review(review.reviewer)) for one in dict.fromkeys(ids) if one != first.id]
    for other in others:
        suggested_turns.move(tx, other.id, first.id)
    suggestions.drop(tx, [other.id for other in others])
    terms = list(dict.fromkeys(term for one in (first, *others) for term in one.terms))
    return suggestions.change(tx, first, terms=terms[:MOST_TERMS], reviewer=review.reviewer)


def split(tx: Tx, bot_id: str, suggestion_id: str, review: Review, places: Sequence[Place] = ()) -> list[Suggestion]:
    """Take the turns in `places` out into a suggestion of their own; without any, undo what was merged, else part it
    in the two halves that discovery saw. All that came of it, the remaining one, which keeps its name, first.

    Raises NotFound, Conflict where nothing would be parted, UsageError.
    """
    held = _open(tx, bot_id, suggestion_id, review)
    turns = suggested_turns.behind(tx, held.id)
    parts = _named(turns, places) if places else _parts(turns, held.sequence)
    if len(parts) < 2:
        raise Conflict(
            "All its messages were named, so that none would stay." if places
            else "There is nothing to part this suggestion by.",
            remedy="Name the messages that are to leave it.",
            suggestion=held.id,
        )  # fmt: skip
    made = [_taken_out(tx, held, part, review.reviewer) for part in parts[1:]]
    groups = [[one.text for one in suggested_turns.utterances(tx, part, MOST_TEXTS)] for part in (*made, held.id)]
    _, profile = bots.profile(tx, bot_id)
    taken = [*suggestions.names(tx, bot_id), *(intent.name for intent in profile.intents)]
    *found, (_, terms) = names(groups, taken)
    suggestions.change(tx, held, terms=terms, reviewer=review.reviewer)
    for new, (name, told) in zip(made, found, strict=True):
        suggestions.change(tx, suggestions.get(tx, bot_id, new), name=name, terms=told)
    return [suggestions.get(tx, bot_id, one) for one in (held.id, *made)]


def outlook(tx: Tx, held: Suggestion) -> Outlook:
    """Where its turns stand now; splits that are there never change."""
    found = suggested_turns.splits(tx, held.id)
    return Outlook(held.state, {one: found[one] for one in SPLITS if one in found}, found.get("", 0))


def _parts(turns: Sequence[Behind], own: int) -> list[list[Behind]]:
    """By the groups that were merged, the suggestion's `own` first; else by halves. The larger before the smaller."""
    for marks in ([one.origin for one in turns], [one.part for one in turns]):
        found: dict[int, list[Behind]] = {}
        for mark, one in zip(marks, turns, strict=True):
            found.setdefault(mark, []).append(one)
        if len(found) > 1:
            order = sorted(found, key=lambda mark: (mark != own, -len(found[mark]), mark))
            return [found[mark] for mark in order]
    return [list(turns)]


def _named(turns: Sequence[Behind], places: Sequence[Place]) -> list[list[Behind]]:
    wanted = set(places)
    leaving = [one for one in turns if one.place in wanted]
    if len(leaving) < len(wanted):
        raise UsageError("Some of these messages do not stand behind the suggestion.", remedy="Look at it again.")
    staying = [one for one in turns if one.place not in wanted]
    return [part for part in (staying, leaving) if part]


def _taken_out(tx: Tx, held: Suggestion, part: Sequence[Behind], reviewer: str) -> str:
    """A suggestion of its own for the turns; one that was merged in stands again where it stood. It has no name yet."""
    origins = {one.origin for one in part}
    sequence = origins.pop() if len(origins) == 1 else held.sequence
    new = suggestions.add(tx, held.bot_id, held.discovery_id, sequence, NewSuggestion(held.name, (), (), reviewer))
    suggested_turns.move(tx, held.id, new, [one.place for one in part])
    return new


def is_label(name: str) -> bool:
    """Whether an intent may be called that."""
    is_text = all(category(letter) not in ("Cc", "Cs") for letter in name)
    return 0 < len(name) <= MOST_CHARS and bool(label_safe(name)) and is_text


def _open(tx: Tx, bot_id: str, suggestion_id: str, review: Review) -> Suggestion:
    held = suggestions.lock(tx, bot_id, suggestion_id)
    _check_seen(held, review)
    if held.state != "proposed":
        raise _decided(held)
    return held


def _check_seen(held: Suggestion, review: Review) -> None:
    if review.seen not in (None, held.revision):
        raise Conflict(
            f"This suggestion is at revision {held.revision}; revision {review.seen} was reviewed.",
            remedy="Read it again, then decide.",
            suggestion=held.id,
            revision=held.revision,
        )


def _decided(held: Suggestion) -> Conflict:
    return Conflict(
        f"This suggestion is {held.state}.",
        remedy="Dismiss it where it was accepted; what was dismissed can be accepted under any name.",
        suggestion=held.id,
    )


def _label(name: str) -> str:
    chosen = name.strip()
    if not is_label(chosen):
        raise UsageError(A_LABEL, remedy="`track_parcel`, for example.")
    return chosen
