"""What every database must promise about datasets, runs, releases and the live pointer."""

import pytest

from data.errors import Conflict, GateClosed, NotFound, PointerMoved
from data.profile import BotProfile
from data.store import Store, bots, datasets, releases, runs, uploads, workspaces
from data.store.releases import Live, NewRelease, Promotion
from data.store.runs import NewRun
from data.store.uploads import NewUpload

GOOD = {"decision": "promote", "reasons": ["better"]}
BAD = {"decision": "reject", "reasons": ["worse than the floor"]}


@pytest.fixture
def bot(store: Store) -> str:
    with store.begin() as tx:
        return bots.create(tx, "acme", BotProfile(name="Acme")).id


def a_release(store: Store, bot: str, verdict: dict = GOOD, state: str = "published") -> int:
    with store.begin() as tx:
        number = releases.reserve(tx, bot)
        releases.publish(tx, bot, number, NewRelease("ab" * 32, {"encoders": {}}, verdict, state))
    return number


def ask(number: int, version: int, override: str | None = None) -> Promotion:
    return Promotion(number, version, actor="ann", reason="because", override_reason=override)


def test_a_dataset_is_recorded_once_with_its_sources(store: Store, bot: str) -> None:
    with store.begin() as tx:
        first = uploads.create(tx, bot, NewUpload("a", "01" * 32, 1))[0].id
        second = uploads.create(tx, bot, NewUpload("b", "02" * 32, 1))[0].id
        made = datasets.create(tx, bot, "f" * 64, {"rows": 3}, [second, first, first])
        again = datasets.create(tx, bot, "f" * 64, {"rows": 3}, [first])
        other = datasets.create(tx, bot, "e" * 64, {}, [])
    assert again == made
    with store.read() as tx:
        assert datasets.get(tx, made.id) == datasets.find(tx, bot, "f" * 64) == made
        assert datasets.find(tx, bot, "0" * 64) is None
        assert datasets.sources(tx, made.id) == [first, second]
        assert {dataset.id for dataset in datasets.list_for(tx, bot)} == {made.id, other.id}
        with pytest.raises(NotFound):
            datasets.get(tx, "dataset_0")


def test_a_run_ends_with_metrics_or_an_error(store: Store, bot: str, clock) -> None:
    with store.begin() as tx:
        dataset = datasets.create(tx, bot, "f" * 64, {}, []).id
        new = NewRun("intent", dataset, "base", {"lr": 1e-4})
        good, bad = runs.create(tx, bot, new), runs.create(tx, bot, new)
    assert (good.state, good.recipe, good.job_id) == ("running", {"lr": 1e-4}, None)
    clock.turn(5)
    with store.begin() as tx:
        assert runs.finish(tx, good.id, {"f1": 0.9}).metrics == {"f1": 0.9}
        assert runs.fail(tx, bad.id, {"code": "diverged"}).error == {"code": "diverged"}
    with store.read() as tx:
        assert [run.state for run in runs.list_for(tx, bot)].count("failed") == 1
        assert runs.list_for(tx, bot, job_id="job_0") == []
        assert runs.get(tx, good.id).finished_at == clock()
        with pytest.raises(NotFound):
            runs.get(tx, "run_0")


def test_checkpoints_are_newest_first_and_trusted_as_last_recorded(store: Store, bot: str) -> None:
    with store.begin() as tx:
        dataset = datasets.create(tx, bot, "f" * 64, {}, []).id
        run = runs.create(tx, bot, NewRun("intent", dataset, "base", {})).id
        for name, digest in (("last.ckpt", "01" * 32), ("best.ckpt", "02" * 32), ("last.ckpt", "03" * 32)):
            runs.record_checkpoint(tx, run, name, digest)
    with store.read() as tx:
        found = [(checkpoint.name, checkpoint.digest) for checkpoint in runs.checkpoints(tx, run)]
    assert found == [("last.ckpt", "03" * 32), ("best.ckpt", "02" * 32)]


def test_numbers_are_never_given_twice(store: Store, bot: str) -> None:
    with store.begin() as tx:
        assert [releases.reserve(tx, bot) for _ in range(3)] == [1, 2, 3]

    def reserve_and_fail() -> None:
        with store.begin() as tx:
            releases.reserve(tx, bot)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        reserve_and_fail()
    with store.begin() as tx:
        assert releases.reserve(tx, bot) == 4
        assert [release.state for release in releases.list_for(tx, bot)] == ["reserved"] * 4


def test_a_release_is_published_once(store: Store, bot: str) -> None:
    number = a_release(store, bot)
    same = NewRelease("ab" * 32, {"encoders": {}}, GOOD)
    with store.begin() as tx:
        held = releases.publish(tx, bot, number, same)
        assert (held.state, held.decision, held.digest) == ("published", "promote", "ab" * 32)
        with pytest.raises(Conflict):
            releases.publish(tx, bot, number, NewRelease("cd" * 32, {}, GOOD))
        with pytest.raises(NotFound):
            releases.publish(tx, bot, 99, same)


def test_promoting_moves_the_pointer_and_rolling_back_moves_it_again(store: Store, bot: str) -> None:
    one, two = a_release(store, bot), a_release(store, bot)
    with store.begin() as tx:
        assert releases.live(tx, bot) == Live(None, 0)
        assert releases.rollback_target(tx, bot) is None
        assert releases.promote(tx, bot, ask(one, 0)).version == 1
        assert releases.rollback_target(tx, bot) is None
        assert releases.promote(tx, bot, ask(two, 1)).version == 2
        back = releases.rollback_target(tx, bot)
        assert back == one
        assert releases.promote(tx, bot, ask(back, 2)).version == 3
    with store.read() as tx:
        live = releases.live(tx, bot)
        assert live.release is not None
        assert (live.release.number, live.version) == (one, 3)
        moves = [(move.version, move.number, move.previous) for move in releases.history(tx, bot)]
    assert moves == [(3, one, two), (2, two, one), (1, one, None)]


def test_a_pointer_that_moved_is_not_moved_again(store: Store, bot: str) -> None:
    one, two = a_release(store, bot), a_release(store, bot)
    with store.begin() as tx:
        releases.promote(tx, bot, ask(one, 0))
        with pytest.raises(PointerMoved) as moved:
            releases.promote(tx, bot, ask(two, 0))
        assert moved.value.ids["version"] == 1
        assert releases.live(tx, bot).version == 1


def test_the_gate_stays_closed_unless_somebody_says_why(store: Store, bot: str) -> None:
    number = a_release(store, bot, BAD, "rejected")
    with store.begin() as tx:
        for override in (None, ""):
            with pytest.raises(GateClosed, match="reject"):
                releases.promote(tx, bot, ask(number, 0, override))
        releases.promote(tx, bot, ask(number, 0, "the test set is wrong"))
        assert releases.history(tx, bot)[0].override_reason == "the test set is wrong"


def test_what_is_not_complete_cannot_be_promoted(store: Store, bot: str) -> None:
    with store.begin() as tx:
        number = releases.reserve(tx, bot)
        assert releases.get(tx, bot, number).decision is None
        for absent in (number, 99):
            with pytest.raises(NotFound):
                releases.promote(tx, bot, ask(absent, 0, "whatever"))
        with pytest.raises(NotFound):
            releases.promote(tx, "bot_0", ask(number, 0))


def test_the_pointers_of_all_bots_are_read_at_once(store: Store, bot: str, clock) -> None:
    with store.begin() as tx:
        other = bots.create(tx, "brisk", BotProfile(name="Brisk")).id
        bots.create(tx, "never-live", BotProfile(name="Never"))
    first, second, third = a_release(store, bot), a_release(store, bot), a_release(store, other)
    for number, version in ((first, 0), (second, 1), (first, 2)):
        clock.turn(1)
        with store.begin() as tx:
            releases.promote(tx, bot, ask(number, version))
    with store.begin() as tx:
        releases.promote(tx, other, ask(third, 0))
        when = tx.now
    with workspaces.ensure(store, "elsewhere").begin() as tx:
        foreign = bots.create(tx, "acme", BotProfile(name="Acme")).id
        assert releases.pointers(tx) == []
    with store.read() as tx:
        found = {pointer.bot_id: pointer for pointer in releases.pointers(tx)}
    assert foreign not in found
    assert found == {
        bot: releases.Pointer(bot, "acme", 3, first, when),
        other: releases.Pointer(other, "brisk", 1, third, when),
    }
