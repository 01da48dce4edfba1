"""Freeze a dataset: all that a bot's imported conversations and accepted feedback teach, in files that never change.

Two passes over the stored conversations, a page at a time, and then over the lessons of feedback. The first finds out
what splitting and weighing need (`survey`); the splits are decided (`split`) and stored; the second writes the
examples. The folder is built aside, named by the fingerprint of its rows, and appears whole; its row comes last. Killed
anywhere, it starts over: splits that are stored stay, and the same conversations and feedback give the same folder,
byte for byte.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from data.caps import allowance
from data.erasing.quiet import wait_for_erasures
from data.errors import Conflict, DatasetError, IntegrityError
from data.examples import Origin, examples_of
from data.files import Blobs, disk, publish_folder
from data.frozen import MANIFEST, ROOMS, VERSION, FrozenDataset, file_entry, fingerprint_of, open_dataset
from data.lessons import Lessons, lessons
from data.manifest import Plan, Tally, describe, of_feedback, set_aside, source
from data.schema import FEEDBACK, Example
from data.settings import Settings
from data.shards import ShardWriter
from data.split import Assignment, assign
from data.store import Store, conversations, datasets, sessions, suggested_turns, uploads
from data.store.conversations import StoredConversation
from data.store.suggestions import Place
from data.store.uploads import Upload
from data.suggested import labelled
from data.survey import Survey, Weighed
from data.work import Alone, Work

__all__ = ["FrozenDataset", "Plan", "Work", "freeze", "open_dataset"]

CHECK_EVERY = 500
"""Conversations between two looks at whether the job may go on."""
_TRIES = 3


def freeze(
    store: Store, settings: Settings, bot_id: str, plan: Plan | None = None, work: Work | None = None
) -> FrozenDataset:
    """Freeze all imported conversations and accepted feedback of the bot; the dataset of before when nothing changed.

    Raises DatasetError when there is nothing to train on, StorageFull, and what `work` raises.
    """
    wait_for_erasures(store, bot_id, work or Alone(store))
    with store.read() as tx:
        sources = [upload for upload in uploads.list_for(tx, bot_id) if upload.state == "imported"]
        labels = suggested_turns.decided(tx, bot_id, "accepted")
    log = _Log(store, settings, bot_id, sources, labels, work or Alone(store))
    decided = _decided(log, plan or Plan())
    with Blobs(settings.home).scratch() as scratch:
        folder = scratch / "dataset"
        with disk():
            folder.mkdir()
        manifest = _written(folder, log, decided)
        final = settings.home / "datasets" / str(manifest["fingerprint"])
        _publish(folder, manifest, final)
    frozen = open_dataset(final)
    recorded = {**frozen.manifest, "sources": [{**source(upload), "upload": upload.id} for upload in sources]}
    with log.work.begin() as tx:
        row = datasets.create(tx, bot_id, frozen.fingerprint, recorded, [upload.id for upload in sources])
    fresh = of_feedback(decided.lessons, decided.assignment)
    return replace(frozen, id=row.id, set_aside=set_aside(decided.assignment), feedback=fresh)


@dataclass(frozen=True, slots=True)
class _Log:
    """What is frozen: the uploads of a bot that were imported when it began, with the labels that discovery gave their
    turns until then. Read twice, the same both times."""

    store: Store
    settings: Settings
    bot_id: str
    sources: Sequence[Upload]
    labels: Mapping[Place, str]
    work: Work

    def conversations(self) -> Iterator[StoredConversation]:
        stream = conversations.stream(self.store, self.bot_id, [upload.id for upload in self.sources])
        while page := list(islice(stream, CHECK_EVERY)):
            self.work.check()
            yield from labelled(page, self.labels)

    def lessons(self) -> Lessons:
        return lessons(self.store, self.settings, self.bot_id, self.work)


@dataclass(frozen=True, slots=True)
class _Decided:
    """Where everything goes."""

    plan: Plan
    lessons: Lessons
    assignment: Assignment
    weighed: Weighed


def _decided(log: _Log, plan: Plan) -> _Decided:
    """Survey, decide and store. Somebody else may be doing the same: then what they stored first holds."""
    for tries_left in reversed(range(_TRIES)):
        survey = Survey(log.conversations())
        taught = _capped(log, plan, survey)
        survey.add(taught.rows)
        assignment = assign(survey.members, plan.shares, plan.salt)
        assignment.set_aside.update({**survey.set_aside, **taught.set_aside})
        weighed = survey.weigh(assignment.splits)
        if weighed.turns["train"] == 0:
            raise _nothing_to_train_on(log, survey)
        changed = {
            key: (split, assignment.groups[key])
            for key, split in assignment.splits.items()
            if survey.groups.get(key) != assignment.groups[key]
        }
        of_sessions = {taught.sessions[row.key]: changed.pop(row.key) for row in taught.rows if row.key in changed}
        try:
            with log.work.begin() as tx:
                conversations.assign_splits(tx, log.bot_id, changed)
                for session_id, (split, group) in sorted(of_sessions.items()):
                    sessions.assign_split(tx, session_id, split, group)
            break
        except Conflict:
            if not tries_left:
                raise
    return _Decided(plan, taught, assignment, weighed)


def _capped(log: _Log, plan: Plan, survey: Survey) -> Lessons:
    """What feedback teaches, no source more than its share of what `survey`, the conversations alone, trains on."""
    taught = log.lessons()
    most = max(Counter(taught.sources.values()).values(), default=0)
    if most <= log.settings.feedback.source_rows:
        return taught
    rows = survey.weigh(assign(survey.members, plan.shares, plan.salt).splits).turns["train"]
    return taught.within(allowance(log.settings.feedback, rows))


def _nothing_to_train_on(log: _Log, survey: Survey) -> DatasetError:
    if survey.turns == 0:
        return DatasetError(
            "There is nothing to train on: no imported conversation has a message of a user.",
            remedy="Import logs first (`attune import`), and look at what their reports set aside.",
            bot=log.bot_id,
        )
    return DatasetError(
        f"None of the {len(survey.members)} conversations falls into train: there are too few.",
        remedy="Import more conversations; a few dozen are the least that makes sense.",
        bot=log.bot_id,
    )


def _written(folder: Path, log: _Log, decided: _Decided) -> dict[str, Any]:
    """Write all rows into `folder`; the manifest they make."""
    tally = Tally()
    with ExitStack() as stack:
        shard_rows = decided.plan.shard_rows
        rooms = {room: stack.enter_context(ShardWriter(folder, room, shard_rows)) for room in ROOMS}
        for room, example in _examples(log, decided):
            rooms[room].add(example)
            tally.add(room, example)
    return {
        "version": VERSION,
        "fingerprint": fingerprint_of({room: writer.digest for room, writer in rooms.items()}),
        "files": {path.name: file_entry(path) for path in sorted(folder.iterdir())},
        **tally.to_wire(),
        **describe(decided.plan, decided.assignment, decided.weighed),
        "feedback": of_feedback(decided.lessons, decided.assignment),
        "sources": [source(upload) for upload in log.sources],
    }


def _examples(log: _Log, decided: _Decided) -> Iterator[tuple[str, Example]]:
    """Every example, with the room it goes to."""
    digests = {upload.id: upload.digest for upload in log.sources}
    weighed = decided.weighed
    for stored in chain(log.conversations(), decided.lessons.rows):
        split = decided.assignment.splits.get(stored.key)
        if split is None:
            continue
        upload = stored.key if stored.upload == FEEDBACK else digests[stored.upload]
        origin = Origin(stored.fingerprint, upload, split, stored.languages)
        examples = examples_of(stored.conversation, origin, decided.plan.context_turns)
        for place, example in enumerate(examples, start=weighed.starts[stored.key]):
            room = f"seen_{split}" if weighed.seen[place] else split
            yield room, replace(example, weight=float(weighed.weights[place]))


def _publish(folder: Path, manifest: Mapping[str, Any], final: Path) -> None:
    """Write the manifest, the last file, and publish. What is there already stays, unless it is damaged."""
    body = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True)
    with disk():
        (folder / MANIFEST).write_text(body + "\n", encoding="utf-8")
        if final.exists() and not _is_whole(final):
            final.rename(folder.parent / "damaged")
    publish_folder(folder, final)


def _is_whole(folder: Path) -> bool:
    try:
        open_dataset(folder).verify()
    except IntegrityError:
        return False
    return True
