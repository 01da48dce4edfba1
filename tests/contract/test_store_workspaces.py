"""No row is read, changed or referred to from another workspace."""

import inspect
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from data.errors import NotFound
from data.profile import BotProfile
from data.schema import Conversation, Turn
from data.store import (
    Store,
    audit,
    bots,
    conversations,
    datasets,
    feedback,
    idempotency,
    jobs,
    keys,
    releases,
    runs,
    serving_tables,
    sessions,
    tables,
    turns,
    uploads,
    workspaces,
)
from data.store.audit import Entry
from data.store.conversations import StoredConversation
from data.store.idempotency import Ask, Kept
from data.store.releases import NewRelease, Promotion
from data.store.runs import NewRun
from data.store.uploads import NewUpload
from tests.chats import Chats

PROFILE = BotProfile(name="Acme")
RELEASE = NewRelease("ab" * 32, {}, {"decision": "promote"})
ROW = StoredConversation("c1", Conversation("x", (Turn("user", "hi"),)), "f1", 0)


@pytest.fixture
def other(store: Store) -> Store:
    """The same database from a second workspace."""
    return workspaces.ensure(store, "other")


@pytest.fixture
def ids(store: Store) -> dict[str, str]:
    """One row of every noun in the default workspace."""
    with store.begin() as tx:
        bot = bots.create(tx, "acme", PROFILE).id
        upload = uploads.create(tx, bot, NewUpload("a", "01" * 32, 1))[0].id
        conversations.add_many(tx, upload, [ROW])
        dataset = datasets.create(tx, bot, "f" * 64, {}, [upload]).id
        run = runs.create(tx, bot, NewRun("intent", dataset, "base", {})).id
        runs.record_checkpoint(tx, run, "last.ckpt", "01" * 32)
        releases.publish(tx, bot, releases.reserve(tx, bot), RELEASE)
        releases.promote(tx, bot, Promotion(1, 0, "ann", "because"))
        job = jobs.enqueue(tx, "train", {}, bot, "key").id
    return {"bot": bot, "upload": upload, "dataset": dataset, "run": run, "job": job}


def test_another_workspace_sees_nothing(other: Store, ids: dict[str, str]) -> None:
    with other.begin() as tx:
        assert bots.list_all(tx) == []
        assert uploads.list_for(tx, ids["bot"]) == []
        assert conversations.count(tx, ids["bot"]) == 0
        assert conversations.existing(tx, ids["bot"], ["f1"], ids["upload"]) == set()
        assert datasets.list_for(tx, ids["bot"]) == []
        assert datasets.sources(tx, ids["dataset"]) == []
        assert runs.list_for(tx, ids["bot"]) == []
        assert runs.checkpoints(tx, ids["run"]) == []
        assert releases.list_for(tx, ids["bot"]) == []
        assert releases.live(tx, ids["bot"]).version == 0
        assert jobs.list_all(tx) == []
        assert jobs.events(tx, ids["job"]) == []
        assert jobs.claim(tx, "thief", lease_seconds=1) is None
        assert jobs.claim(tx, "thief", lease_seconds=1, job_id=ids["job"]) is None
    assert list(conversations.stream(other, ids["bot"], [ids["upload"]])) == []


def test_what_is_foreign_is_as_absent(other: Store, ids: dict[str, str]) -> None:
    with other.begin() as tx:
        for ask in (
            lambda: bots.get(tx, "acme"),
            lambda: bots.lock(tx, ids["bot"]),
            lambda: bots.save_profile(tx, ids["bot"], PROFILE),
            lambda: uploads.create(tx, ids["bot"], NewUpload("b", "02" * 32, 1)),
            lambda: uploads.finish(tx, ids["upload"], {}),
            lambda: conversations.add_many(tx, ids["upload"], [ROW]),
            lambda: conversations.assign_splits(tx, ids["bot"], {"c1": ("test", "g")}),
            lambda: datasets.get(tx, ids["dataset"]),
            lambda: runs.finish(tx, ids["run"], {}),
            lambda: releases.reserve(tx, ids["bot"]),
            lambda: releases.publish(tx, ids["bot"], 1, RELEASE),
            lambda: releases.promote(tx, ids["bot"], Promotion(1, 1, "eve", "because")),
            lambda: jobs.get(tx, ids["job"]),
            lambda: jobs.cancel(tx, ids["job"]),
        ):
            with pytest.raises(NotFound):
                ask()


@pytest.mark.parametrize("refer", ["dataset", "run", "job", "checkpoint"])
def test_a_row_cannot_refer_into_another_workspace(other: Store, ids: dict[str, str], refer: str) -> None:
    with other.begin() as tx:
        own = bots.create(tx, "own", PROFILE).id
    references = {
        "dataset": lambda tx: datasets.create(tx, ids["bot"], "e" * 64, {}, []),
        "run": lambda tx: runs.create(tx, own, NewRun("intent", ids["dataset"], "base", {})),
        "job": lambda tx: jobs.enqueue(tx, "train", {}, ids["bot"]),
        "checkpoint": lambda tx: runs.record_checkpoint(tx, ids["run"], "x", "01" * 32),
    }

    def write() -> None:
        with other.begin() as tx:
            references[refer](tx)

    with pytest.raises((IntegrityError, NotFound)):
        write()


def test_two_workspaces_may_use_the_same_names_and_keys(other: Store, ids: dict[str, str]) -> None:
    with other.begin() as tx:
        bot = bots.create(tx, "acme", PROFILE).id
        assert jobs.enqueue(tx, "train", {}, bot, "key").id != ids["job"]
        upload = uploads.create(tx, bot, NewUpload("a", "01" * 32, 1))[0].id
        conversations.add_many(tx, upload, [ROW])


@pytest.fixture
def statements(store: Store) -> Iterator[list[str]]:
    """Every statement the store sends."""
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        seen.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    yield seen
    event.remove(store.engine, "before_cursor_execute", note)


def test_every_statement_names_the_workspace_in_its_condition(
    store: Store, statements: list[str], ids: dict[str, str]
) -> None:
    with store.begin() as tx:
        jobs.heartbeat(tx, jobs.claim(tx, "w", lease_seconds=1))
        uploads.finish(tx, ids["upload"], {})
        conversations.assign_splits(tx, ids["bot"], {"c1": ("test", "g")})
        bots.save_profile(tx, ids["bot"], PROFILE)
        runs.finish(tx, ids["run"], {})
        releases.history(tx, ids["bot"])
    list(conversations.stream(store, ids["bot"]))
    told = [statement for statement in statements if re.match(r"(SELECT|UPDATE|DELETE)\b", statement)]
    careless = [statement for statement in told if not re.search(r"WHERE.*workspace_id = ", statement, re.DOTALL)]
    assert len(told) > 30
    assert careless == []


def test_every_statement_about_visitors_names_it_too(store: Store, statements: list[str], ids: dict[str, str]) -> None:
    chats = Chats(store, ids["bot"])
    turn = chats.ask(chats.open(), "hi", "hm", action="fallback")
    one = chats.accept(chats.give(turn, rating=-1))
    chats.give(turn, rating=1)
    ask = Ask("key_1", "POST /v1/x", "abc", "00")
    with store.begin() as tx:
        sessions.hand(tx, ids["bot"], turn.session_id, "human")
        sessions.page(tx, ids["bot"], owner="human", after=turn.session_id, limit=1)
        sessions.assign_split(tx, turn.session_id, "train", "g")
        turns.before(tx, turn, 5)
        feedback.keep_prepared(tx, one.id, one.revision, {})
        feedback.page(tx, ids["bot"], limit=1)
        feedback.counts_by_source(tx, ids["bot"])
        feedback.times_from(tx, ids["bot"], "net-1")
        keys.touch(tx, chats.key_id)
        keys.revoke(tx, chats.key_id)
        idempotency.begin(tx, ask)
        idempotency.keep(tx, ask, Kept(200))
        idempotency.purge(tx)
        audit.record(tx, Entry("key_1", "req_1", "x", "y"))
        audit.verify(tx)
    told = [statement for statement in statements if re.match(r"(SELECT|UPDATE|DELETE)\b", statement)]
    owner = r"WHERE.*(workspace_id|workspaces\.id) = "
    assert len(told) > 40
    assert [statement for statement in told if not re.search(owner, statement, re.DOTALL)] == []


def test_every_table_but_the_workspaces_carries_the_workspace_in_its_key() -> None:
    assert serving_tables.turns in tables.metadata.sorted_tables
    for table in tables.metadata.sorted_tables:
        if table.name != "workspaces":
            assert next(iter(table.primary_key.columns)).name == "workspace_id", table.name
            for reference in table.foreign_key_constraints:
                assert "workspace_id" in reference.column_keys, table.name


def test_every_public_function_of_a_noun_asks_for_a_transaction_or_a_store() -> None:
    trained = (bots, conversations, datasets, jobs, releases, runs, uploads)
    pure = {"bots.absent", "conversations.customer_digest", "feedback.worth", "keys.is_origin"}
    for noun in (*trained, audit, feedback, idempotency, keys, sessions, turns, workspaces):
        for name, function in inspect.getmembers(noun, inspect.isfunction):
            said = f"{noun.__name__.rpartition('.')[2]}.{name}"
            if function.__module__ == noun.__name__ and not name.startswith("_") and said not in pure:
                assert next(iter(inspect.signature(function).parameters)) in ("tx", "store"), said
