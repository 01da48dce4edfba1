"""What every database must promise about the audit log."""

from dataclasses import replace

import pytest
from sqlalchemy import delete, update

from data.store import Store, audit, idempotency, jobs, workspaces
from data.store.audit import ROOT, Entry
from data.store.idempotency import Ask
from data.store.serving_tables import audit as lines
from tests.crowd import at_once

ENTRY = Entry("key_1", "req_1", "promote", "bot acme", before="ab" * 32, after="cd" * 32, reason="better")


def recorded(store: Store, count: int = 1) -> None:
    for number in range(count):
        with store.begin() as tx:
            audit.record(tx, replace(ENTRY, request_id=f"req_{number}"))


def wrong(store: Store) -> list[str]:
    with store.read() as tx:
        return audit.verify(tx)


def test_a_line_says_all_that_was_told_and_follows_the_one_before(store: Store, clock) -> None:
    with store.begin() as tx:
        first = audit.record(tx, ENTRY)
        second = audit.record(tx, Entry("key_2", "req_2", "promote", "bot acme", "denied"))
    with store.read() as tx:
        assert audit.page(tx, limit=10) == [first, second]
    assert (first.sequence, first.previous, second.sequence, second.previous) == (1, ROOT, 2, first.digest)
    assert {name: getattr(first, name) for name in Entry.__slots__} == {
        name: getattr(ENTRY, name) for name in Entry.__slots__
    }
    assert (second.outcome, second.reason, first.created_at) == ("denied", None, clock.now)
    assert wrong(store) == []


def test_any_text_is_told(store: Store) -> None:
    odd = "a\x00\n\ud800é\u202e"
    with store.begin() as tx:
        line = audit.record(tx, replace(ENTRY, object=odd, reason=odd))
    with store.read() as tx:
        assert audit.page(tx, limit=1) == [line]
    assert line.object == line.reason == odd
    assert wrong(store) == []


def test_an_undone_change_leaves_no_line(store: Store) -> None:
    recorded(store)

    def change_and_fail() -> None:
        with store.begin() as tx:
            audit.record(tx, ENTRY)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    recorded(store)
    with store.read() as tx:
        assert [line.sequence for line in audit.page(tx, limit=10)] == [1, 2]
    assert wrong(store) == []


def test_the_log_is_read_page_by_page(store: Store) -> None:
    recorded(store, 7)
    with store.read() as tx:
        assert [line.sequence for line in audit.page(tx, limit=3)] == [1, 2, 3]
        assert [line.sequence for line in audit.page(tx, after=3, limit=3)] == [4, 5, 6]
        assert [line.sequence for line in audit.page(tx, after=7, limit=3)] == []


def test_a_long_chain_is_followed_to_its_end(store: Store) -> None:
    with store.begin() as tx:
        for _ in range(2 * audit._PAGE + 1):
            last = audit.record(tx, ENTRY)
    assert wrong(store) == []
    with store.begin() as tx:
        tx.connection.execute(update(lines).where(lines.c.sequence == last.sequence).values(actor="nobody"))
    assert wrong(store) == [f"line {last.sequence} of the audit log was changed"]


def test_writers_at_once_never_fork_the_chain(store: Store) -> None:
    at_once(20, lambda number: recorded(store, 2))
    with store.read() as tx:
        assert [line.sequence for line in audit.page(tx, limit=100)] == list(range(1, 41))
    assert wrong(store) == []


def test_writers_that_first_wrote_other_rows_do_not_wait_for_each_other(store: Store) -> None:
    """Each row refers to the workspace, and so holds it a little: not so much that the log cannot be written."""

    def change(number: int) -> None:
        with store.begin() as tx:
            assert idempotency.begin(tx, Ask("key_1", "POST /v1/x", str(number), "00")) is None
            jobs.enqueue(tx, "train", {})
            audit.record(tx, ENTRY)

    at_once(16, change)
    with store.read() as tx:
        assert len(audit.page(tx, limit=100)) == len(jobs.list_all(tx)) == 16
    assert wrong(store) == []


@pytest.mark.parametrize("name", ["actor", "request_id", "action", "object", "outcome", "before", "after", "reason"])
def test_a_changed_line_is_found(store: Store, name: str) -> None:
    recorded(store, 4)
    with store.begin() as tx:
        tx.connection.execute(update(lines).where(lines.c.sequence == 2).values({name: "other"}))
    assert wrong(store) == ["line 2 of the audit log was changed"]


def test_a_line_that_was_cut_out_or_moved_is_found(store: Store) -> None:
    recorded(store, 5)
    with store.begin() as tx:
        tx.connection.execute(delete(lines).where(lines.c.sequence == 3))
    assert wrong(store) == ["the audit log is cut before line 4"]
    with store.begin() as tx:
        for number in (4, 5):
            tx.connection.execute(update(lines).where(lines.c.sequence == number).values(sequence=number - 1))
    assert wrong(store) == ["the audit log is cut before line 3"]
    with store.begin() as tx:
        tx.connection.execute(delete(lines).where(lines.c.sequence < 3))
    assert wrong(store) == ["the audit log is cut before line 3"]


def test_each_workspace_has_a_log_of_its_own(store: Store) -> None:
    other = workspaces.ensure(store, "other")
    recorded(store, 3)
    recorded(other)
    with other.read() as tx:
        (line,) = audit.page(tx, limit=10)
    assert (line.sequence, line.previous) == (1, ROOT)
    assert wrong(store) == wrong(other) == []
    with store.begin() as tx:  # a log carried over from elsewhere is not this one's
        tx.connection.execute(delete(lines).where(lines.c.workspace_id == "default"))
        tx.connection.execute(update(lines).where(lines.c.workspace_id == "other").values(workspace_id="default"))
    assert wrong(store) == ["line 1 of the audit log was changed"]
