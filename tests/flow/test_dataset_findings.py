"""What there is to say about all that would be learned: as a job of its own, and as part of every training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from data.catalogue import CATALOGUE
from data.store import bots, jobs
from data.store.jobs import Job
from tests.brand import BOT, FROZEN, INTENTS, Brand, brand_at, log
from trainer.insight.findings import look

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def make_brand(base: Path, tmp_path: Path) -> Iterator[Callable[..., Brand]]:
    with ExitStack() as stack:
        yield lambda content=b"": stack.enter_context(brand_at(tmp_path / "home", base, content))


def looked(brand: Brand, events: list[Any] | None = None) -> Job:
    with brand.store.begin() as tx:
        job = jobs.enqueue(tx, "findings", {"base": str(brand.base)}, bot_id=bots.get(tx, BOT).id)
    told = [] if events is None else events
    return brand.work(job, lambda context: look(context, brand.settings, told.append))


def mislabelled(every: int) -> bytes:
    """The log with every so-manieth label moved on to the next."""
    lines, names = [], list(INTENTS)
    for number, line in enumerate(log(240).decode().split("\n")):
        said = json.loads(line)
        if number % every == 5:
            asked = said["messages"][0]
            asked["intent"] = names[(names.index(asked["intent"]) + 1) % len(names)]
        lines.append(json.dumps(said))
    return "\n".join(lines).encode()


def test_a_job_tells_what_a_training_would_learn_from(make_brand: Callable[..., Brand]) -> None:
    events: list[Any] = []
    brand = make_brand(mislabelled(20))
    done = looked(brand, events)
    assert done.state == "succeeded", done.error
    found = done.result
    assert found is not None
    assert [event["phase"] for event in events] == ["dataset", "findings"]
    assert sum(found["rows"].values()) == 240
    assert {one["code"] for one in found["findings"]} <= set(CATALOGUE)
    assert "too_little_data" in {one["code"] for one in found["findings"]}
    assert [lack["task"] for lack in found["too_little"]][:1] == ["measuring"]
    assert len(found["curve"]["points"]) == 4
    wrong = {one["suggested"] for one in found["label_errors"]}
    assert wrong <= set(INTENTS)
    assert brand.is_sound()


def test_nothing_to_learn_from_is_said_in_words(make_brand: Callable[..., Brand]) -> None:
    done = looked(make_brand())
    assert done.state == "failed"
    assert done.error is not None
    assert done.error["code"] == "dataset_unfit"


def test_a_training_tells_the_same_in_its_events_its_verdict_and_its_card(make_brand: Callable[..., Brand]) -> None:
    brand = make_brand(mislabelled(20))
    told = looked(brand).result
    done = brand.retrain(recipe=FROZEN, tasks=["intent"])
    assert done.state == "succeeded", done.error
    (event,) = [one for one in brand.events(done) if one.type == "findings"]
    assert told is not None
    assert event.data["findings"] == told["findings"]
    assert done.result is not None
    verdict = done.result["verdict"]
    assert [one["code"] for one in verdict["findings"]] == [one["code"] for one in told["findings"]]
    assert all("sample" not in one for one in verdict["findings"])
    card = (brand.folder(1) / "README.md").read_text(encoding="utf-8")
    for one in told["findings"]:
        assert one["code"].replace("_", "") in card.replace("\\", "").replace("_", "")
        assert not one["sample"] or one["sample"] not in card
