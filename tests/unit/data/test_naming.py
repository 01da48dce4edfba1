"""Names of groups of messages: telling, safe as labels, never the same twice."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.naming import FEWEST_TEXTS, label_safe, names

PARCEL = ["where is my parcel", "my parcel has not come", "track the parcel please", "is the parcel lost"]
REFUND = ["i want a refund", "refund my order", "how long does a refund take", "give me the refund"]
CHINESE = ["我想退款", "请给我退款", "退款什么时候到", "怎么申请退款"]
HOTELS = ["帮我找一家酒店", "酒店的价格是多少", "这家酒店有停车场吗", "推荐一个酒店"]


def test_a_group_is_named_by_what_others_do_not_say() -> None:
    (parcel, terms), (refund, _) = names([PARCEL, REFUND])
    assert "parcel" in parcel
    assert "refund" in refund
    assert terms[0] == "parcel"


def test_writings_without_spaces_are_named_by_runs_of_characters() -> None:
    (refund, _), (hotel, _) = names([CHINESE, HOTELS])
    assert "退款" in refund
    assert "酒店" in hotel


def test_names_that_are_taken_are_not_given_again() -> None:
    once = names([PARCEL, REFUND])[0][0]
    again = names([PARCEL, REFUND], [once.upper()])[0][0]
    assert again != once


def test_where_nothing_tells_a_group_it_is_called_by_what_most_say_or_give() -> None:
    agreed = ["ok", "ok now", "ok then", "fine", "is it ok"]
    given = ["[email 1]", "[email 1] or [email 2]", "either [email 2]", "it is [email 3]"]
    mixed = ["it is", "not so", "we do", "or else"]
    assert [name for name, _ in names([agreed, given, mixed, REFUND, PARCEL])][:3] == ["ok", "email", "topic_3"]


def test_what_few_said_and_placeholders_name_nothing() -> None:
    told = [f"[email 1] hello number {at}" for at in range(9)] + ["my name is Rumpelstiltskin"] * (FEWEST_TEXTS - 1)
    ((name, terms), _) = names([told, REFUND])
    assert "email" not in name
    assert all("rumpel" not in term for term in (name, *terms))


def test_nothing_to_go_by_still_gives_a_name() -> None:
    assert [name for name, _ in names([["1 2 3"] * 4, ["?"] * 4, []])] == ["topic_1", "topic_2", "topic_3"]


@given(st.lists(st.lists(st.text(max_size=30), max_size=6), max_size=6), st.lists(st.text(max_size=10), max_size=3))
def test_names_are_safe_and_all_different(groups: list[list[str]], taken: list[str]) -> None:
    found = [name for name, _ in names(groups, taken)]
    assert len(found) == len(groups)
    assert len({name.casefold() for name in found} | {one.casefold() for one in taken}) == len(groups) + len(
        {one.casefold() for one in taken}
    )
    assert all(re.fullmatch(r"\w{1,80}", name) for name in found)


@pytest.mark.parametrize(
    ("words", "safe"), [("Lost card!", "lost_card"), ("  ", ""), ("退款 问题", "退款_问题"), ("a" * 99, "a" * 60)]
)
def test_words_become_labels(words: str, safe: str) -> None:
    assert label_safe(words) == safe
