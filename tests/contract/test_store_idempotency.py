"""What every database must promise about calls that come twice."""

from dataclasses import replace

import pytest

from data.errors import Conflict, IdempotencyMismatch
from data.store import Store, idempotency, jobs, workspaces
from data.store.idempotency import KEEP_HOURS, Ask, Kept
from tests.crowd import at_once

ASK = Ask("key_1", "POST /v1/bots/acme/train", "abc", "ab" * 32)


def call(store: Store, ask: Ask = ASK) -> tuple[bool, Kept]:
    """One whole call: its effect is a job, its answer names it. True when it was this call that had the effect."""
    with store.begin() as tx:
        kept = idempotency.begin(tx, ask)
        if kept is not None:
            return False, kept
        job = jobs.enqueue(tx, "train", {})
        answer = Kept(202, {"Location": f"/v1/jobs/{job.id}"}, {"id": job.id, "odd": "\x00\ud800"})
        idempotency.keep(tx, ask, answer)
        return True, answer


def effects(store: Store) -> int:
    with store.read() as tx:
        return len(jobs.list_all(tx))


def test_a_call_that_comes_again_gets_the_first_answer(store: Store) -> None:
    first, answer = call(store)
    assert first
    assert call(store) == (False, answer)
    assert call(store) == (False, answer)
    assert effects(store) == 1


def test_twenty_calls_at_once_have_one_effect(store: Store) -> None:
    seen = at_once(20, lambda _: call(store))
    assert sum(first for first, _ in seen) == effects(store) == 1
    assert len({answer.headers["Location"] for _, answer in seen}) == 1


def test_calls_with_keys_of_their_own_do_not_wait_for_each_other(store: Store) -> None:
    seen = at_once(10, lambda number: call(store, replace(ASK, key=str(number))))
    assert [first for first, _ in seen] == [True] * 10
    assert effects(store) == 10


@pytest.mark.parametrize("other", [{"actor": "key_2"}, {"route": "POST /v1/bots/zeta/train"}, {"key": "abd"}])
def test_another_caller_route_or_key_is_another_call(store: Store, other: dict) -> None:
    call(store)
    assert call(store, replace(ASK, **other))[0]
    assert effects(store) == 2


def test_another_workspace_has_keys_of_its_own(store: Store) -> None:
    call(store)
    assert call(workspaces.ensure(store, "other"))[0]


def test_one_key_for_two_requests_is_refused(store: Store) -> None:
    call(store)
    with pytest.raises(IdempotencyMismatch) as refused:
        call(store, replace(ASK, request_digest="cd" * 32))
    assert refused.value.code == "idempotency_mismatch"
    assert effects(store) == 1
    assert not call(store)[0]


def test_a_call_that_failed_leaves_its_key_free(store: Store) -> None:
    def fail() -> None:
        with store.begin() as tx:
            assert idempotency.begin(tx, ASK) is None
            jobs.enqueue(tx, "train", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert effects(store) == 0
    assert call(store)[0]


def test_who_waits_for_a_call_that_fails_becomes_the_first(store: Store) -> None:
    def act(number: int) -> bool:
        try:
            with store.begin() as tx:
                kept = idempotency.begin(tx, ASK)
                if kept is not None:
                    return False
                if number % 2:
                    raise ZeroDivisionError
                jobs.enqueue(tx, "train", {})
                idempotency.keep(tx, ASK, Kept(202))
                return True
        except ZeroDivisionError:
            return False

    assert sum(at_once(10, act)) == effects(store) == 1


def test_a_call_that_left_no_answer_is_not_repeated(store: Store) -> None:
    with store.begin() as tx:
        assert idempotency.begin(tx, ASK) is None
    with pytest.raises(Conflict, match="no answer"):
        call(store)


def test_a_key_is_forgotten_after_a_day(store: Store, clock) -> None:
    call(store)
    clock.turn(KEEP_HOURS * 3600 - 1)
    assert not call(store)[0]
    call(store, replace(ASK, key="later"))
    clock.turn(2)
    with store.begin() as tx:
        assert idempotency.purge(tx) == 1
        assert idempotency.purge(tx) == 0
    assert not call(store, replace(ASK, key="later"))[0]
    assert call(store)[0]


def test_an_old_key_is_free_though_nobody_purged(store: Store, clock) -> None:
    call(store)
    clock.turn(KEEP_HOURS * 3600 + 1)
    assert call(store, replace(ASK, request_digest="cd" * 32))[0]


def test_a_purge_leaves_other_workspaces_alone(store: Store, clock) -> None:
    call(store)
    clock.turn(KEEP_HOURS * 3600 + 1)
    with workspaces.ensure(store, "other").begin() as tx:
        assert idempotency.purge(tx) == 0
