"""One way from an utterance to what a model sees."""

from hypothesis import given
from hypothesis import strategies as st

from data.prepare import Preparer
from data.settings import ImportSettings

PREPARE = Preparer(ImportSettings())


def test_cleans_then_redacts():
    assert PREPARE(" Iâ€™m  jo@example\u200b.com ") == "I’m [email 1]"


def test_each_utterance_counts_from_one():
    assert PREPARE("a@b.com") == PREPARE("c@d.com") == "[email 1]"


@given(st.text())
def test_is_idempotent(text):
    once = PREPARE(text)
    assert PREPARE(once) == once
