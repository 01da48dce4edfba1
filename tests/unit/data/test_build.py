"""Freezing: from stored conversations to files that are named by their content, and what may go wrong on the way."""

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from data import build, version
from data.build import Plan, freeze, open_dataset
from data.dedupe import fingerprint, normal_form, utterance_key
from data.doctor import examine
from data.errors import Conflict, DatasetError, IntegrityError, JobCancelled, StorageError
from data.files import Blobs
from data.frozen import ROOMS, fingerprint_of
from data.profile import BotProfile
from data.schema import SPLITS, Conversation, Entity, Example, Turn
from data.settings import Settings
from data.shards import canonical
from data.split import Shares
from data.store import Store, Tx, bots, conversations, datasets, open_store, uploads
from data.store.conversations import StoredConversation
from data.store.uploads import NewUpload

WORDS = ("tent", "boots", "jacket", "rope", "stove", "lamp", "refund", "parcel", "voucher", "address", "delivery")


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    return sqlite_store


@pytest.fixture
def settings(store: Store) -> Settings:
    return Settings(home=store.home)


@pytest.fixture
def bot(store: Store) -> str:
    return a_bot(store, "acme")


def a_bot(store: Store, name: str) -> str:
    with store.begin() as tx:
        return bots.create(tx, name, BotProfile(name=name)).id


def log(count: int, seed: int = 0) -> list[Conversation]:
    """Conversations that each begin with "hi", ask something of their own and are answered."""
    draw = random.Random(seed)
    found = []
    for number in range(count):
        question = " ".join(draw.choices(WORDS, k=9)) + f" number {number}"
        labels = {"intent": draw.choice(["a", "b"]), "sentiment": "neutral", "entities": (Entity(0, 4, "thing"),)}
        turns = (
            Turn("user", "Hi!", intent="greeting"),
            Turn("assistant", "hello"),
            Turn("user", question, **labels),
            Turn("agent", f"about {question}: yes", rating=draw.choice([None, 1, -1])),
        )
        found.append(Conversation(f"{seed}-{number}", turns, customer=f"{seed}-{number // 2}", language="en"))
    return found


def import_log(store: Store, bot: str, log: Sequence[Conversation], digest: str = "ab" * 32) -> str:
    with store.begin() as tx:
        upload, _ = uploads.create(tx, bot, NewUpload("secret name.jsonl", digest, 10))
        uploads.start(tx, upload.id)
        rows = [
            StoredConversation(
                key=f"{upload.id}-{place}",
                conversation=conversation,
                fingerprint=fingerprint(conversation),
                sequence=place,
                near=tuple(utterance_key(normal_form(turn.text)) for turn in conversation.turns),
                languages=("en",) * len(conversation.turns),
            )
            for place, conversation in enumerate(log)
        ]
        conversations.add_many(tx, upload.id, rows)
        uploads.finish(tx, upload.id, {"rows_in": 9, "rows_used": 9, "set_aside": {}, "redacted": {}, "seconds": 0.1})
    return upload.id


def splits(store: Store, bot: str) -> dict[str, str | None]:
    return {row.key: row.split for row in conversations.stream(store, bot)}


def test_every_user_turn_is_in_the_dataset_once(store: Store, settings: Settings, bot: str) -> None:
    upload = import_log(store, bot, log(120))
    frozen = freeze(store, settings, bot)
    frozen.verify()
    assert [finding.code for finding in examine(store, settings)] == ["blob_damaged"], "there is no blob in this test"
    rows = {split: list(frozen.rows(split)) for split in SPLITS}
    seen = {split: list(frozen.seen(split)) for split in SPLITS}
    assert seen["train"] == []
    everything = [row for some in (*rows.values(), *seen.values()) for row in some]
    assert len(everything) == 240 == len({row.id for row in everything})
    for split in SPLITS:
        assert frozen.count(split) == len(rows[split]) == frozen.manifest["rows"][split]
        assert {row.split for row in rows[split] + seen[split]} == {split}
    assert frozen.manifest["seen"] == {split: len(seen[split]) for split in ("validation", "test")}
    stored = {row.fingerprint: row.split for row in conversations.stream(store, bot)}
    assert all(stored[row.conversation] == row.split for row in everything)
    with store.read() as tx:
        row = datasets.get(tx, frozen.id)
        assert datasets.sources(tx, frozen.id) == [upload]
    assert row.fingerprint == frozen.fingerprint == frozen.folder.name
    assert row.manifest["sources"][0]["upload"] == upload


def test_an_example_comes_back_as_it_was_made(store: Store, settings: Settings, bot: str) -> None:
    (conversation,) = log(1, seed=3)
    import_log(store, bot, [conversation])
    frozen = freeze(store, settings, bot, Plan(shares=Shares(1.0, 0.0, 0.0)))
    hello, question = frozen.rows("train")
    assert hello.intent == "greeting"
    name = fingerprint(conversation)
    said = conversation.turns[3]
    assert question == Example(
        id=f"{name[:24]}:2",
        conversation=name,
        upload="ab" * 32,
        split="train",
        text=conversation.turns[2].text,
        language="en",
        intent=conversation.turns[2].intent,
        sentiment="neutral",
        entities=(Entity(0, 4, "thing"),),
        context=(("user", "Hi!"), ("assistant", "hello")),
        reply=None if said.rating == -1 else said.text,
        reply_role=None if said.rating == -1 else "agent",
        rating=said.rating,
    )


def test_what_train_says_is_no_test_and_repeats_count_once(store: Store, settings: Settings, bot: str) -> None:
    import_log(store, bot, log(120))
    frozen = freeze(store, settings, bot)
    train = list(frozen.rows("train"))
    forms = {normal_form(row.text) for row in train}
    for split in ("validation", "test"):
        assert all(normal_form(row.text) not in forms for row in frozen.rows(split))
        assert [row.text for row in frozen.seen(split)] == ["Hi!"] * frozen.manifest["conversations"][split]
        assert sum(row.weight for row in frozen.seen(split)) == pytest.approx(1)
    greetings = [row.weight for row in train if row.text == "Hi!"]
    assert greetings == [1 / len(greetings)] * len(greetings)
    assert all(row.weight == 1 for row in train if row.text != "Hi!")
    assert frozen.manifest["largest_group"] == 2
    assert frozen.manifest["near_duplicates_of_train"] == {"validation": 0, "test": 0}


def test_the_manifest_says_what_is_in_it_and_nothing_that_changes(store: Store, settings: Settings, bot: str) -> None:
    import_log(store, bot, log(120))
    frozen = freeze(store, settings, bot)
    said = frozen.manifest
    train = list(frozen.rows("train"))
    for split in SPLITS:
        rows = list(frozen.rows(split))
        assert said["labels"][split] == {
            label: sum(row.intent == label for row in rows) for label in {row.intent for row in rows}
        }
        assert said["replies"][split] == sum(row.reply is not None for row in rows)
    assert said["sentiments"]["train"] == {"neutral": sum(row.sentiment is not None for row in train)}
    assert said["entities"]["train"] == {"thing": sum(len(row.entities) for row in train)}
    assert sum(said["conversations"].values()) == 120
    assert said["languages"] == {"en": sum(said["rows"].values())}
    assert said["sources"] == [
        {"digest": "ab" * 32, "size": 10, "conversations": 120}
        | {"rows_in": 9, "rows_used": 9, "set_aside": {}, "redacted": {}}
    ]
    assert said["set_aside"] == {}
    assert said["settings"]["shares"] == {"train": 0.8, "validation": 0.1, "test": 0.1}
    text = (frozen.folder / "manifest.json").read_text(encoding="utf-8")
    assert "secret name" not in text
    assert "upload_" not in text


def test_the_same_content_is_the_same_dataset(
    store: Store, settings: Settings, bot: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    import_log(store, bot, log(60))
    first = freeze(store, settings, bot)
    again = freeze(store, settings, bot)
    assert again == first
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    other = a_bot(store, "another")
    import_log(store, other, log(60))
    shared = freeze(store, settings, other)
    assert (shared.fingerprint, shared.id != first.id) == (first.fingerprint, True)
    home = tmp_path_factory.mktemp("home")
    with open_store(f"sqlite:///{home / 'attune.db'}", home=home) as elsewhere:
        import_log(elsewhere, a_bot(elsewhere, "acme"), log(60))
        with elsewhere.read() as tx:
            (bot_row,) = bots.list_all(tx)
        moved = freeze(elsewhere, Settings(home=home), bot_row.id)
        assert {path.name: path.read_bytes() for path in moved.folder.iterdir()} == before
    assert list((settings.home / "tmp").iterdir()) == []


def test_other_content_is_another_dataset_and_rows_stay_where_they_were(
    store: Store, settings: Settings, bot: str
) -> None:
    import_log(store, bot, log(60))
    first = freeze(store, settings, bot)
    before = splits(store, bot)
    import_log(store, bot, log(60, seed=1), "cd" * 32)
    second = freeze(store, settings, bot)
    assert second.fingerprint != first.fingerprint
    assert splits(store, bot).items() >= before.items()
    for split in SPLITS:
        old = {row.id for row in [*first.rows(split), *first.seen(split)]}
        assert old <= {row.id for row in [*second.rows(split), *second.seen(split)]}
    first.verify()
    with store.read() as tx:
        assert {row.fingerprint for row in datasets.list_for(tx, bot)} == {first.fingerprint, second.fingerprint}
    assert freeze(store, settings, bot, Plan(context_turns=0)).fingerprint != second.fingerprint


def test_a_conversation_that_bridges_two_splits_is_set_aside(store: Store, settings: Settings, bot: str) -> None:
    import_log(store, bot, log(60))
    first = freeze(store, settings, bot)
    placed = list(conversations.stream(store, bot))
    train = next(row for row in placed if row.split == "train")
    test = next(row for row in placed if row.split == "test")
    bridge = Conversation(
        "bridge", (test.conversation.turns[2], Turn("agent", "yes")), customer=train.conversation.customer
    )
    import_log(store, bot, [bridge], "cd" * 32)
    same = freeze(store, settings, bot)
    assert same.fingerprint == first.fingerprint, "no row has changed"
    assert (same.set_aside, first.set_aside) == ({"bridges_splits": 1}, {})
    import_log(store, bot, log(5, seed=1), "ef" * 32)
    frozen = freeze(store, settings, bot)
    assert frozen.manifest["set_aside"] == frozen.set_aside == {"bridges_splits": 1}
    assert fingerprint(bridge) not in {row.conversation for split in SPLITS for row in frozen.rows(split)}
    assert [split for split in splits(store, bot).values() if split is None] == [None]
    assert freeze(store, settings, bot).fingerprint == frozen.fingerprint


def test_the_same_conversation_in_two_uploads_counts_once(store: Store, settings: Settings, bot: str) -> None:
    import_log(store, bot, log(30))
    import_log(store, bot, log(31), "cd" * 32)
    frozen = freeze(store, settings, bot)
    assert frozen.manifest["set_aside"] == {"duplicate_conversation": 30}
    assert sum(frozen.manifest["conversations"].values()) == 31


def test_conversations_without_facts_about_their_turns_are_taken(store: Store, settings: Settings, bot: str) -> None:
    upload = import_log(store, bot, log(3))
    with store.begin() as tx:
        upload = uploads.create(tx, bot, NewUpload("b", "cd" * 32, 1))[0].id
        uploads.start(tx, upload)
        bare = Conversation("bare", (Turn("system", "joined"), Turn("user", "where is the long lost parcel of mine")))
        conversations.add_many(tx, upload, [StoredConversation("bare", bare, "f" * 64, 0)])
        uploads.finish(tx, upload, {})
    frozen = freeze(store, settings, bot, Plan(shares=Shares(1.0, 0.0, 0.0)))
    (row,) = [row for row in frozen.rows("train") if row.conversation == "f" * 64]
    assert (row.language, row.reply, row.weight) == (None, None, 1.0)


def test_nothing_to_train_on_is_said_and_leaves_nothing(store: Store, settings: Settings, bot: str) -> None:
    with pytest.raises(DatasetError, match="nothing to train on"):
        freeze(store, settings, bot)
    import_log(store, bot, [Conversation("c", (Turn("agent", "hello"),))])
    with pytest.raises(DatasetError, match="nothing to train on"):
        freeze(store, settings, bot)
    import_log(store, bot, log(1), "cd" * 32)
    with pytest.raises(DatasetError, match="None of the 2 conversations falls into train"):
        freeze(store, settings, bot, Plan(shares=Shares(1e-9, 0.0, 1 - 1e-9)))
    assert set(splits(store, bot).values()) == {None}
    assert not (settings.home / "datasets").exists()


def test_shards_are_bounded_and_read_in_order(store: Store, settings: Settings, bot: str) -> None:
    import_log(store, bot, log(60))
    whole = freeze(store, settings, bot)
    rows = list(whole.rows("train"))
    before = [path.name for path in whole.shards("train")]
    shards = Plan(shares=Shares(), shard_rows=7)
    with store.begin() as tx:
        tx.connection.exec_driver_sql("DELETE FROM dataset_sources")
        tx.connection.exec_driver_sql("DELETE FROM datasets")
    whole.folder.rename(settings.home / "kept")
    small = freeze(store, settings, bot, shards)
    assert before == ["train-00000.parquet"]
    assert len(small.shards("train")) == -(-len(rows) // 7)
    assert small.fingerprint == whole.fingerprint
    assert list(small.rows("train")) == rows
    small.verify()


class KilledError(Exception):
    """The process ends here."""


def test_killed_while_writing_it_starts_over_to_the_same_end(
    store: Store, settings: Settings, bot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_log(store, bot, log(60))

    def killed(*_: object) -> None:
        raise KilledError

    for name in ("_examples", "_publish", "open_dataset"):
        with monkeypatch.context() as patch:
            patch.setattr(build, name, killed)
            with pytest.raises(KilledError):
                freeze(store, settings, bot)
    placed = splits(store, bot)
    assert None not in placed.values()
    frozen = freeze(store, settings, bot)
    frozen.verify()
    assert splits(store, bot) == placed
    assert [path.name for path in (settings.home / "datasets").iterdir()] == [frozen.fingerprint]
    assert list(Blobs(settings.home).tmp.iterdir()) == []


class Job:
    """Work that is cancelled at the n-th look."""

    def __init__(self, store: Store, looks: int) -> None:
        self.store, self.looks, self.begun = store, looks, 0

    def check(self) -> None:
        self.looks -= 1
        if self.looks < 0:
            raise JobCancelled("cancelled")

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        self.begun += 1
        with self.store.begin() as tx:
            yield tx


def test_it_works_inside_a_job_and_stops_when_the_job_does(store: Store, settings: Settings, bot: str) -> None:
    import_log(store, bot, log(60))
    for looks in (0, 1):
        with pytest.raises(JobCancelled):
            freeze(store, settings, bot, work=Job(store, looks))
        assert not (settings.home / "datasets").exists()
    job = Job(store, 2)
    freeze(store, settings, bot, work=job)
    assert job.begun == 2


class Race(Job):
    """Work beside somebody who decides otherwise about the same conversations, `times` times."""

    def __init__(self, store: Store, bot: str, times: int) -> None:
        super().__init__(store, 10**6)
        self.bot, self.times = bot, times

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        self.begun += 1
        if self.begun <= self.times:
            raise Conflict("a split was set meanwhile")
        with super().begin() as tx:
            yield tx


def test_splits_that_somebody_else_stored_meanwhile_hold(store: Store, settings: Settings, bot: str) -> None:
    import_log(store, bot, log(30))
    freeze(store, settings, bot, work=Race(store, bot, 2)).verify()
    import_log(store, bot, log(30, seed=1), "cd" * 32)
    with pytest.raises(Conflict):
        freeze(store, settings, bot, work=Race(store, bot, 3))


def test_a_damaged_dataset_is_found_and_made_again(store: Store, settings: Settings, bot: str) -> None:
    import_log(store, bot, log(60))
    frozen = freeze(store, settings, bot)
    shard = frozen.shards("train")[0]
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(IntegrityError, match=r"train-00000\.parquet has changed"):
        frozen.verify()
    with pytest.raises(IntegrityError, match="cannot be read as it was written"):
        list(frozen.rows("train"))
    assert freeze(store, settings, bot).fingerprint == frozen.fingerprint
    frozen.verify()
    assert shard.read_bytes() == whole


def test_what_is_missing_extra_or_swapped_is_found(store: Store, settings: Settings, bot: str) -> None:
    import_log(store, bot, log(60))
    frozen = freeze(store, settings, bot)
    extra = frozen.folder / "more.parquet"
    extra.touch()
    with pytest.raises(IntegrityError, match=r"more\.parquet does not belong there"):
        frozen.verify()
    extra.unlink()
    shard = frozen.shards("test")[0]
    shard.rename(frozen.folder.parent / "away")
    with pytest.raises(IntegrityError, match=r"test-00000\.parquet is missing"):
        frozen.verify()
    with pytest.raises(IntegrityError, match="cannot be read"):
        list(frozen.rows("test"))
    (frozen.folder / "manifest.json").unlink()
    with pytest.raises(IntegrityError, match="not a complete dataset"):
        open_dataset(frozen.folder)


def test_rows_and_manifest_changed_together_do_not_pass(store: Store, settings: Settings, bot: str) -> None:
    import_log(store, bot, log(60))
    frozen = freeze(store, settings, bot)
    forged = frozen.shards("test")[0]
    forged.write_bytes(frozen.shards("validation")[0].read_bytes())
    said = {**frozen.manifest, "files": {**frozen.manifest["files"], forged.name: build.file_entry(forged)}}
    with pytest.raises(IntegrityError, match="not those of the fingerprint"):
        replace(frozen, manifest=said).verify()


def test_a_dataset_from_before_replies_were_rejected_is_read_and_verified(
    store: Store, settings: Settings, bot: str, tmp_path: Path
) -> None:
    import hashlib

    import pyarrow.parquet as pq

    import_log(store, bot, log(60))
    now = freeze(store, settings, bot)
    folder = tmp_path / "before"
    folder.mkdir()
    digests = {room: hashlib.sha256() for room in ROOMS}
    for room in ROOMS:
        for path in now.shards(room):
            table = pq.read_table(path).drop_columns(["rejected"])
            pq.write_table(table, folder / path.name)
            for record in table.to_pylist():
                digests[room].update(canonical(record))
    fingerprint = fingerprint_of({room: digest.hexdigest() for room, digest in digests.items()}, version=2)
    files = {path.name: build.file_entry(path) for path in sorted(folder.iterdir())}
    manifest = {**now.manifest, "version": 2, "fingerprint": fingerprint, "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    before = open_dataset(folder)
    before.verify()
    assert before.fingerprint != now.fingerprint
    assert list(before.rows("train")) == list(now.rows("train"))
    assert {row.rejected for row in before.rows("train")} == {None}


ROWS = '{"train": 1, "validation": 1, "test": 1}'


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ("{}", "cannot be read"),
        ('{"version": 1, "fingerprint": "a", "rows": {"train": 1}, "files": {}}', "cannot be read"),
        ('{"version": 1, "fingerprint": "a", "rows": ' + ROWS + ', "files": {"../x": {}}}', "cannot be read"),
        ('{"version": 1, "fingerprint": "a", "rows": ' + ROWS + ', "files": {}}', "of version 1"),
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, body: str, words: str) -> None:
    (tmp_path / "manifest.json").write_text(body, encoding="utf-8")
    with pytest.raises(IntegrityError, match=words):
        open_dataset(tmp_path)


def test_a_parquet_file_of_another_shape_is_refused(store: Store, settings: Settings, bot: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    import_log(store, bot, log(60))
    frozen = freeze(store, settings, bot)
    pq.write_table(pa.table({"text": ["a"]}), frozen.shards("test")[0])
    with pytest.raises(IntegrityError, match="cannot be read as it was written"):
        list(frozen.rows("test"))


def test_a_disk_that_refuses_is_a_storage_error_and_leaves_nothing(
    store: Store, settings: Settings, bot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_log(store, bot, log(60))

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("data.shards.Path.open", refuse)
        with pytest.raises(StorageError):
            freeze(store, settings, bot)
    assert not (settings.home / "datasets").exists()
    assert list(Blobs(settings.home).tmp.iterdir()) == []


def test_a_source_tree_that_was_never_installed_has_a_version_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: str) -> str:
        raise version.PackageNotFoundError

    monkeypatch.setattr(version, "version", absent)
    assert version.attune_version() == "0"
    assert json.dumps(version.attune_version())
