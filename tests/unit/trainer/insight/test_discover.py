"""The job that looks for intents: every message is accounted for, and nothing is left of one that was stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from data import suggested
from data.errors import StoreUnavailable
from data.jobs import JobContext
from data.store import discoveries, jobs, suggested_turns, suggestions
from data.store.jobs import Job
from data.store.suggestions import Suggestion
from data.suggested import Review
from tests.brand import Brand, brand_at, log
from trainer.insight import discover as module
from trainer.insight.discover import discover

ANN = Review("ann")
COUNTS = ("turns", "labelled", "decided", "not_looked_at")
INTENTS = ("refund", "delivery", "login", "hours")


@pytest.fixture
def make_brand(tiny_folder: Path, tmp_path: Path) -> Iterator[Callable[[bytes], Brand]]:
    with ExitStack() as stack:
        yield lambda content: stack.enter_context(brand_at(tmp_path / "home", tiny_folder, content))


def texts(said: Sequence[str], intent: str | None = None) -> bytes:
    """A conversation of one message for each."""
    label = {} if intent is None else {"intent": intent}
    rows = [
        {"id": f"{intent}{at}", "messages": [{"role": "user", "content": text, **label}]}
        for at, text in enumerate(said)
    ]
    return "\n".join(json.dumps(row) for row in rows).encode()


def unlabelled(count: int = 80) -> bytes:
    return log(count, labelled=False, answered=False, intents=INTENTS)


def asked(brand: Brand) -> Job:
    with brand.store.begin() as tx:
        return jobs.enqueue(tx, suggested.KIND, {"base": str(brand.base), "seed": 0}, bot_id=brand.bot_id)


def discovered(brand: Brand, at: Callable[[JobContext, Mapping[str, Any]], None] = lambda context, event: None) -> Job:
    """Ask and work; `at` is told of every event."""
    return brand.work(asked(brand), lambda context: discover(context, brand.settings, lambda event: at(context, event)))


def facts(job: Job) -> dict[str, Any]:
    assert job.state == "succeeded", job.error
    assert job.result is not None
    return job.result


def there(brand: Brand) -> list[Suggestion]:
    with brand.store.read() as tx:
        return suggestions.page(tx, brand.bot_id, limit=500)


def test_every_message_is_counted_and_suggestions_hold_what_is_covered(
    make_brand: Callable[[bytes], Brand],
) -> None:
    brand = make_brand(unlabelled())
    brand.take_in(log(20, first=500, intents=INTENTS))
    phases: list[Any] = []
    done = facts(discovered(brand, lambda _, event: phases.append(event["phase"])))
    found = there(brand)
    assert phases == ["messages", "embeddings", "groups"]
    assert [done[name] for name in COUNTS] == [80, 20, 0, 0]
    assert done["texts"] == 80
    assert done["covered"] + done["outliers"] == done["turns"]
    assert done["coverage"] == round(done["covered"] / done["turns"], 4) > 0
    assert done["suggestions"] == len(found) > 1
    assert sum(one.turns for one in found) == done["covered"]
    assert [one.turns for one in found] == sorted((one.turns for one in found), reverse=True)
    assert len({one.name for one in found}) == len(found)
    with brand.store.read() as tx:
        kept = discoveries.newest(tx, brand.bot_id)
        assert kept is not None
        assert {"discovery": kept.id, **kept.facts} == done
        places = [turn.place for one in found for turn in suggested_turns.behind(tx, one.id)]
    assert len(set(places)) == len(places)
    assert brand.is_sound()


def test_what_many_said_is_looked_at_once_and_stands_behind_with_all_its_turns(
    make_brand: Callable[[bytes], Brand],
) -> None:
    said = [json.loads(line)["messages"][0]["content"] for line in unlabelled(30).splitlines()]
    brand = make_brand(texts([*said, f"{said[0]}?", f"{said[0].upper()}!!"]))
    done = facts(discovered(brand))
    assert (done["turns"], done["texts"]) == (32, 30)
    with brand.store.read() as tx:
        ranks = [turn.rank for one in there(brand) for turn in suggested_turns.behind(tx, one.id)]
    assert len(ranks) == done["covered"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "There are 0 different"),
        (texts(["hello there", "good morning"]), "There are 2 different"),
        (texts([f"where is my parcel{'!' * at}" for at in range(50)]), "There are 1 different"),
        (texts([f"parcel {word}" for word in "abcdefghijklmnopqrst"], "parcel"), "20 have a label"),
    ],
    ids=["none", "few", "identical", "labelled"],
)
def test_too_little_to_look_at_is_said_in_words(
    make_brand: Callable[[bytes], Brand], content: bytes, told: str
) -> None:
    brand = make_brand(content)
    failed = discovered(brand)
    assert failed.state == "failed"
    assert failed.error is not None
    assert failed.error["code"] == "dataset_unfit"
    assert told in failed.error["message"]
    assert there(brand) == []


def test_writings_without_spaces_are_named_by_what_they_say(make_brand: Callable[[bytes], Brand]) -> None:
    said = [f"{begin}退款{end}" for begin in ("我要", "请给我", "怎么申请", "麻烦") for end in "了吗呢吧啊呀"]
    brand = make_brand(texts(said))
    assert facts(discovered(brand))["texts"] == 24
    assert any("退款" in one.name for one in there(brand))


def test_messages_beyond_the_bounds_are_counted(
    make_brand: Callable[[bytes], Brand], monkeypatch: pytest.MonkeyPatch
) -> None:
    brand = make_brand(unlabelled())
    monkeypatch.setattr(module, "MOST_TEXTS", 50)
    done = facts(discovered(brand))
    assert [done[name] for name in ("turns", "texts", "not_looked_at")] == [50, 50, 30]
    monkeypatch.setattr(module, "MOST_TURNS", 40)
    done = facts(discovered(brand))
    assert [done[name] for name in ("turns", "texts", "not_looked_at")] == [40, 40, 40]


def test_what_was_decided_before_or_meanwhile_is_not_proposed_again(make_brand: Callable[[bytes], Brand]) -> None:
    brand = make_brand(unlabelled())
    facts(discovered(brand))
    first, second, *_ = there(brand)
    with brand.store.begin() as tx:
        suggested.dismiss(tx, brand.bot_id, first.id, ANN)

    def accept(_: JobContext, event: Mapping[str, Any]) -> None:
        if event["phase"] == "groups":
            with brand.store.begin() as tx:
                suggested.accept(tx, brand.bot_id, second.id, ANN, "meanwhile")

    done = facts(discovered(brand, accept))
    assert done["decided"] == first.turns + second.turns
    assert sum(done[name] for name in COUNTS) == 80
    assert done["covered"] + done["outliers"] == done["turns"]
    left = there(brand)
    assert [one.id for one in left[:2]] == [first.id, second.id]
    assert {one.name for one in left[2:]}.isdisjoint({first.name, "meanwhile"})
    with brand.store.read() as tx:
        places = [turn.place for one in left for turn in suggested_turns.behind(tx, one.id)]
    assert len(set(places)) == len(places)


def test_a_cancelled_discovery_leaves_what_there_was(make_brand: Callable[[bytes], Brand]) -> None:
    brand = make_brand(unlabelled())
    facts(discovered(brand))
    before = there(brand)

    def cancel(context: JobContext, event: Mapping[str, Any]) -> None:
        if event["phase"] == "groups":
            with brand.store.begin() as tx:
                jobs.cancel(tx, context.job.id)
            context.beat()

    assert discovered(brand, cancel).state == "cancelled"
    assert there(brand) == before
    with brand.store.read() as tx:
        assert len(discoveries.page(tx, brand.bot_id, limit=9)) == 1


def test_taken_up_again_after_it_kept_its_suggestions_it_keeps_them_once(make_brand: Callable[[bytes], Brand]) -> None:
    brand = make_brand(unlabelled())
    job = asked(brand)

    def dies(context: JobContext) -> dict[str, Any]:
        discover(context, brand.settings, lambda event: None)
        raise StoreUnavailable("The machine went away.")

    assert brand.work(job, dies).state == "queued"
    before = there(brand)
    with brand.store.begin() as tx:
        suggested.rename(tx, brand.bot_id, before[0].id, ANN, "mine")
    events: list[Any] = []
    done = facts(brand.work(job, lambda context: discover(context, brand.settings, events.append)))
    assert events == []
    assert done["suggestions"] == len(before)
    assert [one.id for one in there(brand)] == [one.id for one in before]
    with brand.store.read() as tx:
        assert [one.id for one in discoveries.page(tx, brand.bot_id, limit=9)] == [done["discovery"]]


def test_the_same_messages_and_seed_suggest_the_same(make_brand: Callable[[bytes], Brand]) -> None:
    brand = make_brand(unlabelled())
    facts(discovered(brand))
    once = [(one.name, one.terms, one.turns) for one in there(brand)]
    facts(discovered(brand))
    assert [(one.name, one.terms, one.turns) for one in there(brand)] == once
