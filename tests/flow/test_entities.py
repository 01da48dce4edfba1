"""Entities from a marked log to an answer: learned in a retraining, released, read back, compared with what is live."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from data.store import releases
from data.store.releases import Promotion
from export.predict import Predictor
from export.release import verify_release
from export.runtime import EncoderPool
from tests.brand import FROZEN, INTENTS, VOCABULARY, brand_at, log
from tests.tiny_bert import lay_tiny
from tests.unit.trainer.entities.test_train_entities import talk
from trainer.order import Order

pytestmark = pytest.mark.filterwarnings("ignore")


def marked(rows: int) -> bytes:
    """A labelled file whose texts have spans, each text said once."""
    lines = []
    for at, row in enumerate(talk(rows)):
        text = f"{row.text} {VOCABULARY[at % len(VOCABULARY)]} {at}"
        spans = [{"start": one.start, "end": one.end, "type": one.type} for one in row.spans]
        lines.append({"id": f"m{at}", "text": text, "label": sorted(INTENTS)[at % 2], "spans": spans})
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


@pytest.mark.slow
def test_a_marked_log_becomes_a_bot_that_names_things(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = lay_tiny(tmp_path / "bases" / "tiny", more=VOCABULARY)
    with brand_at(tmp_path / "home", base, log(120)) as brand:
        brand.take_in(marked(240))
        recipe = {"task": "entities", "name": "test", "epochs": 4, "batch_size": 8, "inner": 16, "max_length": 32}
        recipe |= {"learning_rate": 1e-3, "head_learning_rate": 2e-2, "precision": "32-true"}
        done = brand.retrain(recipe=recipe, tasks=["reply", "entities"])
        assert done.state == "succeeded", done.error
        held = verify_release(brand.folder(1), brand.settings.home / "encoders")
        assert set(held.facts.encoders) == {"reply", "entities"}
        assert done.result["verdict"]["parity"]["entities"]["fp32"]["passed"]
        assert done.result["verdict"]["models"]["candidate"]["span_f1"]["value"] > 0.8
        assert "Span F1" in (brand.folder(1) / "README.md").read_text()
        typed = "  can you help sunday  with\u200b parcel at 15:30"
        with Predictor.load(brand.folder(1), EncoderPool(brand.settings.home / "encoders")) as bot:
            found = bot.reply([("user", typed)]).entities
            assert bot.entities(typed) == found
        told = [(one.type, typed[one.start : one.end], one.source) for one in found]
        assert ("thing", "parcel", "model") in told
        assert told[-1] == ("time", "15:30", "rule")
        with brand.store.begin() as tx:
            releases.promote(tx, brand.bot_id, Promotion(1, 0, "someone", "first", "for the test"))
        again = brand.retrain(recipe=FROZEN, tasks=["intent"])
        assert again.state == "succeeded", again.error
        assert "span_f1" not in again.result["verdict"]["models"]["candidate"]


def test_entities_are_a_task_of_every_order_that_names_none() -> None:
    assert "entities" in Order.from_payload({}).tasks
    assert Order.from_payload({"tasks": ["entities", "intent"]}).tasks == ("intent", "entities")
