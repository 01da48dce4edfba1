"""Parity: equal sides pass, every kind of difference has a name, and int8 must earn its place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data.errors import ParityFailed
from export import parity
from export.encoders import EncoderCard
from export.parity import Check, Comparison, Probe, Side, choose, require
from export.predict import Channel, Prediction, Predictor
from export.runtime import Encoder
from export.situation import Candidate, Ranked, Understanding
from export.thresholds import Thresholds
from export.ties import is_tie, on_edge, rivals
from export.trained import torch_channel

TEXTS = ["where is my order", "refund please", "money back", "thanks", "1 2 3", "hello you", "my order #12345 is late"]
TRUTH = ["order_status", "refund", "refund", "thanks", "oos", None, "order_status"]
TURNS = [[("user", "refund please")], [("user", "thanks")], [("user", "hi"), ("agent", "yes?"), ("user", "thanks")]]
PROBE = Probe(TEXTS, TRUTH, TURNS, ["Three working days.", "You are welcome.", None])


@pytest.fixture(scope="module")
def trained(parts):
    return Predictor(parts)


@pytest.fixture
def onnx_channel(exported, renderer, tmp_path, lay):
    def build(precision: str) -> Channel:
        encoder = Encoder.load(tmp_path / lay(exported, tmp_path, precision))
        assert isinstance(encoder.card, EncoderCard)
        return Channel(renderer, encoder.embed)

    return build


def compare(trained, exported, probe, precision="fp32"):
    return parity.compare(Side.of(trained, probe), Side.of(exported, probe), probe, precision)


def behind(trained, channel):
    return Predictor(trained.parts.behind(channel, channel))


def test_the_exported_graph_passes_every_check(trained, onnx_channel):
    comparison = compare(trained, behind(trained, onnx_channel("fp32")), PROBE)
    require(comparison)
    assert [c.name for c in comparison.checks] == ["embeddings", "labels", "confidence", "candidates", "replies"]
    assert comparison.cost == 0
    wire = comparison.to_wire()
    assert (wire["passed"], wire["texts"], wire["conversations"], wire["precision"]) == (True, 7, 3, "fp32")
    assert wire["checks"][0]["value"] < 1e-5


def test_int8_is_compared_by_its_own_limits(trained, onnx_channel):
    comparison = compare(trained, behind(trained, onnx_channel("int8")), PROBE, "int8")
    assert comparison.precision == "int8"
    assert choose(comparison).precision in ("fp32", "int8")


def test_every_difference_is_named_before_anything_is_raised(trained, channel):
    def turned(rendered):
        return np.roll(channel.embed(rendered), 5, axis=1)

    comparison = compare(trained, behind(trained, Channel(channel.renderer, turned)), PROBE)
    assert [c.name for c in comparison.problems] == ["embeddings", "labels", "confidence", "candidates", "replies"]
    with pytest.raises(ParityFailed) as caught:
        require(comparison)
    told = str(caught.value)
    for name in ("embeddings", "labels", "confidence", "candidates", "replies"):
        assert name in told
    assert "rows 0" in told
    assert not any(text in told for text in TEXTS)
    assert caught.value.ids["checks"] == "embeddings,labels,confidence,candidates,replies"


def test_a_side_that_gives_no_numbers_fails(trained, channel):
    def nothing(rendered):
        return channel.embed(rendered) * np.nan

    texts = Probe(TEXTS)
    checks = {c.name: c for c in compare(trained, behind(trained, Channel(channel.renderer, nothing)), texts).checks}
    assert not checks["embeddings"].passed
    assert checks["embeddings"].rows == tuple(range(7))


def test_sides_of_different_make_fail_by_name(trained, parts):
    alone = Predictor(replace(parts, intent=None))
    checks = {c.name: c for c in compare(trained, alone, Probe(TEXTS)).checks}
    assert not checks["embeddings"].passed
    assert checks["embeddings"].value == float("inf")
    assert not checks["labels"].passed
    same = {c.name: c for c in compare(alone, alone, Probe(TEXTS)).checks}
    assert same["embeddings"].passed


def test_the_trained_side_leaves_the_module_as_it_is(exported, renderer):
    module = exported.torch_encoder.train()
    try:
        channel = torch_channel(module, renderer)
        one, two = (channel.embed(renderer.utterances(TEXTS)) for _ in range(2))
        assert np.array_equal(one, two)  # no dropout
        assert module.training
    finally:
        module.eval()


@pytest.mark.parametrize("probe", [Probe(), Probe(TEXTS, TRUTH[:2]), Probe((), (), TURNS, ["one"])])
def test_a_probe_that_compares_nothing_is_a_bug(trained, probe):
    with pytest.raises(ValueError, match="probe"):
        compare(trained, trained, probe)


def test_conversations_alone_are_a_probe(trained):
    comparison = compare(trained, trained, Probe(conversations=TURNS))
    assert [c.name for c in comparison.checks] == ["candidates", "replies"]
    assert comparison.cost == 0


@pytest.mark.parametrize(
    ("pairs", "truth", "cost"),
    [
        ([("a", "a"), ("b", "c")], ["a", "b"], 0.5),
        ([("a", "a"), ("b", "c")], ["a", "c"], -0.5),
        ([("a", "a"), ("b", "c")], ["a", None], 0.0),
        ([("a", "a"), ("b", "c")], [], 0.5),
        ([("a", "a"), ("b", "c")], [None, None], 0.5),
        ([("a", "b"), ("b", "a")], ["a", "a"], 0.0),
    ],
)
def test_cost_is_right_answers_lost(pairs, truth, cost):
    assert parity._cost(pairs, truth) == cost


@pytest.mark.parametrize(
    ("different", "total", "limit", "passed"),
    [
        (0, 1, 1.0, True),
        (1, 100_000, 1.0, False),
        (4, 250, 0.99, True),
        (5, 250, 0.99, True),
        (6, 250, 0.99, False),
        (1, 1, 0.99, False),
        (115, 10_000, 0.99, True),
        (118, 10_000, 0.99, False),
        (1_000_000, 1_000_000, 0.99, False),
        (9_999, 1_000_000, 0.99, True),
    ],
)
def test_a_share_misses_its_limit_when_chance_does_not_explain_it(different, total, limit, passed):
    check = parity._share("labels", list(range(different)), total, limit)
    assert check.passed == passed
    assert check.value == pytest.approx(1 - different / total)
    assert len(check.rows) == min(different, parity.NAMED)


@pytest.mark.parametrize(
    ("cost", "problems", "chosen"),
    [(0.005, False, "int8"), (0.0051, False, "fp32"), (-0.01, False, "int8"), (0.0, True, "fp32")],
)
def test_int8_is_served_only_where_it_costs_at_most_half_a_point(cost, problems, chosen):
    checks = (Check("labels", 0.98, 0.99, not problems),)
    choice = choose(Comparison("int8", 100, 0, checks, cost))
    assert choice.precision == chosen
    assert choice.reason.endswith(".")
    assert ("labels" in choice.reason) == problems


def test_a_reply_that_hung_on_an_edge_is_no_difference():
    bars = Thresholds(answer=0.8, oos=0.3, reply=0.6)

    def side(confidence=0.5, in_scope=0.9, scores=(0.9, 0.5), ranking=(0.7, 0.05)):
        ranked = tuple(Ranked(name, p) for name, p in zip("abc", ranking, strict=False))
        found = tuple(Candidate(name, score) for name, score in zip("xyz", scores, strict=False))
        return Prediction("", "a", confidence, "handoff", "", ranked, found, "acme@1", "fallback", in_scope)

    assert not on_edge(side(), bars)
    assert not on_edge(side(scores=(), ranking=()), Thresholds())
    for edge in (
        side(confidence=0.80005),
        side(in_scope=0.29995),
        side(scores=(0.9, 0.6)),
        side(scores=(0.9, 0.89995)),
        side(ranking=(0.45, 0.44999)),
        side(ranking=(0.4, 0.2)),
        side(ranking=(0.5, 0.2)),
    ):
        assert on_edge(edge, bars)
    assert rivals(side(scores=(0.9, 0.9)))
    assert not rivals(side(scores=(0.9,)))


def test_only_an_edge_between_labels_is_a_tie():
    bars = Thresholds(oos=0.5)

    def side(intent, first, second, in_scope=0.9):
        ranks = {"a": first, "b": second}
        return Understanding(intent, 0.9, in_scope, tuple(Ranked(n, p) for n, p in ranks.items()))

    assert is_tie(side("a", 0.50001, 0.49999), side("b", 0.49999, 0.50001), bars)
    assert not is_tie(side("a", 0.6, 0.4), side("b", 0.4, 0.6), bars)
    assert not is_tie(side("a", 0.6, 0.4), side("z", 0.6, 0.4), bars)
    assert is_tie(side("a", 1, 0, 0.50001), side("a", 1, 0, 0.49999), bars)
    assert not is_tie(side("a", 1, 0, 0.9), side("a", 1, 0, 0.1), bars)
