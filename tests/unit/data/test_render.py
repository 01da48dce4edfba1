"""Rendering: one way from words to ids, through which nobody can type a special token, on four kinds of tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from data.errors import BaseRefused
from data.render import CHARS_PER_TOKEN, Renderer
from data.schema import Role

SPOKEN = [
    "where is my order please and when will it arrive",
    "a customer asks us about a refund: thank you for that",
    "I cannot log in to a account, can you help?",
    "us: customer: the parcel came late and the box was open!",
]
KINDS = ("bert", "roberta", "unigram", "default")


def _bert() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(
        SPOKEN, trainers.WordPieceTrainer(vocab_size=200, special_tokens=special, show_progress=False)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def _roberta() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(SPOKEN, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return tokenizer


def _unigram() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(SPOKEN * 5, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def _default() -> Tokenizer:
    bases = pytest.importorskip("trainer.bases.catalogue")
    known = pytest.importorskip("trainer.bases.known")
    return Tokenizer.from_file(str(bases.find_base(known.DEFAULT).folder / "tokenizer.json"))


MAKERS: dict[str, Callable[[], Tokenizer]] = {
    "bert": _bert, "roberta": _roberta, "unigram": _unigram, "default": _default,
}  # fmt: skip


@lru_cache(maxsize=len(KINDS))
def written(kind: str) -> str:
    return MAKERS[kind]().to_str()


@lru_cache(maxsize=32)
def renderer(kind: str, max_length: int = 32) -> Renderer:
    return Renderer(Tokenizer.from_str(written(kind)), max_length)


@lru_cache(maxsize=len(KINDS))
def special(kind: str) -> dict[str, int]:
    """The special tokens of a tokenizer, the unknown one excepted: any word may be unknown."""
    added = Tokenizer.from_str(written(kind)).get_added_tokens_decoder()
    return {token.content: i for i, token in added.items() if token.content not in ("[UNK]", "<unk>")}


@lru_cache(maxsize=len(KINDS))
def unknown(kind: str) -> set[int]:
    added = Tokenizer.from_str(written(kind)).get_added_tokens_decoder()
    return {i for i, token in added.items() if token.content in ("[UNK]", "<unk>")}


def typed(kind: str) -> st.SearchStrategy[str]:
    """What a visitor may type: anything, with this tokenizer's special tokens in the middle of it."""
    tokens = [*sorted(special(kind)), "[UNK]", "<unk>", "<|im_start|>", " ", "a", "customer:", "us:"]
    piece = st.one_of(st.sampled_from(tokens), st.sampled_from(SPOKEN), st.text(max_size=12))
    return st.lists(piece, max_size=8).map("".join)


ROLES: st.SearchStrategy[Role] = st.sampled_from(["user", "assistant", "agent", "system"])
on_every_kind = pytest.mark.parametrize("kind", KINDS)
quick = settings(max_examples=60, deadline=None)


@on_every_kind
def test_every_special_token_typed_as_text_is_text(kind: str) -> None:
    plain = renderer(kind).utterance("")
    scaffold = len(plain)
    for token in special(kind):
        for text in (token, f"a {token} a", token * 3, token.upper(), token.lower(), f" {token}"):
            rendered = renderer(kind).utterance(text)
            inner = rendered.ids[1 : len(rendered) - (scaffold - 1)]
            assert inner, f"{token} vanished"
            assert not set(inner) & set(special(kind).values()), token


@on_every_kind
@quick
@given(data=st.data())
def test_no_typed_text_yields_a_special_id(kind: str, data: st.DataObject) -> None:
    text = data.draw(typed(kind))
    found = renderer(kind, 64).utterance(text)
    start, end = found.ids[0], found.ids[-1]
    inner = set(found.ids[1:-1])
    assert {start, end} <= set(special(kind).values())
    assert not inner & set(special(kind).values())


@on_every_kind
@quick
@given(data=st.data())
def test_a_context_holds_no_more_special_ids_than_its_scaffold(kind: str, data: st.DataObject) -> None:
    turns = data.draw(st.lists(st.tuples(ROLES, typed(kind)), min_size=1, max_size=5))
    found = renderer(kind, 64).context(turns)
    innocent = renderer(kind, 64).context([(role, "a") for role, _ in turns])
    ids = set(special(kind).values())
    counted = [sum(i in ids for i in rendered.ids) for rendered in (found, innocent)]
    assert counted[0] <= counted[1]  # fewer where long turns pushed old ones out, never more


@on_every_kind
@quick
@given(data=st.data())
def test_a_context_of_one_turn_is_the_utterance(kind: str, data: st.DataObject) -> None:
    text, role = data.draw(typed(kind)), data.draw(ROLES)
    assert renderer(kind).context([(role, text)]).ids == renderer(kind).utterance(text).ids


@on_every_kind
@quick
@given(data=st.data(), max_length=st.integers(12, 40))
def test_nothing_is_longer_than_the_maximum(kind: str, data: st.DataObject, max_length: int) -> None:
    turns = data.draw(st.lists(st.tuples(ROLES, typed(kind)), max_size=5))
    made = renderer(kind, max_length)
    assert len(made.context(turns)) <= max_length
    for _, text in turns:
        rendered = made.utterance(text)
        assert len(rendered.offsets) == len(rendered) <= max_length
        assert all(0 <= a <= b <= len(text) for a, b in rendered.offsets)


@on_every_kind
def test_the_scaffold_is_the_tokenizers_own(kind: str) -> None:
    own = Tokenizer.from_str(written(kind))
    own.no_padding()
    own.no_truncation()
    assert list(renderer(kind).utterance("a refund").ids) == own.encode("a refund").ids
    pair = own.encode("customer:a", "a").ids
    made = renderer(kind)
    turns = made.context([("user", "a"), ("user", "a")]).ids
    count = {i: pair.count(i) for i in special(kind).values()}
    assert {i: turns.count(i) for i in count} == count


@on_every_kind
def test_the_oldest_turns_go_first(kind: str) -> None:
    made = renderer(kind, 40)
    turns: list[tuple[Role, str]] = [("user", "parcel"), ("agent", "refund"), ("user", "account"), ("user", "order")]
    whole = made.context(turns)
    assert len(whole) < 40
    suffixes = [made.context(turns[at:]).ids for at in range(len(turns))]
    for max_length in range(max(len(suffixes[-1]), 4), 41):
        short = renderer(kind, max_length)
        fitting = next(ids for ids in suffixes if len(ids) <= max_length)
        assert short.context(turns).ids == fitting


def test_a_long_old_turn_does_not_let_an_older_one_overtake_it() -> None:
    made = renderer("bert", 24)
    turns: list[tuple[Role, str]] = [("user", "order"), ("agent", "refund " * 40), ("user", "parcel")]
    assert made.context(turns).ids == made.utterance("parcel").ids


def test_who_spoke_is_told_apart() -> None:
    made = renderer("bert")
    seen = {role: made.context([(role, "order"), ("user", "parcel")]).ids for role in ("user", "agent", "assistant")}
    assert seen["agent"] == seen["assistant"] != seen["user"]


def test_no_turns_are_an_empty_utterance() -> None:
    made = renderer("bert")
    assert made.context([]).ids == made.utterance("").ids == (2, 3)


@on_every_kind
def test_a_long_utterance_keeps_its_beginning_and_its_end(kind: str) -> None:
    made = renderer(kind, 16)
    text = "parcel " + "a " * 500 + "refund"
    rendered = made.utterance(text)
    assert len(rendered) == 16
    inner = [span for span in rendered.offsets if span != (0, 0)]
    assert text[inner[0][0] : inner[0][1]].strip() in "parcel"
    assert inner[-1][1] == len(text)
    assert sorted(inner) == inner


def test_offsets_point_into_the_text_also_when_its_middle_is_cut_out() -> None:
    made = renderer("bert", 16)
    text = "order " + "!" * (16 * CHARS_PER_TOKEN * 3) + " refund"
    rendered = made.utterance(text)
    words = [text[a:b] for a, b in rendered.offsets]
    assert "order" in words or words[1] == "o"
    assert text.endswith(words[-2])
    assert rendered.offsets[-2][1] == len(text)


@quick
@given(st.lists(st.sampled_from(["", "a", "order", "where is my order", "refund " * 30]), max_size=6))
def test_padding_is_after_the_text_and_masked(texts: list[str]) -> None:
    made = renderer("roberta", 20)
    rendered = made.utterances(texts)
    ids, mask = made.pad(rendered)
    assert ids.dtype == mask.dtype == np.int64
    assert ids.shape == mask.shape == (len(texts), max(map(len, rendered), default=0))
    for row, one in enumerate(rendered):
        assert tuple(ids[row, : len(one)]) == one.ids
        assert mask[row].tolist() == [1] * len(one) + [0] * (mask.shape[1] - len(one))
        assert set(ids[row, len(one) :].tolist()) <= {1}  # <pad>


def test_the_share_of_unknown_tokens() -> None:
    made = renderer("bert")
    assert made.unknown_share("order") == 0
    assert made.unknown_share("") == 0
    assert made.unknown_share("☃ ☃") == 1
    assert made.unknown_share("☃ a") == 0.5


def test_a_tokenizer_that_pads_or_truncates_by_itself_does_not_here() -> None:
    tokenizer = Tokenizer.from_str(written("bert"))
    tokenizer.enable_padding(length=50)
    tokenizer.enable_truncation(3)
    assert (
        Renderer(tokenizer, 32).utterance("where is my order").ids
        == renderer("bert").utterance("where is my order").ids
    )


def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    for content in ("", "{}", "null", '{"model": {"type": "Pickle"}}', "\udcff"):
        path.write_bytes(content.encode("utf-8", "surrogateescape"))
        with pytest.raises(BaseRefused, match="cannot be read"):
            Renderer.from_file(path, 32)
    with pytest.raises(BaseRefused) as caught:
        Renderer.from_file(tmp_path / "absent.json", 32)
    assert str(tmp_path) not in str(caught.value)


def test_a_maximum_length_without_room_for_text_is_refused() -> None:
    with pytest.raises(BaseRefused, match="no room"):
        renderer("bert", 3)


def test_a_tokenizer_without_a_scaffold_renders_bare_text() -> None:
    bare = Tokenizer(models.WordLevel({"a": 0, "b": 1, ":": 2, "[UNK]": 3}, unk_token="[UNK]"))
    bare.pre_tokenizer = pre_tokenizers.Whitespace()
    made = Renderer(bare, 8)
    assert made.utterance("a b").ids == (0, 1)


def test_many_threads_get_what_one_gets() -> None:
    from concurrent.futures import ThreadPoolExecutor

    made = renderer("bert")
    alone = [made.utterance(text).ids for text in SPOKEN]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda text: made.utterance(text).ids, SPOKEN * 20))
    assert together == alone * 20
