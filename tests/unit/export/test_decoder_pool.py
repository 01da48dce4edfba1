"""Decoders shared by digest, turns at writing: as many at once as there may be, few wait, the others are sent away."""

from __future__ import annotations

import threading

import pytest

from data.errors import IntegrityError, NotFound, Overloaded
from export.decoder_pool import DecoderPool, Turns
from export.decoding import Wish
from export.sampling import Sampling
from service.errors import problem


@pytest.fixture
def pool(written) -> DecoderPool:
    return DecoderPool(written.home, turns=Turns(at_once=2, waiting=1, seconds=30))


def test_a_decoder_is_loaded_once_for_all_and_leaves_with_the_last(pool, written):
    digest = written.digests["int4"]
    with pool.holding(digest) as one, pool.holding(digest) as other:
        assert one is other
        assert pool.usage()[0].references == 2
        assert pool.size_bytes == one.size_bytes
        assert list(one.generate(Wish((5, 6), Sampling(max_tokens=3))))
    assert pool.usage() == ()
    with pytest.raises(NotFound):
        pool.acquire("0" * 64)
    with pytest.raises(IntegrityError, match="64 hexadecimal"):
        pool.adapter("../../etc")
    assert pool.adapter("a" * 64).parent == written.home / "adapters"
    assert pool.usage() == ()


def test_whoever_comes_when_all_are_busy_and_enough_wait_is_sent_away(pool):
    """Two write, one waits; the next is refused at once, and the one who waits gets the first turn that is free."""
    writing, end, got = threading.Barrier(3), threading.Event(), threading.Event()

    def write() -> None:
        with pool.turn():
            writing.wait(30)
            end.wait(30)

    def wait() -> None:
        with pool.turn():
            got.set()

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    writing.wait(30)
    with pytest.raises(Overloaded, match="Too many replies"), pool.turn(0.0):
        pass
    threads.append(threading.Thread(target=wait))
    threads[-1].start()
    while not pool.waiting:
        pass
    with pytest.raises(Overloaded), pool.turn(1000.0):  # no second one may wait
        pass
    assert not got.is_set()
    end.set()
    for thread in threads:
        thread.join(30)
    assert got.is_set()
    assert pool.waiting == 0


def test_turns_come_back_however_the_reply_ends(pool):
    for _ in range(5):
        with pytest.raises(RuntimeError, match="gone"), pool.turn(0.0), pool.turn(0.0):
            raise RuntimeError("gone")
    with pool.turn(0.0), pool.turn(0.0), pytest.raises(Overloaded), pool.turn(0.0):
        pass


def test_over_http_it_is_a_503_that_says_when_to_come_again(pool):
    with pool.turn(), pool.turn(), pytest.raises(Overloaded) as refused, pool.turn(0.0):
        pass
    told = problem(refused.value, "req_1")
    assert (told.status, told.body["error"]["code"]) == (503, "overloaded")
    assert int(told.headers["Retry-After"]) > 0
