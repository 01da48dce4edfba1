"""Who rested least works next; what waits is done in order; the end leaves nothing undone unless told to."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, wait

import pytest

from service.warm_pool import WarmPool

PATIENCE = 30


@pytest.fixture
def pool():
    made = WarmPool(4)
    yield made
    made.shutdown(cancel_futures=True)


def me() -> int:
    return threading.get_ident()


def rested(pool: WarmPool, count: int) -> list[int]:
    """Have `count` threads started, and all of them at rest again."""
    together = threading.Barrier(count)

    def meet() -> int:
        together.wait(PATIENCE)
        return me()

    return [future.result(PATIENCE) for future in [pool.submit(meet) for _ in range(count)]]


def test_one_request_after_the_other_keeps_to_one_thread(pool):
    assert len(set(rested(pool, 4))) == 4
    # A result is told a moment before its thread lies down, so a second one may take the next turn; no others do.
    assert len({pool.submit(me).result(PATIENCE) for _ in range(50)}) < 4


def test_results_and_errors_come_to_who_asked(pool):
    assert pool.submit(divmod, 7, 2).result(PATIENCE) == (3, 1)
    assert pool.submit(int, "ff", base=16).result(PATIENCE) == 255
    with pytest.raises(ZeroDivisionError):
        pool.submit(divmod, 1, 0).result(PATIENCE)
    with pytest.raises(SystemExit):
        pool.submit(exit).result(PATIENCE)
    assert pool.submit(me).result(PATIENCE)  # and the thread lives on


def test_no_more_threads_than_allowed_and_what_waits_keeps_its_order():
    pool = WarmPool(2)
    gate, done, threads = threading.Event(), [], set()

    def act(number: int) -> None:
        gate.wait(PATIENCE)
        threads.add(me())
        done.append(number)

    held = [pool.submit(gate.wait, PATIENCE)]
    futures = [pool.submit(act, number) for number in range(20)]
    gate.set()
    wait(held + futures, PATIENCE)
    assert len(threads) <= 2
    assert sorted(done) == list(range(20))
    pool.shutdown()


def test_the_end_waits_for_what_was_asked_before():
    pool = WarmPool(1)
    gate = threading.Event()
    futures = [pool.submit(gate.wait, PATIENCE), pool.submit(me), pool.submit(me)]
    pool.shutdown(wait=False)
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(me)
    gate.set()
    pool.shutdown()
    assert all(future.done() and not future.cancelled() for future in futures)


def test_the_end_drops_what_waits_when_told_to():
    pool = WarmPool(1)
    gate = threading.Event()
    running, waiting = pool.submit(gate.wait, PATIENCE), pool.submit(me)
    pool.shutdown(wait=False, cancel_futures=True)
    gate.set()
    with pytest.raises(CancelledError):
        waiting.result(PATIENCE)
    assert running.result(PATIENCE) is True
    pool.shutdown()


def test_a_task_cancelled_while_it_waits_is_not_done():
    pool = WarmPool(1)
    gate, done = threading.Event(), []
    pool.submit(gate.wait, PATIENCE)
    waiting = pool.submit(done.append, 1)
    assert waiting.cancel()
    gate.set()
    pool.shutdown()
    assert done == []


def test_many_callers_at_once_lose_nothing(pool):
    total = []
    callers = [
        threading.Thread(target=lambda: total.extend(pool.submit(divmod, n, 7).result(PATIENCE)[1] for n in range(200)))
        for _ in range(8)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(PATIENCE)
    assert len(total) == 8 * 200
    assert sum(total) == 8 * sum(n % 7 for n in range(200))
