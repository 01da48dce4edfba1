"""Groups, splits that never change, and what may connect conversations."""

from collections import Counter, defaultdict
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import UsageError
from data.split import BRIDGES_SPLITS, MAX_SPAN, Assignment, Member, Shares, assign, connects, split_of

CUSTOMERS = st.none() | st.sampled_from(["ann", "bob", "cyd", "dee", "guest"])
CLUSTERS = st.lists(st.sampled_from([f"n{number}" for number in range(12)]), max_size=3).map(tuple)


@st.composite
def logs(draw: st.DrawFn) -> list[Member]:
    links = draw(st.lists(st.tuples(CUSTOMERS, CLUSTERS), min_size=1, max_size=40))
    return [Member(f"k{age}", age, customer, near) for age, (customer, near) in enumerate(links)]


def with_splits(members: list[Member], assignment: Assignment) -> list[Member]:
    """The members as the store would hand them out the next time."""
    return [replace(member, split=assignment.splits.get(member.key)) for member in members]


def linked(members: list[Member], placed: Assignment) -> list[set[str]]:
    """The sets of placed members that one customer or one connecting cluster joins."""
    spans = Counter(cluster for member in members for cluster in set(member.near))
    sets: dict[str, set[str]] = defaultdict(set)
    for member in members:
        if member.key in placed.splits:
            if member.customer not in (None, "guest"):
                sets[f"customer {member.customer}"].add(member.key)
            for cluster in member.near:
                if spans[cluster] <= MAX_SPAN:
                    sets[cluster].add(member.key)
    return list(sets.values())


@given(logs())
def test_every_new_member_is_placed_and_no_group_stands_in_two_splits(members: list[Member]) -> None:
    result = assign(members)
    assert result.set_aside == {}
    assert set(result.splits) == set(result.groups) == {member.key for member in members}
    for together in linked(members, result):
        assert len({result.groups[key] for key in together}) <= 1
    for group in set(result.groups.values()):
        keys = [key for key, of in result.groups.items() if of == group]
        assert len({result.splits[key] for key in keys}) == 1
        assert group == min(keys, key=lambda key: int(key[1:]))


@given(logs(), st.integers(0, 40), st.integers(0, 40))
def test_growth_moves_no_row_and_sets_aside_only_bridges(members: list[Member], first: int, second: int) -> None:
    before = Assignment()
    for size in (*sorted((first, second)), len(members)):
        seen = with_splits(members[:size], before)
        after = assign(seen)
        assert set(after.splits) | set(after.set_aside) == {member.key for member in seen}
        assert after.splits.items() >= before.splits.items()
        assert set(after.set_aside.values()) <= {BRIDGES_SPLITS}
        for together in linked(seen, after):
            fresh = [key for key in together if key not in before.splits]
            if fresh:
                assert len({after.splits[key] for key in together}) == 1
        before = after
    assert assign(with_splits(members, before)) == before


@given(logs(), st.randoms(use_true_random=False), st.booleans())
def test_the_order_members_come_in_does_not_matter(members: list[Member], random, grown: bool) -> None:
    if grown:
        members = with_splits(members, assign(members[: len(members) // 2]))
    shuffled = members.copy()
    random.shuffle(shuffled)
    assert assign(shuffled) == assign(members)


@given(logs())
def test_every_conversation_set_aside_touches_two_splits(members: list[Member]) -> None:
    seen = [replace(one, split=("train", "test")[one.age % 2]) if one.age % 3 else one for one in members]
    result = assign(seen)
    spans = Counter(cluster for member in seen for cluster in set(member.near))
    by_key = {member.key: member for member in seen}
    for key in result.set_aside:
        assert key not in result.splits
        bridge = by_key[key]
        clusters = {cluster for cluster in bridge.near if spans[cluster] <= MAX_SPAN}
        touched = {
            result.splits[other.key]
            for other in seen
            if other.key in result.splits
            and (clusters & set(other.near) or (bridge.customer == other.customer not in (None, "guest")))
        }
        assert len(touched) > 1


def test_shares_of_many_singletons_are_near_their_targets() -> None:
    result = assign([Member(f"k{number}", number) for number in range(5_000)])
    counts = Counter(result.splits.values())
    assert counts["train"] == pytest.approx(4_000, abs=100)
    assert counts["validation"] == pytest.approx(500, abs=75)
    assert counts["test"] == pytest.approx(500, abs=75)


def test_another_salt_splits_otherwise_and_the_mark_counts_rather_than_the_key() -> None:
    members = [Member(f"k{number}", number, mark=f"m{number}") for number in range(200)]
    renamed = [replace(member, key=f"other{member.age}") for member in members]
    assert list(assign(members).splits.values()) == list(assign(renamed).splits.values())
    assert assign(members).splits != assign(members, salt="another").splits


def test_a_chain_of_customers_and_clusters_is_one_group_named_after_its_oldest() -> None:
    members = [
        Member("c", 3, customer="ann"),
        Member("b", 2, customer="ann", near=("n1",)),
        Member("a", 1, near=("n1", "n1", "n2")),
        Member("d", 4, near=("n2",)),
        Member("e", 5, customer="bob"),
    ] + [Member(f"other{number}", 10 + number) for number in range(200)]
    result = assign(members)
    assert {result.groups[key] for key in "abcd"} == {"a"}
    assert result.groups["e"] == "e"
    assert result.largest_group == 4


def test_a_new_row_takes_the_split_of_the_group_it_touches() -> None:
    for split in ("train", "validation", "test"):
        result = assign([Member("old", 0, near=("n",), split=split), Member("new", 1, near=("n",))])
        assert result.splits == {"old": split, "new": split}
        assert result.groups == {"old": "old", "new": "old"}


def test_the_newer_of_two_that_bridge_together_is_set_aside() -> None:
    members = [
        Member("a", 0, near=("n1",), split="train"),
        Member("b", 1, near=("n2",), split="test"),
        Member("c", 2, customer="ann", near=("n1",)),
        Member("d", 3, customer="ann", near=("n2",)),
    ]
    result = assign(members)
    assert result.splits == {"a": "train", "b": "test", "c": "train"}
    assert result.set_aside == {"d": BRIDGES_SPLITS}


def test_new_rows_without_a_split_join_instead_of_being_set_aside() -> None:
    """Among rows that come together there is nothing to bridge: all of them go where the old one is."""
    members = [
        Member("old", 0, near=("n2",), split="test"),
        Member("x", 1, near=("n1",)),
        Member("y", 2, near=("n1", "n2")),
        Member("z", 3, near=("n1",)),
    ]
    assert assign(members).splits == dict.fromkeys(("old", "x", "y", "z"), "test")


def test_rows_that_were_placed_apart_stay_apart_even_when_they_are_connected() -> None:
    """A cluster can begin to connect again when conversations are erased; no row moves because of that."""
    members = [
        Member("a", 0, near=("n",), split="train"),
        Member("b", 1, near=("n",), split="test"),
        Member("c", 2, near=("n",), split="train"),
        Member("d", 3, near=("n",)),
    ]
    result = assign(members)
    assert result.splits == {"a": "train", "b": "test", "c": "train"}
    assert result.groups == {"a": "a", "b": "b", "c": "a"}
    assert result.set_aside == {"d": BRIDGES_SPLITS}


@pytest.mark.parametrize("nobody", ["", " ", "Guest", "UNKNOWN", "0", "n/a"])
def test_a_customer_who_is_nobody_connects_nothing(nobody: str) -> None:
    result = assign([Member(f"k{number}", number, customer=nobody) for number in range(50)])
    assert result.largest_group == 1


def test_a_customer_connects_however_many_conversations() -> None:
    result = assign([Member(f"k{number}", number, customer="ann") for number in range(50)])
    assert result.largest_group == 50


def test_what_many_say_connects_nothing() -> None:
    few = [Member(f"k{number}", number, near=("n",)) for number in range(MAX_SPAN)]
    many = [*few, Member("one more", MAX_SPAN, near=("n",))]
    assert assign(few).largest_group == MAX_SPAN
    assert assign(many).largest_group == 1


def test_a_large_new_group_goes_to_train_and_a_small_one_where_its_hash_says() -> None:
    for salt in map(str, range(20)):
        others = [Member(f"k{number}", 100 + number) for number in range(80)]
        large = [Member(f"ann{number}", number, customer="ann") for number in range(20)]
        splits = assign([*large, *others], salt=salt).splits
        assert {splits[member.key] for member in large} == {"train"}
    pair = [Member(f"bob{number}", number, customer="bob") for number in range(2)]
    others = [Member(f"k{number}", 100 + number) for number in range(98)]
    assert {assign([*pair, *others], salt=str(salt)).splits["bob0"] for salt in range(60)} == {
        "train",
        "validation",
        "test",
    }


def test_nothing_in_nothing_out() -> None:
    assert assign([]) == Assignment()
    assert Assignment().largest_group == 0


@pytest.mark.parametrize("shares", [(0.8, 0.1, 0.2), (1.1, -0.1, 0.0), (0.0, 0.5, 0.5), (float("nan"), 0.1, 0.1)])
def test_shares_add_up_and_leave_something_to_train_on(shares: tuple[float, float, float]) -> None:
    with pytest.raises(UsageError, match="add up to 1"):
        Shares(*shares)


def test_a_share_of_nothing_gets_nothing() -> None:
    members = [Member(f"k{number}", number) for number in range(300)]
    assert set(assign(members, Shares(0.9, 0.0, 0.1)).splits.values()) == {"train", "test"}
    assert set(assign(members, Shares(1.0, 0.0, 0.0)).splits.values()) == {"train"}


@pytest.mark.parametrize(
    ("text", "enough"),
    [
        ("hi", False),
        ("thanks a lot!!!", False),
        ("yes please", False),
        ("thank you very much", True),
        ("a b c d e f g", False),
        ("internationalisation internationalisation", False),
        ("where is my order OB-40217", True),
        ("你好", False),
        ("谢谢你", False),
        ("我的订单什么时候到", True),
        ("注文はいつ届きますか", True),
        ("주문 언제 와요", True),
        ("", False),
        ("🎉🎉🎉🎉🎉🎉🎉🎉 🎉 🎉 🎉", False),
    ],
)
def test_only_what_says_enough_connects(text: str, enough: bool) -> None:
    assert connects(text) is enough


PROMISES = st.lists(st.tuples(CUSTOMERS, CLUSTERS, st.sampled_from(["train", "validation", "test"])), max_size=15)


@given(logs(), PROMISES)
def test_a_promised_split_is_kept_or_the_row_is_set_aside(members: list[Member], promises: list) -> None:
    stored = with_splits(members, assign(members))
    new = [
        Member(f"k{100 + age}", 100 + age, customer, near, split, promised=True)
        for age, (customer, near, split) in enumerate(promises)
    ]
    result = assign([*stored, *new])
    assert {member.key for member in stored} <= set(result.splits), "no stored row gives way to a promise"
    for member in new:
        assert result.splits.get(member.key, member.split) == member.split
        assert (member.key in result.splits) is (member.key not in result.set_aside)
    touching = {member.key: [{member.key}] for member in new}
    for together in linked([*stored, *new], result):
        of_new = [key for key in together if key in touching]
        assert not of_new or len({result.splits[key] for key in together}) == 1


def test_a_new_row_follows_a_promise_and_a_bridge_between_promises_is_set_aside() -> None:
    promised = [
        Member("a", 0, None, ("n1",), "test", promised=True),
        Member("b", 1, None, ("n2",), "train", promised=True),
    ]
    result = assign([*promised, Member("c", 2, None, ("n1",)), Member("d", 3, None, ("n1", "n2"))])
    assert (result.splits["c"], result.groups["c"]) == ("test", "a")
    assert result.set_aside == {"d": BRIDGES_SPLITS}


def test_the_split_of_a_mark_is_that_of_a_group_it_founds() -> None:
    for number in range(50):
        (split,) = assign([Member("k", 0, mark=f"session {number}")], Shares()).splits.values()
        assert split in (split_of(f"session {number}"), "train")  # alone, a group is large
    marks = [f"session {number}" for number in range(400)]
    placed = assign([Member(mark, age, mark=mark) for age, mark in enumerate(marks)])
    assert placed.splits == {mark: split_of(mark) for mark in marks}
