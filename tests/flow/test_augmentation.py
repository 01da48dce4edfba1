"""A retraining that learns variations of its rows: none of them is measured on, counted as data, or written down."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from data.dedupe import normal_form
from data.files import release_folder
from data.frozen import ROOMS, open_dataset
from data.shards import example_of, read_records
from data.store import runs
from tests.brand import BOT, FROZEN, VOCABULARY, Brand, brand_at, log
from tests.tiny_bert import lay_tiny
from trainer.intents.intent_work import Varied
from trainer.judgement import judging

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def brand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brand]:
    folder = tmp_path_factory.mktemp("brand")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = lay_tiny(folder / "tiny", more=VOCABULARY)
    with brand_at(folder / "home", base, log(160)) as brand:
        yield brand


def test_variations_are_learned_and_nothing_else(brand: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Varied] = []
    measured: list[str] = []
    real_of, real_set = Varied.of, judging.test_set

    def watch_of(*given: Any) -> Varied:
        made.append(real_of(*given))
        return made[-1]

    def watch_set(*given: Any) -> Any:
        found = real_set(*given)
        measured.extend(found[0].texts)
        return found

    monkeypatch.setattr(Varied, "of", watch_of)
    monkeypatch.setattr(judging, "test_set", watch_set)
    done = brand.retrain(tasks=["intent"], recipe={**FROZEN, "augment": "on"})
    assert done.state == "succeeded", done.error
    (varied,) = made
    more = {one.said.text for one in varied.more}
    assert len(more) > 50

    # Test is what was imported, and no variation says what it says.
    assert measured
    assert not {normal_form(text) for text in measured} & {normal_form(text) for text in more}
    # Neither does one say what another row says; the rows that are scored are the rows that were given.
    own = {normal_form(text) for text in varied.rows.texts}
    assert varied.scored is varied.rows
    for one in varied.more:
        form = normal_form(one.said.text)
        assert form not in own or form == normal_form(varied.rows.texts[one.origin])

    # The dataset on the disk holds the imported rows alone, and so do all counts of data.
    dataset = open_dataset(brand.settings.home / "datasets" / done.result["dataset"])
    dataset.verify()
    kept = {example_of(record).text for room in ROOMS for path in dataset.shards(room) for record in read_records(path)}
    assert not kept & more
    assert sum(dataset.manifest["rows"].values()) <= 160
    assert len(varied.rows) == dataset.count("train") + dataset.count("validation")


def test_the_run_and_the_card_say_what_was_tried(brand: Brand) -> None:
    done = brand.retrain(tasks=["intent"], recipe={**FROZEN, "regularisation": 5.0})
    assert done.state == "succeeded", done.error
    with brand.store.read() as tx:
        (run,) = runs.list_for(tx, brand.bot_id, done.id)
    assert run.metrics is not None
    told = run.metrics["augmentation"]
    assert told["decision"] in ("kept", "left_out")
    assert told["clean"]["rows"] >= told["perturbed"]["rows"] > 0
    assert run.metrics["robustness"]["rows"] == told["perturbed"]["rows"]
    folder: Path = release_folder(brand.settings.home, brand.store.workspace, BOT, done.result["release"])
    card = (folder / "README.md").read_text("utf-8")
    assert f"**Variations of the rows: {told['decision'].replace('_', ' ')}.**" in card
    assert "| this model |" in card
    assert yaml.safe_load(card.split("---\n")[1])
    assert json.loads((folder / "manifest.json").read_text("utf-8"))
