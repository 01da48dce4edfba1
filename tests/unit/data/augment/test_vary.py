"""Variations of rows: they keep their label, meet no held-out text, and follow from seed and row alone."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from data.augment.said import Said
from data.augment.vary import OPERATORS, Row, Varying
from data.dedupe import normal_form
from data.schema import Entity

TEXTS = (
    "Where is my parcel?", "I don't want it", "I do not want it", "please cancel my order 12", "Thanks, bye",
    "send it to Paris", "send it to Berlin", "我的快递在哪里？", "где моя посылка", "I'm waiting", "refund please",
    "Refund please!", "{city} store hours", "HELLO", "hello", "[order 1] broken", "",
)  # fmt: skip
CITIES = {"send it to Paris": (11, 16), "send it to Berlin": (11, 17)}


def row(text: str, label: str, language: str | None = "en") -> Row:
    spans = (Entity(*CITIES[text], "city"),) if text in CITIES else ()
    return Row(Said(text, spans, language), label)


rows_of = st.lists(st.builds(row, st.sampled_from(TEXTS), st.sampled_from("ab")), max_size=20)


@settings(max_examples=60)
@given(rows_of, st.lists(st.sampled_from(TEXTS), max_size=4), st.integers(0, 9))
def test_no_variation_says_what_another_row_or_a_held_out_one_says(
    rows: list[Row], held_out: list[str], seed: int
) -> None:
    made = Varying(rows, held_out).more(seed, 10**6)
    forms = {normal_form(text) for text in held_out}
    said: dict[str, set[str]] = {}
    for one in made:
        origin, form = rows[one.origin], normal_form(one.said.text)
        assert form not in forms
        assert one.said.text not in {other.said.text for other in rows}
        others = {other.label for other in rows if normal_form(other.said.text) == form}
        assert others <= {origin.label}
        assert form == normal_form(origin.said.text) or not others
        said.setdefault(form, set()).add(origin.label)
        assert set(one.operators) <= set(OPERATORS)
        assert one.operators
    assert all(len(labels) == 1 for labels in said.values())
    assert len({one.said.text for one in made}) == len(made) <= len(rows)


@settings(max_examples=40)
@given(rows_of, st.randoms(use_true_random=False), st.integers(0, 3), st.integers(0, 8))
def test_the_order_of_rows_changes_nothing(rows: list[Row], dice: random.Random, seed: int, most: int) -> None:
    mixed = list(rows)
    dice.shuffle(mixed)

    def told(given: Sequence[Row]) -> set[tuple[Said, str]]:
        varying = Varying(given, ["thanks bye"])
        more = {(one.said, given[one.origin].label) for one in varying.more(seed, most)}
        assert len(more) <= most
        return more | {(one.said, "p") for one in varying.perturbed(given, seed)}

    assert told(rows) == told(mixed)


def test_another_process_makes_the_same() -> None:
    program = (
        "from tests.unit.data.augment.test_vary import *\n"
        "print([one.said.text for one in Varying([row(t, 'a') for t in TEXTS]).more(5, 99)].__repr__())"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            check=True,
            encoding="utf-8",
        ).stdout
        for seed in ("1", "2")
    }
    assert told == {repr([one.said.text for one in Varying([row(t, "a") for t in TEXTS]).more(5, 99)]) + "\n"}


def test_another_seed_makes_others() -> None:
    rows = [row(text, "a") for text in TEXTS]
    first, second = ([one.said for one in Varying(rows).more(seed, 99)] for seed in (0, 1))
    assert first != second
    assert [one.said for one in Varying(rows).perturbed(rows, 0)] != first


def test_a_text_under_two_labels_is_not_varied_into_either() -> None:
    """Casing alone would say the same again."""
    rows = [row("hello", "a"), row("HELLO", "b")]
    for seed in range(20):
        for one in Varying(rows).more(seed, 9):
            assert normal_form(one.said.text) != "hello"


def test_who_lent_a_value_has_a_part_in_what_came_of_it() -> None:
    rows = [row("send it to Paris", "a"), row("send it to Berlin", "b")]
    swapped = [
        one for seed in range(40) for one in Varying(rows).more(seed, 9) if "entity_swap" in one.operators
    ]  # fmt: skip
    assert swapped
    for one in swapped:
        other = 1 - one.origin
        assert one.donors == (frozenset({other}),)
        assert not one.comes_of(frozenset({one.origin}))
        assert one.comes_of(frozenset({0, 1}))


def test_operators_may_be_left_out() -> None:
    rows = [row(text, "a") for text in TEXTS]
    used = {
        name
        for seed in range(9)
        for one in Varying(rows).more(seed, 99, frozenset({"casing"}))
        for name in one.operators
    }
    assert "casing" not in used
    assert len(used) > 3


def test_what_is_perturbed_may_be_held_out_but_takes_no_other_label() -> None:
    rows = [row("I don't want it", "a"), row("I do not want it", "b")]
    for seed in range(30):
        varying = Varying(rows, [one.said.text for one in rows])
        held_out = {normal_form(one.said.text) for one in rows}
        assert held_out.isdisjoint(normal_form(one.said.text) for one in varying.more(seed, 9))
        for one in varying.perturbed(rows, seed):
            assert normal_form(one.said.text) != normal_form(rows[1 - one.origin].said.text)


def test_nothing_can_be_said_otherwise() -> None:
    assert Varying([]).more(0, 9) == []
    assert Varying([row("", "a"), row("[order 1]", "a", None)]).perturbed([row("[order 1]", "a", None)], 0) == []
