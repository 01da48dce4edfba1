"""Duplicates are found, near-duplicates share a key, strangers do not."""

import hashlib
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from data import dedupe
from data.dedupe import PERMUTATIONS, NearIndex, fingerprint, normal_form, signatures, utterance_key
from data.mapped import Space
from data.schema import Conversation, Turn

KEPT = "2d386dbf835ac77fe27783d9f42353fc35b8a067e81bf6e74cc4d74a6c34d450"


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


def drawn(seed, count):
    """Messages of a few kinds with words of their own: many are near others, many are not, some are equal."""
    chance = random.Random(seed)
    frames = (
        "where is my {a} order, it should have been here {b}",
        "I want to send back the {a} that came {b}, please",
        "{a} {b}",
        "我的{a}还没有到，{b}可以送到吗？",
        "Können Sie mir sagen, ob {a} am {b} wieder da ist?",
    )
    words = ["".join(chance.choices("abcdefghij", k=chance.randint(2, 9))) for _ in range(400)]
    return [chance.choice(frames).format(a=chance.choice(words), b=chance.choice(words)) for _ in range(count)]


def test_keys_are_those_that_kept_datasets_have():
    """The digest is of the keys given by the index of before, which knew a band by 18 bits only and forgot by that."""
    index = NearIndex()
    texts = drawn(10, 3000)
    keys = [key for start in range(0, len(texts), 97) for key in index.assign(texts[start : start + 97])]
    assert hashlib.sha256(" ".join(keys).encode()).hexdigest() == KEPT


def test_what_is_remembered_lies_in_files_and_no_late_repeat_is_forgotten(tmp_path):
    words = random.Random(3)
    texts = ["".join(words.choices("abcdefghijklmnopqrstuvwxyz ", k=30)) for _ in range(60_000)]
    index, small = NearIndex(Space(tmp_path)), NearIndex()
    keys = index.assign(texts)
    assert index.assign(texts[:2000]) == keys[:2000] == small.assign(texts[:2000])
    assert len(index) == len(set(keys)) > 59_000
    assert list(tmp_path.iterdir()) == []  # they have no names


def test_beyond_the_most_that_is_remembered_nothing_breaks(monkeypatch):
    monkeypatch.setattr(dedupe, "MOST", 2)
    index = NearIndex()
    texts = ["where is my parcel", "change the address please", "do you sell tents"]
    assert index.assign(texts) == index.assign(texts)
    assert len(index) == 2


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
