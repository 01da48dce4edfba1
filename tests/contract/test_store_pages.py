"""What every database must promise about lists that are read page by page: nothing twice, nothing left out, whatever
comes in meanwhile."""

from collections.abc import Callable
from typing import Any

import pytest

from data.errors import NotFound
from data.profile import BotProfile
from data.store import Store, Tx, bots, jobs, releases, uploads, workspaces
from data.store.uploads import NewUpload

PROFILE = BotProfile(name="Acme")


def a_bot(store: Store, name: str = "acme") -> str:
    with store.begin() as tx:
        return bots.create(tx, name, PROFILE).id


def read_through(
    store: Store,
    page: Callable[[Tx, Any], list[Any]],
    mark: Callable[[Any], Any],
    meanwhile: Callable[[], object] = lambda: None,
) -> list[Any]:
    """Everything, page by page; between two pages something else comes in."""
    found: list[Any] = []
    while True:
        with store.read() as tx:
            part = page(tx, mark(found[-1]) if found else None)
        if not part:
            return found
        found += part
        meanwhile()


def test_bots_are_paged_by_name(store: Store) -> None:
    for name in ("zeta", "acme", "mid", "b-2", "b_1"):
        a_bot(store, name)
    a_bot(workspaces.ensure(store, "other"), "foreign")
    numbers = iter(range(100))
    seen = read_through(
        store,
        lambda tx, after: bots.page(tx, after=after, limit=2),
        lambda bot: bot.name,
        lambda: a_bot(store, f"aa-{next(numbers)}"),  # comes before what was read already, and is not seen
    )
    assert [bot.name for bot in seen] == sorted(["zeta", "acme", "mid", "b-2", "b_1"])


def test_uploads_are_paged_newest_first(store: Store) -> None:
    bot, other = a_bot(store), a_bot(store, "other")
    numbers = iter(range(100))

    def arrive(owner: str = bot) -> str:
        with store.begin() as tx:
            return uploads.create(tx, owner, NewUpload("a", f"{next(numbers):064x}", 1))[0].id

    made = [arrive() for _ in range(5)]
    arrive(other)
    seen = read_through(
        store,
        lambda tx, after: uploads.page(tx, bot, after=after, limit=2),
        lambda upload: upload.sequence,
        arrive,
    )
    assert [upload.id for upload in seen] == made[::-1]
    with workspaces.ensure(store, "elsewhere").read() as tx:
        assert uploads.page(tx, bot, limit=5) == []


def test_releases_are_paged_newest_first(store: Store) -> None:
    bot, other = a_bot(store), a_bot(store, "other")

    def reserve(owner: str = bot) -> int:
        with store.begin() as tx:
            return releases.reserve(tx, owner)

    made = [reserve() for _ in range(5)]
    reserve(other)
    seen = read_through(
        store,
        lambda tx, after: releases.page(tx, bot, after=after, limit=2),
        lambda release: release.number,
        reserve,
    )
    assert [release.number for release in seen] == made[::-1]
    with workspaces.ensure(store, "elsewhere").read() as tx:
        assert releases.page(tx, bot, limit=5) == []


@pytest.fixture
def queue(store: Store, clock) -> dict[str, list[str]]:
    """Jobs of two kinds and two bots, several of them of the same instant; newest first."""
    kept: dict[str, list[str]] = {"acme": [], "other": [], "train": [], "import": []}
    ids = {name: a_bot(store, name) for name in ("acme", "other")}
    for number in range(9):
        bot, kind = ("acme", "other")[number % 2], ("train", "import")[number % 3 == 0]
        with store.begin() as tx:
            made = jobs.enqueue(tx, kind, {}, ids[bot]).id
        kept[bot].append(made)
        kept[kind].append(made)
        clock.turn(number % 4 == 3)
    with store.read() as tx:
        order = [job.id for job in jobs.list_all(tx)]
    return {name: [one for one in order if one in some] for name, some in kept.items()} | {"all": order} | {
        f"id {name}": [bot] for name, bot in ids.items()
    }  # fmt: skip


def test_jobs_are_paged_newest_first_whatever_is_asked_for(store: Store, queue: dict[str, list[str]], clock) -> None:
    def ids(**wanted: Any) -> list[str]:
        def arrive() -> None:
            clock.turn(1)
            with store.begin() as tx:
                jobs.enqueue(tx, "train", {}, queue["id acme"][0])

        seen = read_through(
            store, lambda tx, after: jobs.page(tx, after=after, limit=2, **wanted), lambda job: job.id, arrive
        )
        return [job.id for job in seen if job.id in queue["all"]]

    assert ids() == queue["all"]
    assert ids(bot_id=queue["id other"][0]) == queue["other"]
    assert ids(kinds=["import"]) == queue["import"]
    both = [one for one in queue["all"] if one in queue["acme"] and one in queue["train"]]
    assert ids(bot_id=queue["id acme"][0], kinds=["train"], states=["queued"]) == both


def test_jobs_are_paged_by_state(store: Store, queue: dict[str, list[str]]) -> None:
    with store.begin() as tx:
        for one in queue["all"][::3]:
            jobs.cancel(tx, one)
    with store.read() as tx:
        cancelled = jobs.page(tx, states=["cancelled"], limit=50)
        waiting = jobs.page(tx, states=["queued", "running"], limit=50)
        assert jobs.page(tx, states=[], limit=50) == []
    assert [job.id for job in cancelled] == queue["all"][::3]
    assert [job.id for job in waiting] == [one for one in queue["all"] if one not in queue["all"][::3]]


def test_a_page_after_a_job_that_is_not_there_is_not_found(store: Store, queue: dict[str, list[str]]) -> None:
    with store.read() as tx, pytest.raises(NotFound):
        jobs.page(tx, after="job_0", limit=5)
    with workspaces.ensure(store, "elsewhere").read() as tx:
        assert jobs.page(tx, limit=5) == []
        with pytest.raises(NotFound):
            jobs.page(tx, after=queue["all"][0], limit=5)
