"""A brand's own sentiments from the log to the verdict: learned, measured on held-out messages, held against live."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.store import releases
from data.store.releases import Promotion
from export.label_head import SENTIMENT_FILE
from export.predict import Predictor
from export.runtime import EncoderPool
from tests.brand import FROZEN, INTENTS, VOCABULARY, brand_at, log

pytestmark = pytest.mark.filterwarnings("ignore")

SOUNDS = {"angry": ("late", "broken"), "glad": ("thanks", "great")}


def sounding(rows: int) -> bytes:
    """Labelled messages that each sound like something, none said twice."""
    lines = []
    for at in range(rows):
        sound = sorted(SOUNDS)[at % 2]
        words = (VOCABULARY[at % len(VOCABULARY)], SOUNDS[sound][at // 2 % 2], VOCABULARY[at * 7 % len(VOCABULARY)])
        line = {"id": f"s{at}", "text": f"{' '.join(words)} {at}", "label": sorted(INTENTS)[at % 2]}
        lines.append({**line, "sentiment": sound})
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def test_the_verdict_tells_how_well_a_sentiment_is_told_beside_floor_base_and_live(tmp_path: Path, base: Path) -> None:
    with brand_at(tmp_path / "home", base, log(60)) as brand:
        brand.take_in(sounding(300))
        first = brand.retrain(recipe=FROZEN, tasks=["intent", "sentiment"])
        assert first.state == "succeeded", first.error
        models = first.result["verdict"]["models"]
        told = {name for name, figures in models.items() if "sentiment_f1" in figures}
        assert told == {"floor", "base", "candidate"}
        assert models["floor"]["sentiment_f1"]["value"] > 0.9  # one word says it
        assert "sentiment_f1" in (brand.folder(1) / "README.md").read_text()
        with brand.store.begin() as tx:
            releases.promote(tx, brand.bot_id, Promotion(1, 0, "someone", "first", "for the test"))
        again = brand.retrain(recipe=FROZEN, tasks=["intent", "sentiment"])
        assert again.state == "succeeded", again.error
        models = again.result["verdict"]["models"]
        assert models["live"]["sentiment_f1"] == models["candidate"]["sentiment_f1"]  # the same rows, the same seed
        findings = [one["code"] for one in again.result["verdict"]["findings"]]
        assert not {"sentiment_lost", "sentiment_gone"} & set(findings)
        without = brand.retrain(recipe=FROZEN, tasks=["intent"])
        assert without.state == "succeeded", without.error
        verdict = without.result["verdict"]
        assert "sentiment_gone" in [one["code"] for one in verdict["findings"]]
        assert verdict["decision"] == again.result["verdict"]["decision"]


def of_no_account(rows: int) -> bytes:
    """The same kind of messages, of which one in eight is said to sound angry, whatever it says."""
    lines = [json.loads(line) for line in sounding(rows).splitlines()]
    told = [{**line, "sentiment": "angry" if at % 8 == 5 else "glad"} for at, line in enumerate(lines)]
    return "".join(json.dumps(line) + "\n" for line in told).encode()


def test_a_sentiment_that_says_the_same_of_everything_is_left_out_and_it_is_said(tmp_path: Path, base: Path) -> None:
    with brand_at(tmp_path / "home", base, log(60)) as brand:
        brand.take_in(of_no_account(240))
        job = brand.retrain(recipe=FROZEN, tasks=["intent", "sentiment"])
        assert job.state == "succeeded", job.error
        verdict = job.result["verdict"]
        (told,) = [one for one in verdict["findings"] if one["code"] == "sentiment_collapsed"]
        assert told["severity"] == "warning"
        assert told["sentence"].startswith("sentiment: ")
        assert "'glad'" in told["sentence"]
        assert not (brand.folder(1) / SENTIMENT_FILE).exists()
        assert "candidate" in verdict["models"]
        assert "sentiment_f1" not in verdict["models"]["candidate"]
        (event,) = [one.data for one in brand.events(job) if one.type == "sentiment"]
        assert event["source"] is None
        card = (brand.folder(1) / "README.md").read_text()
        assert "sentiment_collapsed" in card
        assert "### sentiment" not in card
        with Predictor.load(brand.folder(1), EncoderPool(brand.settings.home / "encoders")) as bot:
            assert bot.understand("refund money").sentiment is None
