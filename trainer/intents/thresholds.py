"""Where to stop answering: two thresholds chosen from scores of messages the scoring model has not learned from.

`answer` keeps a promise of precision; `oos` separates what the bot is for from what it is not for. The rows given here
are out-of-fold or validation rows, never test rows. A training set rarely holds out-of-scope messages in the share in
which customers send them, so the rows are weighed to the share assumed of live traffic.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

ANSWERS_NOTHING = 2.0
"""A threshold no confidence reaches. Finite, so that it survives JSON, float32 and rounding."""

ASSURANCE = 0.84
"""Standard errors kept in hand: the one-sided 80 % point of the normal distribution.

In simulations with 100 to 5,000 rows and 30 % out of scope, a threshold picked without it misses the target on new
traffic every second time; with it, one time in five, and then by little, at the price of 7 points of coverage at 100
rows and of one at 5,000.
"""


def choose_answer_threshold(
    confidence: Array, correct: Array, is_oos: Array, target_precision: float, oos_share: float = 0.3
) -> float:
    """The smallest threshold t at which answering the rows with `confidence >= t` keeps `target_precision`.

    `confidence`, `correct` (would the answer be right; False for out of scope) and `is_oos` have one entry per row.
    Rows are weighed so that out-of-scope ones make up `oos_share` of the traffic; when only one kind is there, no
    weighing can bring in the other and the rows count alike. The precision that must reach the target is the lower end
    of Wilson's (1927) interval at `ASSURANCE` standard errors over the effective number of answered rows, so that few
    rows must look better than many; the plain weighted precision of what is returned is never below the target.
    Returns `ANSWERS_NOTHING` when no threshold will do.
    """
    confidence = np.asarray(confidence, dtype=float)
    order = np.argsort(-confidence, kind="stable")
    ordered = confidence[order]
    weight = _traffic_weights(np.asarray(is_oos, dtype=bool), oos_share)[order]
    answered = np.cumsum(weight)
    precision = np.cumsum(weight * np.asarray(correct, dtype=float)[order]) / np.maximum(answered, 1e-300)
    effective = answered**2 / np.maximum(np.cumsum(weight**2), 1e-300)
    kept = wilson_lower(precision, effective) >= target_precision
    # A threshold cannot part equal confidences: only the last row of a tie is a place to stop.
    kept &= np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)]
    places = np.flatnonzero(kept)
    return float(ordered[places[-1]]) if len(places) else ANSWERS_NOTHING


def breaks_promise(
    rows: tuple[Array, Array, Array], threshold: float, target_precision: float, oos_share: float
) -> bool:
    """Whether, at `threshold`, less than `target_precision` of what is answered is right, by more than chance.

    `rows`: confidence, correct, is_oos as `choose_answer_threshold` takes them.
    """
    confidence, correct, is_oos = (np.asarray(column) for column in rows)
    answered = confidence >= threshold
    weight = _traffic_weights(is_oos.astype(bool), oos_share)[answered]
    if not len(weight):
        return False
    precision = (weight * correct[answered]).sum() / weight.sum()
    effective = weight.sum() ** 2 / (weight**2).sum()
    return bool(1 - wilson_lower(1 - precision, effective) < target_precision)


def choose_oos_threshold(in_scope_score: Array, correct: Array, is_oos: Array) -> float:
    """The lowest threshold at which the sum of in-scope accuracy and out-of-scope recall is its best, within chance.

    A row is called out of scope when its score is below the threshold; an in-scope row so called is wrong, whatever its
    label. The sum is flat around its best, and there are far fewer rows out of scope than in it: which of a range of
    cuts is the best one is chance. So of all cuts within one standard error of the best sum (the rule of Breiman et al.
    1984) the lowest is taken, which turns fewest customers away; between its two neighbouring scores, the middle.
    Without out-of-scope rows nothing is called out of scope: there is no evidence to do so by.
    """
    score = np.asarray(in_scope_score, dtype=float)
    outside = np.asarray(is_oos, dtype=bool)
    if not outside.any():
        return float(min(0.0, score.min(initial=0.0)))
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    flagged_outside = np.concatenate([[0], np.cumsum(outside[order])])
    right = (np.asarray(correct, dtype=bool) & ~outside)[order]
    kept_right = right.sum() - np.concatenate([[0], np.cumsum(right)])
    inside = max(int((~outside).sum()), 1)
    accuracy, recall = kept_right / inside, flagged_outside / outside.sum()
    value = accuracy + recall
    # Cut c calls the c lowest rows out of scope; a cut inside a tie is none.
    possible = np.concatenate([[True], ordered[1:] != ordered[:-1], [True]])
    best = int(np.argmax(np.where(possible, value, -np.inf)))
    chance = accuracy[best] * (1 - accuracy[best]) / inside + recall[best] * (1 - recall[best]) / outside.sum()
    cut = int(np.argmax(possible & (value >= value[best] - chance**0.5 - 1e-12)))
    if cut == 0:
        return float(ordered[0])
    if cut == len(ordered):
        return float(np.nextafter(ordered[-1], np.inf))
    middle = float((ordered[cut - 1] + ordered[cut]) / 2)
    return middle if middle > ordered[cut - 1] else float(ordered[cut])


def wilson_lower(share: Array, rows: Array, z: float = ASSURANCE) -> Array:
    """The lower end of Wilson's score interval of a `share` seen in `rows` rows (arrays or numbers; rows > 0)."""
    centre = share + z * z / (2 * rows)
    spread = z * np.sqrt(np.maximum(share * (1 - share), 0) / rows + z * z / (4 * rows * rows))
    return np.asarray((centre - spread) / (1 + z * z / rows))


def _traffic_weights(is_oos: Array, oos_share: float) -> Array:
    outside = int(is_oos.sum())
    inside = len(is_oos) - outside
    if not outside or not inside:
        return np.ones(len(is_oos))
    return np.where(is_oos, oos_share / outside, (1 - oos_share) / inside)
