"""chrF2, BLEU and ROUGE-L against their formulas written out, over any text; nothing is fetched for them."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.wording import terms
from trainer.judgement import overlap

TEXTS = st.text(alphabet="ab cdé.你好，吗👍 ", max_size=25)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6)
QUICK = settings(max_examples=60, deadline=None)


def plain_chrf2(replies: list[str], references: list[str]) -> float:
    """Popović's chrF with beta 2 over the whole set; orders that one side lacks do not count, nor, as sacrebleu has it,
    n-grams of a reply whose reference is too short for any."""
    precision, recall = [], []
    for n in range(1, 7):
        own: Counter[tuple[int, str]] = Counter()
        given_: Counter[tuple[int, str]] = Counter()
        for row, (reply, reference) in enumerate(zip(replies, references, strict=True)):
            bare, wanted = "".join(reply.split()), "".join(reference.split())
            given_.update((row, wanted[at : at + n]) for at in range(len(wanted) - n + 1))
            own.update((row, bare[at : at + n]) for at in range(len(bare) - n + 1) if len(wanted) >= n)
        shared = sum((own & given_).values())
        if own.total() and given_.total():
            precision.append(shared / own.total())
            recall.append(shared / given_.total())
    if not precision or not sum(precision) + sum(recall):
        return 0.0
    p, r = sum(precision) / len(precision), sum(recall) / len(recall)
    return 5 * p * r / (4 * p + r)


def plain_bleu(replies: list[list[str]], references: list[list[str]]) -> float:
    """Papineni's BLEU; a length of n-gram without a match counts as half of one, then a quarter, ... (exp)."""
    own, given_ = sum(map(len, replies)), sum(map(len, references))
    logs, smooth = [], 1.0
    for n in range(1, 5):
        shared = there = 0
        for reply, reference in zip(replies, references, strict=True):
            grams = [Counter(tuple(w[at : at + n]) for at in range(len(w) - n + 1)) for w in (reply, reference)]
            shared, there = shared + (grams[0] & grams[1]).total(), there + grams[0].total()
        if not there or (n == 1 and not shared):
            return 0.0
        if not shared:
            smooth *= 2
        logs.append(math.log(shared / there if shared else 1 / (smooth * there)))
    return min(1.0, math.exp(1 - given_ / own)) * math.exp(sum(logs) / 4)


def plain_rouge_l(reply: list[str], reference: list[str]) -> float:
    table = [[0] * (len(reference) + 1) for _ in range(len(reply) + 1)]
    for i, one in enumerate(reply):
        for j, other in enumerate(reference):
            table[i + 1][j + 1] = table[i][j] + 1 if one == other else max(table[i][j + 1], table[i + 1][j])
    common = table[-1][-1]
    return 2 * common / (len(reply) + len(reference)) if common else 0.0


@QUICK
@given(PAIRS)
def test_chrf2_is_its_formula(pairs: list[tuple[str, str]]) -> None:
    replies, references = map(list, zip(*pairs, strict=True))
    found = overlap.chrf(overlap.chrf_counts(replies, references))
    assert found == pytest.approx(plain_chrf2(replies, references), abs=1e-9)
    assert 0 <= found <= 1


@QUICK
@given(PAIRS)
def test_bleu_is_its_formula(pairs: list[tuple[str, str]]) -> None:
    replies, references = map(list, zip(*pairs, strict=True))
    found = overlap.bleu(overlap.bleu_counts(replies, references, "char"))
    plain = plain_bleu(*[[list("".join(text.split())) for text in texts] for texts in (replies, references)])
    assert found == pytest.approx(plain, abs=1e-9)
    assert 0 <= found <= 1 + 1e-9


@QUICK
@given(PAIRS)
def test_rouge_l_is_its_formula(pairs: list[tuple[str, str]]) -> None:
    replies, references = map(list, zip(*pairs, strict=True))
    plain = [plain_rouge_l(terms(reply), terms(reference)) for reply, reference in pairs]
    assert overlap.rouge_l(replies, references) == pytest.approx(plain, abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "Your parcel left on Monday, thank you.",
        "您的包裹已经寄出，谢谢。",
        "Où est l'été déjà parti?",
        "👍 👍🏽 ❤️ 🇩🇪 🎉",
    ],
)
def test_the_same_text_is_worth_everything(text: str) -> None:
    assert overlap.chrf(overlap.chrf_counts([text], [text])) == pytest.approx(1)
    assert overlap.bleu(overlap.bleu_counts([text], [text], overlap.bleu_tokens([text]))) == pytest.approx(1)
    assert overlap.rouge_l([text], [text]) == pytest.approx([1.0])


def test_chinese_has_words_for_every_measure() -> None:
    reply, reference = ["我们今天下午寄出您的包裹"], ["我们明天下午寄出您的包裹"]
    assert overlap.rouge_l(reply, reference)[0] == pytest.approx(11 / 12)
    assert overlap.bleu(overlap.bleu_counts(reply, reference, "zh")) > 0.5
    assert overlap.bleu(overlap.bleu_counts(reply, reference, "13a")) < 0.01  # why the script is looked at


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        (["hello there", "好"], "13a"),
        (["您好，请稍等", "ok"], "zh"),
        (["ご注文ありがとうございます"], "char"),
        (["สวัสดีครับ"], "char"),
        (["안녕하세요 고객님"], "13a"),
        ([], "13a"),
        (["!?"], "13a"),
    ],
)
def test_the_tokeniser_follows_the_script(references: list[str], expected: str) -> None:
    assert overlap.bleu_tokens(references) == expected


def test_nothing_is_undefined_and_rows_must_pair() -> None:
    assert math.isnan(overlap.chrf(overlap.chrf_counts([], [])))
    assert math.isnan(overlap.bleu(overlap.bleu_counts([], [], "13a")))
    assert overlap.rouge_l([], []).shape == (0,)
    assert overlap.chrf_by_row(overlap.chrf_counts(["", "ab"], ["ab", "ab"])) == pytest.approx([0, 1])
    with pytest.raises(ValueError, match="2 replies, 1 references"):
        overlap.chrf_counts(["a", "b"], ["a"])


@QUICK
@given(PAIRS, st.data())
def test_rows_add_up(pairs: list[tuple[str, str]], data: st.DataObject) -> None:
    """Drawing rows again is measuring the drawn texts."""
    replies, references = map(list, zip(*pairs, strict=True))
    drawn = data.draw(st.lists(st.integers(0, len(pairs) - 1), min_size=1))
    counts = overlap.chrf_counts(replies, references)[np.array(drawn)]
    again = overlap.chrf_counts([replies[at] for at in drawn], [references[at] for at in drawn])
    assert overlap.chrf(counts) == overlap.chrf(again)


PROGRAM = """
import socket, sys
def refused(*_, **__): raise AssertionError("the network")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("nltk", "rouge_score", "MeCab"):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Refuse())
from trainer.judgement import overlap
texts = ["a b c d", "你好吗朋友"]
assert overlap.rouge_l(texts, texts).sum() == 2
for tokens in ("13a", "zh", "char"):
    overlap.bleu(overlap.bleu_counts(texts, texts, tokens))
"""


def test_neither_the_network_nor_word_lists_of_others_are_asked_for() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=120)
