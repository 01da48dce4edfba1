"""The recipe that published cards of Chinese classifiers name, from a log to the card of a release.

It runs over a small Chinese BERT made here, laid where the recipe expects its base; where the real one lies in the
folder `hfl/chinese-bert-wwm-ext`, it runs over that.
"""

from __future__ import annotations

import json
import re
import tomllib
import warnings
from pathlib import Path
from typing import Any

import pytest

from tests.brand import brand_at
from tests.tiny_bert import lay_tiny
from trainer.recipes import IntentRecipe, load_recipe

# As `python -m trainer` does: torch and the exporter warn of what is none of ours.
pytestmark = pytest.mark.filterwarnings("ignore")

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "recipes" / "chinese-bert-wwm.toml"
REAL = ROOT / "hfl" / "chinese-bert-wwm-ext"
INTENTS = {
    "退款": ("退款", "退钱", "退回", "返还", "赔偿", "取消"),
    "物流": ("快递", "包裹", "配送", "发货", "物流", "签收"),
    "账号": ("密码", "登录", "账号", "注册", "验证", "锁定"),
}
PLACES = ("北京", "上海", "广州", "深圳", "杭州", "成都", "武汉", "西安")
ASKED = "我想问一下{place}那边的{first}和{second}是怎么办的呢"


def log() -> bytes:
    lines = []
    for intent, own in INTENTS.items():
        pairs = [(a, b) for a in own for b in own if a != b]
        for at, (first, second) in enumerate(pairs):
            text = ASKED.format(place=PLACES[at % len(PLACES)], first=first, second=second)
            lines.append(json.dumps({"text": text, "label": intent}, ensure_ascii=False))
    return "\n".join(lines).encode()


def lay_base(folder: Path) -> None:
    """The real checkpoint, or a small one of random layers that reads Chinese a character at a time."""
    if REAL.is_dir():
        folder.parent.mkdir(parents=True)
        folder.symlink_to(REAL)
        return
    characters = sorted(set(ASKED + "".join(PLACES) + "".join("".join(own) for own in INTENTS.values())))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lay_tiny(folder, more=characters)


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """README.md of the release, and its lineage."""
    at = tmp_path_factory.mktemp("published")
    lay_base(at / "hfl" / "chinese-bert-wwm-ext")
    with pytest.MonkeyPatch.context() as patch, brand_at(at / "home", at, log()) as brand:
        patch.chdir(at)
        body = tomllib.loads(RECIPE.read_text(encoding="utf-8"))
        done = brand.retrain(tasks=["intent"], recipe=body, base=None)
        assert done.state == "succeeded", done.error
        assert done.result is not None
        folder = brand.folder(done.result["release"])
        lineage = json.loads((folder / "manifest.json").read_text("utf-8"))["lineage"]
        return (folder / "README.md").read_text("utf-8"), lineage


def test_the_recipe_is_what_the_published_card_says() -> None:
    recipe = load_recipe(RECIPE)
    assert isinstance(recipe, IntentRecipe)
    assert recipe.base == "hfl/chinese-bert-wwm-ext"
    assert (recipe.learning_rate, recipe.head_learning_rate) == (5e-5, 5e-5)
    assert (recipe.batch_size, recipe.eval_batch_size, recipe.seed, recipe.epochs) == (1, 1, 42, 5)
    assert (recipe.adam_beta1, recipe.adam_beta2, recipe.adam_epsilon, recipe.weight_decay) == (0.9, 0.999, 1e-8, 0)
    assert (recipe.schedule, recipe.warmup_share) == ("linear", 0)


def test_the_card_shows_the_table_of_its_epochs(card: Any) -> None:
    text, _ = card
    table = re.search(
        r"\| Training Loss \| Epoch \| Step \| Validation Loss \| F1 \|\n\|[-:| ]+\|\n((?:\|.*\|\n)+)", text
    )
    assert table is not None
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table[1].splitlines()]
    assert [row[1] for row in rows] == ["1.00", "2.00", "3.00", "4.00", "5.00"]
    steps = [int(row[2]) for row in rows]
    assert steps == [steps[0] * epoch for epoch in range(1, 6)]
    assert all(0 <= float(row[4]) <= 1 and float(row[0]) > 0 and float(row[3]) > 0 for row in rows)


def test_one_row_is_one_step(card: Any) -> None:
    text, _ = card
    rows = int(re.search(r"\| train \| +(\d+) \|", text)[1])  # type: ignore[index]
    assert f"| {rows} |" in text.split("Validation Loss")[1]


def test_the_card_names_every_hyperparameter(card: Any) -> None:
    text, lineage = card
    for name, value in lineage["recipes"]["intent"].items():
        assert re.search(rf"\| {name} +\| {re.escape(str(value))} +\|", text), name
