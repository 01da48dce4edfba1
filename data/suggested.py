"""What becomes of suggested intents: looked for in what nobody labelled, decided on by reviewers, learned from.

An accepted suggestion labels its turns in the next dataset. A label that a turn came with always wins; turns whose
conversation is in test are measured with their label, never learned from, and the reviewer is told how many. The
profile gains the intent. What a reviewer accepted, dismissed or changed is not looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from data.errors import Conflict, UsageError
from data.examples import user_turns
from data.naming import label_safe, names
from data.profile import Intent
from data.schema import OUT_OF_SCOPE, SPLITS
from data.store import Store, Tx, bots, conversations, suggested_turns, suggestions
from data.store.conversations import StoredConversation
from data.store.suggestions import Behind, NewSuggestion, Place, Suggestion

KIND = "discover"
"""The kind of the jobs that look for intents."""
MOST_CHARS = 120
MOST_READ = 1_000
"""Turns whose words name a part that is split off."""


class Unlabelled(NamedTuple):
    """A user turn without a label, or one that has one (`text` is None), which counts and no more."""

    place: Place
    text: str | None


@dataclass(frozen=True, slots=True)
class Review:
    """Who decides; `seen` is the revision that was reviewed, where the reviewer can tell."""

    reviewer: str
    seen: int | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What accepting means: how many turns are in which split already, how many in none yet (`undecided`)."""

    splits: Mapping[str, int]
    undecided: int

    @property
    def why(self) -> str:
        """The same in words."""
        measured = self.splits.get("test", 0)
        tested = f" {measured} of them stand in test: they will be measured, and not learned." if measured else ""
        return f"{sum(self.splits.values()) + self.undecided} turns carry this label in the next dataset.{tested}"


def unlabelled(store: Store, bot_id: str) -> Iterator[Unlabelled]:
    """Every user turn of imported conversations that no reviewer decided on, a page in memory at a time."""
    with store.read() as tx:
        done = suggested_turns.decided(tx, bot_id)
    for stored in conversations.stream(store, bot_id):
        for at, turn in user_turns(stored.conversation):
            place = Place(stored.key, at)
            if place not in done:
                yield Unlabelled(place, turn.text if turn.intent is None else None)


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
    others = [_open(tx, bot_id, one, Review(review.reviewer)) for one in sorted(set(ids) - {first.id})]
    for other in others:
        suggested_turns.move(tx, other.id, first.id)
    suggestions.drop(tx, [other.id for other in others])
    terms = list(dict.fromkeys(term for one in (first, *others) for term in one.terms))
    return suggestions.change(tx, first, terms=terms, reviewer=review.reviewer)


def split(tx: Tx, bot_id: str, suggestion_id: str, review: Review, places: Sequence[Place] = ()) -> list[Suggestion]:
    """Take the turns in `places` out into a suggestion of their own; without any, undo what was merged, else part it
    in the two halves that discovery saw. All that came of it, the remaining one first.

    Raises NotFound, Conflict where nothing would be parted, UsageError.
    """
    held = _open(tx, bot_id, suggestion_id, review)
    turns = suggested_turns.behind(tx, held.id)
    parts = _named(turns, places) if places else _parts(turns)
    if len(parts) < 2:
        raise Conflict(
            "There is nothing to part this suggestion by.", remedy="Name the turns that are to leave it.",
            suggestion=held.id,
        )  # fmt: skip
    made = [held.id]
    for part in parts[1:]:
        name, terms = _name(tx, bot_id, held, part)
        new = suggestions.add(tx, held, held.sequence, NewSuggestion(name, terms, ()))
        suggested_turns.move(tx, held.id, new, [one.place for one in part])
        made.append(new)
    suggestions.change(tx, held, reviewer=review.reviewer)
    return [suggestions.get(tx, bot_id, one) for one in made]


def outlook(tx: Tx, suggestion_id: str) -> Outlook:
    """Where its turns stand now; splits that are there never change."""
    found = suggested_turns.splits(tx, suggestion_id)
    return Outlook({one: found[one] for one in SPLITS if one in found}, found.get("", 0))


def _parts(turns: Sequence[Behind]) -> list[list[Behind]]:
    """By the groups that were merged, else by their halves; the largest first."""
    for marks in ([one.origin for one in turns], [one.part for one in turns]):
        found: dict[int, list[Behind]] = {}
        for mark, one in zip(marks, turns, strict=True):
            found.setdefault(mark, []).append(one)
        if len(found) > 1:
            return sorted(found.values(), key=lambda part: (-len(part), part[0].place))
    return [list(turns)]


def _named(turns: Sequence[Behind], places: Sequence[Place]) -> list[list[Behind]]:
    wanted = set(places)
    leaving = [one for one in turns if one.place in wanted]
    if len(leaving) < len(wanted):
        raise UsageError("Some of these turns do not stand behind the suggestion.", remedy="Look at it again.")
    staying = [one for one in turns if one.place not in wanted]
    return [part for part in (staying, leaving) if part]


def _name(tx: Tx, bot_id: str, held: Suggestion, part: Sequence[Behind]) -> tuple[str, list[str]]:
    """What tells the part from what it leaves."""
    inside = {one.place for one in part}
    said = suggested_turns.utterances(tx, held.id, MOST_READ)
    leaving = [one.text for one in said if one.place in inside]
    staying = [one.text for one in said if one.place not in inside]
    return names([leaving, staying], suggestions.names(tx, bot_id))[0]


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
    if not 0 < len(chosen) <= MOST_CHARS or not label_safe(chosen):
        raise UsageError(f"An intent's name has 1 to {MOST_CHARS} characters, a letter or digit among them.")
    return chosen
