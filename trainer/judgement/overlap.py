"""How much of a reference a reply shares: chrF2 and BLEU as sacrebleu computes them, ROUGE-L as torchmetrics does.

chrF2 is sacrebleu's default (character n-grams up to 6, beta 2, no words); torchmetrics calls its chrF++ by the same
name and gives other figures. BLEU's tokeniser follows the script of the references, since its default takes a Chinese
sentence for one word. ROUGE-L gets our own words (`data.wording`): its default sees nothing but a to z.

All are in [0, 1]: a hundredth of what sacrebleu prints. Corpus measures are computed from counts by row, so that rows
can be drawn again without counting anew.

Sources: Popović (2015), "chrF: character n-gram F-score for automatic MT evaluation"; Papineni et al. (2002), "BLEU";
Lin (2004), "ROUGE"; Post (2018), "A Call for Clarity in Reporting BLEU Scores".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from data.wording import UNSPACED, terms
from trainer.judgement.intervals import Array

BleuTokens = Literal["13a", "zh", "char"]
ORDER = 4
"""Longest n-gram of BLEU."""
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_UNSPACED = re.compile(f"[{UNSPACED}]")
_KANA = re.compile("[\u3040-\u30ff\uff66-\uff9f]")
_CHRF = CHRF()


def bleu_tokens(references: Sequence[str]) -> BleuTokens:
    """The tokeniser of sacrebleu that fits the script of most letters: `zh` for Chinese, `char` for other scripts
    without spaces, Japanese among them (its own needs a dictionary), `13a` for all that have them."""
    text = "".join(references)
    letters = sum(map(str.isalpha, text))
    if 2 * len(_UNSPACED.findall(text)) <= letters:
        return "13a"
    chinese = len(_HAN.findall(text)) > letters / 2 and 20 * len(_KANA.findall(text)) < letters
    return "zh" if chinese else "char"


def chrf_counts(replies: Sequence[str], references: Sequence[str]) -> Array:
    """[n, 18]: for each length of n-gram how many the reply has, the reference has, and both share."""
    return _counts(_CHRF, replies, references)


def chrf(counts: Array) -> float:
    """chrF2 of the rows together; NaN of none."""
    if not len(counts):
        return float("nan")
    return float(_CHRF._compute_score_from_stats(counts.sum(axis=0).tolist()).score) / 100


def chrf_by_row(counts: Array) -> Array:
    """chrF2 of each row alone."""
    return np.array([chrf(row[None, :]) for row in counts], dtype=float)


def bleu_counts(replies: Sequence[str], references: Sequence[str], tokens: BleuTokens) -> Array:
    """[n, 10]: length of the reply, of the reference, then n-grams matched and n-grams there are, for each length."""
    return _counts(BLEU(tokenize=tokens, force=True), replies, references)


def bleu(counts: Array) -> float:
    """Corpus BLEU of the rows together, smoothed as sacrebleu does (exp); NaN of none."""
    if not len(counts):
        return float("nan")
    total = [int(count) for count in counts.sum(axis=0)]
    matched, there = total[2 : 2 + ORDER], total[2 + ORDER :]
    score = BLEU.compute_bleu(matched, there, total[0], total[1], smooth_method="exp")
    return float(score.score) / 100


def rouge_l(replies: Sequence[str], references: Sequence[str]) -> Array:
    """ROUGE-L's F for each row: the longest words in common and in order; two texts without words share nothing."""
    from torchmetrics.functional.text.rouge import rouge_score  # loads slowly

    rows = []
    for reply, reference in zip(replies, references, strict=True):
        scores = rouge_score([reply], [[reference]], normalizer=str, tokenizer=terms, rouge_keys="rougeL")
        rows.append(float(scores["rougeL_fmeasure"]))
    return np.array(rows, dtype=float)


def _counts(metric: Any, replies: Sequence[str], references: Sequence[str]) -> Array:
    """What sacrebleu counts of each row. Its own resampling goes the same way; it offers no public one for pairs."""
    if len(replies) != len(references):
        raise ValueError(f"{len(replies)} replies, {len(references)} references")
    if not replies:
        return np.zeros((0, 1))
    return np.array(metric._extract_corpus_statistics(list(replies), [list(references)]), dtype=float)
