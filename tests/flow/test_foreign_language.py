"""A bot whose customers write what its base cannot read: trained, released and answering all the same."""

from __future__ import annotations

import json
import random
import warnings
from pathlib import Path

import pytest

from data.doctor import examine
from export.ngrams import NgramEncoder
from export.predict import Predictor
from export.release import verify_release
from export.runtime import EncoderPool
from tests.brand import brand_at
from tests.tiny_bert import lay_tiny

pytestmark = pytest.mark.filterwarnings("ignore")

ASKED = {
    "tui_kuan": ["退款", "退钱", "把钱退回"],
    "kuai_di": ["快递", "包裹", "物流"],
    "mi_ma": ["密码", "登录", "账号锁定"],
    "fa_piao": ["发票", "税号", "开票"],
    "ying_ye": ["营业", "开门", "几点关门"],
}
BEFORE = ["你好", "请问", "我想问一下", "麻烦看看", "在吗", "急"]
AFTER = ["怎么办", "什么时候", "可以吗", "谢谢", "为什么还没好", "帮我查一下", "是多少"]
AMONG = ["今天的", "上周的", "我朋友的", "那个", "第二次的", "新的", "店里的"]


def log(count: int) -> bytes:
    """Conversations of one question each, no two alike."""
    lines = []
    for number in range(count):
        dice = random.Random(number)
        intent = list(ASKED)[number % len(ASKED)]
        text = dice.choice(BEFORE) + dice.choice(AMONG) + dice.choice(ASKED[intent]) + dice.choice(AFTER) + str(number)
        messages = [{"role": "user", "content": text, "intent": intent}]
        lines.append(json.dumps({"id": f"c{number}", "language": "zh", "messages": messages}, ensure_ascii=False))
    return "\n".join(lines).encode()


@pytest.mark.slow
def test_a_bot_answers_in_a_language_its_base_does_not_know(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = lay_tiny(tmp_path / "tiny")
    with brand_at(tmp_path / "home", base, log(120)) as brand:
        done = brand.retrain(tasks=["intent"])
        assert done.state == "succeeded", done.error
        parity = done.result["verdict"]["parity"]
        assert parity["passed"]
        assert set(parity["intent"]) == {"fp32", "served", "why"}
        assert parity["intent"]["served"] == "fp32"
        told = {finding["code"]: finding for finding in done.result["verdict"]["findings"]}
        assert "n-grams take its place" in told["language_unknown_to_base"]["sentence"]
        release = verify_release(brand.folder(1), brand.settings.home / "encoders")
        assert release.facts.lineage["recipes"]["intent"]["method"] == "ngrams"
        pool = EncoderPool(brand.settings.home / "encoders")
        with Predictor.load(brand.folder(1), pool) as bot:
            with pool.holding(release.facts.encoders["intent"]) as encoder:
                assert isinstance(encoder, NgramEncoder)
            asked = {"我的包裹丢了怎么办": "kuai_di", "账号锁定了": "mi_ma", "请开票": "fa_piao", "退款呢": "tui_kuan"}
            assert [one.intent for one in bot.understand_many(list(asked))] == list(asked.values())
            assert bot.reply([("user", "退款呢")]).reply
        assert "ngrams" in (brand.folder(1) / "README.md").read_text(encoding="utf-8")
        assert {finding.severity for finding in examine(brand.store, brand.settings)} <= {"info"}
