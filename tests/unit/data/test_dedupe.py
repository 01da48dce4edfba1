"""Duplicates are found, near-duplicates share a key, strangers do not."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from data.dedupe import PERMUTATIONS, NearIndex, fingerprint, normal_form, signatures, utterance_key
from data.schema import Conversation, Turn


def conversation(*turns, **more):
    return Conversation("c", turns, **more)


def test_case_spacing_and_ids_do_not_tell_conversations_apart():
    one = conversation(Turn("user", "Where is  it?"), Turn("agent", "Here"))
    other = Conversation("d", (Turn("user", "where is it?", ts="2026"), Turn("agent", "HERE")), customer="x", row=7)
    assert fingerprint(one) == fingerprint(other)


def test_roles_words_and_labels_tell_them_apart():
    different = [
        conversation(Turn("user", "hi")),
        conversation(Turn("agent", "hi")),
        conversation(Turn("user", "ho")),
        conversation(Turn("user", "hi", intent="greeting")),
        conversation(Turn("user", "hi", sentiment="greeting")),
        conversation(Turn("user", "hi"), Turn("user", "hi")),
    ]
    assert len({fingerprint(one) for one in different}) == len(different)


def test_normal_form():
    assert normal_form("Where is [order 2]?!") == normal_form("where is [order 1]")
    assert normal_form("It costs 12") == normal_form("it costs 900...")
    assert normal_form("!!") == "!!"
    assert normal_form("") == ""


def test_near_duplicates_share_the_key_of_the_first():
    first = "could you please tell me where my rain jacket is right now, it was sent on Monday"
    near = "could you please tell me where my rain jacket is right now, it was sent on Tuesday"
    other = "I would like to change the delivery address of the tent"
    index = NearIndex()
    keys = index.assign([first, other, near, first.upper() + "!"])
    assert keys[0] == keys[2] == keys[3] == utterance_key(normal_form(first))
    assert keys[1] != keys[0]


def test_chinese_works_too():
    index = NearIndex()
    one, two, three = index.assign(
        ["我的订单还没有到，请问什么时候可以送到我家里？", "我的订单还没有到，请问什么时候可以送到我家里", "我要退货"]
    )
    assert one == two != three


def test_later_batches_join_earlier_clusters_and_learning_restores_them():
    texts = [f"please send the blue tent number {word} to my office today" for word in ("alpha", "beta", "gamma")]
    index = NearIndex()
    whole = index.assign(texts)
    fresh = NearIndex()
    fresh.learn(texts[:1], whole[:1])
    fresh.learn(texts[:1], ["another"])  # known already: the first key stays
    assert fresh.assign(texts[1:]) == whole[1:]


def test_memory_is_bounded_and_the_oldest_forgotten():
    words = random.Random(3)
    texts = ["".join(words.choices("abcdefghij klmno", k=40)) for _ in range(300)]
    index = NearIndex(capacity=64)
    index.assign(texts)
    assert len(index._keys) == 64
    assert index.assign(texts[-1:]) == [utterance_key(normal_form(texts[-1]))]


def test_the_store_of_signatures_grows():
    words = random.Random(4)
    texts = ["".join(words.choices("abcdefghijklmnopqrstuvwxyz ", k=30)) for _ in range(5000)]
    index = NearIndex()
    keys = index.assign(texts)
    assert len(set(keys)) > 4990
    assert index.assign(texts[:50]) == keys[:50]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=6))
def test_batching_changes_nothing(texts):
    together, alone = NearIndex(), NearIndex()
    assert together.assign(texts) == [alone.assign([text])[0] for text in texts]
    assert together.assign([]) == []


def test_signatures_estimate_jaccard_similarity():
    def trigrams(form):
        padded = f"\x02{form}\x03\x03"
        return {padded[place : place + 3] for place in range(len(padded) - 2)}

    words = random.Random(5)
    errors = []
    for _ in range(40):
        text = "".join(words.choices("abcdefgh ", k=60))
        other = text[: words.randint(10, 55)] + "".join(words.choices("xyz", k=10))
        one, two = signatures([text, other])
        a, b = trigrams(text), trigrams(other)
        errors.append((one == two).sum() / PERMUTATIONS - len(a & b) / len(a | b))
    assert abs(sum(errors) / len(errors)) < 0.03
    assert max(map(abs, errors)) < 0.25
