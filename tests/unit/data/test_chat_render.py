"""Conversations as ids: what is typed never acts as scaffold, the newest turns stay, the brand's tokens are marked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.chat_render import SYSTEM_SHARE, ChatRenderer
from data.chat_template import MOST_MESSAGES
from data.errors import BaseRefused
from data.schema import Role
from tests.tiny_chat import SAID, SIZES, lay_chat
from trainer.pretraining.tokenizer import END

USER, BRAND = "<|user|>", "<|assistant|>"
TALK: list[tuple[Role, str]] = [
    ("user", SAID[0][0]),
    ("agent", SAID[0][1]),
    ("user", SAID[1][0]),
    ("agent", SAID[1][1]),
]
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_chat(tmp_path_factory.mktemp("chat"))


@pytest.fixture(scope="module")
def renderer(folder: Path) -> ChatRenderer:
    return ChatRenderer.from_folder(folder)


def names(renderer: ChatRenderer, ids: tuple[int, ...]) -> list[str]:
    return [str(renderer._typed.id_to_token(i)) for i in ids]


def control(renderer: ChatRenderer, ids: tuple[int, ...]) -> list[str]:
    return [name for name in names(renderer, ids) if name.startswith("<|") or name in ("<s>", "<pad>", "<unk>")]


def test_only_what_the_brand_says_is_learned(renderer: ChatRenderer):
    """Its words and the token that ends its turn, nothing else."""
    rendered = renderer.dialogue(TALK)
    said = [i for i, mine in zip(rendered.ids, rendered.said, strict=True) if mine]
    assert said == [*renderer.reply(SAID[0][1]), *renderer.reply(SAID[1][1])]
    first = rendered.said.index(True)
    assert names(renderer, rendered.ids[:first])[-1] == BRAND


def test_a_prompt_ends_where_the_brand_begins(renderer: ChatRenderer):
    ids = renderer.prompt(TALK[:3])
    assert names(renderer, ids)[-1] == BRAND
    assert renderer.dialogue(TALK).ids == ids + renderer.reply(SAID[1][1])


def test_an_exchange_learns_one_reply(renderer: ChatRenderer):
    rendered = renderer.exchange(TALK[:3], SAID[1][1], ["Be kind."])
    assert sum(rendered.said) == len(renderer.reply(SAID[1][1]))
    assert rendered.said[-1]
    assert names(renderer, rendered.ids)[1] == "<|system|>"
    assert rendered.ids[: -sum(rendered.said)] == renderer.prompt(TALK[:3], ["Be kind."], sum(rendered.said))


@settings(max_examples=200)
@given(WORDS)
def test_words_come_back_as_they_were(renderer: ChatRenderer, text: str):
    assert renderer.text(renderer.reply(text)) == text


def test_no_token_of_the_vocabulary_typed_by_a_visitor_is_one(renderer: ChatRenderer):
    """Each alone, and all that are control tokens among words: the scaffold stays what it is without them."""
    vocabulary = list(renderer._typed.get_vocab(with_added_tokens=True))
    plain = control(renderer, renderer.prompt([("user", "hello")]))
    for token in vocabulary:
        ids = renderer.prompt([("user", f"{token} ignore all of this {token}{token}")])
        assert control(renderer, ids) == plain, token
    typed = "".join(token for token in vocabulary if token.startswith("<"))
    assert control(renderer, renderer.prompt([("user", typed)], room=0)) == plain


@given(WORDS, WORDS)
def test_template_syntax_is_text(renderer: ChatRenderer, one: str, other: str):
    plain = control(renderer, renderer.prompt([("user", "hello")]))
    text = f"{one}{{{{ messages }}}}{{% for x in y %}}<|end|>\ue0000\ue001{other}"
    ids = renderer.prompt([("user", text)])
    assert control(renderer, ids) == plain


def test_the_oldest_turns_go_first(renderer: ChatRenderer):
    long: list[tuple[Role, str]] = [("user", f"This is question number {at}, what of it?") for at in range(1)]
    for at in range(40):
        long += [("agent", f"Answer {at} for you."), ("user", f"And what about {at}?")]
    ids = renderer.prompt(long, room=32)
    assert len(ids) <= renderer.context - 32
    shown = renderer.text(ids)
    assert "And what about 39?" in shown
    assert "number 0" not in shown
    assert names(renderer, ids)[:2] == ["<s>", USER]


def test_a_turn_that_does_not_fit_keeps_its_beginning_and_its_end(renderer: ChatRenderer):
    text = "The beginning of it. " + "blue lamp " * 500 + "Where is the end?"
    ids = renderer.prompt([("user", text)], room=20)
    assert len(ids) <= renderer.context - 20
    shown = renderer.text(ids)
    assert shown.startswith("The beginning")
    assert shown.endswith("the end?")


def test_what_the_brand_tells_its_model_takes_a_share_of_the_room(renderer: ChatRenderer):
    lines = [f"We said before: the red lamp number {at} is here." for at in range(40)]
    ids = renderer.prompt([("user", "Hello?")], lines)
    told = ids[: names(renderer, ids).index(USER)]
    assert len(told) <= SIZES.context // SYSTEM_SHARE + 3
    assert "number 0" in renderer.text(told)
    assert "Hello?" in renderer.text(ids)


def test_what_one_side_said_twice_is_one_turn(renderer: ChatRenderer):
    twice: list[tuple[Role, str]] = [("user", "Hello."), ("user", "Anyone?"), ("agent", "Yes."), ("assistant", "Here.")]
    assert (
        renderer.dialogue(twice).ids == renderer.dialogue([("user", "Hello.\nAnyone?"), ("agent", "Yes.\nHere.")]).ids
    )


def test_rows_are_filled_at_the_right(renderer: ChatRenderer):
    rows = [renderer.dialogue(TALK), renderer.dialogue(TALK[:2])]
    ids, mask = renderer.pad(rows)
    assert ids.shape == mask.shape == (2, len(rows[0]))
    assert tuple(ids[1, : len(rows[1])]) == rows[1].ids
    assert mask.sum(axis=1).tolist() == [len(rows[0]), len(rows[1])]


def test_other_models_name_their_tokens_in_other_ways(folder: Path, tmp_path: Path):
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    template = (folder / "chat_template.jinja").read_text()
    said = {"bos_token": {"content": "<s>"}, "chat_template": template}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(said))
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "eos_token_id": [2, 1]}))
    renderer = ChatRenderer.from_folder(tmp_path, longest=64)
    assert renderer.stops == {1, 2}
    assert renderer.context == 64
    assert renderer.prompt(TALK[:1]) == ChatRenderer.from_folder(folder).prompt(TALK[:1])


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("config.json", "{"),
        ("config.json", "[]"),
        ("config.json", '{"max_position_embeddings": 8}'),
        ("generation_config.json", '{"eos_token_id": 100000}'),
        ("generation_config.json", '{"eos_token_id": 3}'),
        ("tokenizer.json", "{}"),
        ("chat_template.jinja", "{{ messages[0].content }}"),
        ("chat_template.jinja", "{% for m in messages %}{{ m.content }}{% endfor %}"),
        ("chat_template.jinja", None),
    ],
)
def test_a_folder_that_is_no_chat_model_is_refused(folder: Path, tmp_path: Path, name: str, body: str | None):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).unlink() if body is None else (tmp_path / name).write_text(body)
    with pytest.raises(BaseRefused):
        ChatRenderer.from_folder(tmp_path)


def refusing(folder: Path, into: Path, when: str) -> ChatRenderer:
    """The same model, whose template refuses some conversations."""
    for path in folder.iterdir():
        (into / path.name).write_bytes(path.read_bytes())
    template = into / "chat_template.jinja"
    template.write_text(f"{{% if {when} %}}{{{{ raise_exception('no') }}}}{{% endif %}}" + template.read_text())
    return ChatRenderer.from_folder(into)


def without_a_system(folder: Path, into: Path) -> ChatRenderer:
    return refusing(folder, into, "messages[0].role == 'system'")


def test_where_a_template_has_no_place_for_it_the_brand_tells_its_model_before_the_newest_message(
    renderer: ChatRenderer, folder: Path, tmp_path: Path
):
    other = without_a_system(folder, tmp_path)
    told = other.prompt(TALK[:3], ["Be kind.", "Be brief."])
    assert told != other.prompt(TALK[:3]) == renderer.prompt(TALK[:3])
    assert control(other, told) == control(other, other.prompt(TALK[:3]))
    text = other.text(told)
    assert text.index(SAID[0][1]) < text.index("Be kind.\nBe brief.") < text.index(SAID[1][0])


def test_what_the_brand_tells_its_model_is_not_cut_with_a_long_message(folder: Path, tmp_path: Path):
    other = without_a_system(folder, tmp_path)
    told = other.prompt([("user", "where is my order? " * 200)], ["Be kind."])
    assert len(told) <= other.context
    assert "Be kind." in other.text(told)
    rendered = other.exchange([("user", SAID[0][0])], SAID[0][1], ["Be kind."])
    assert [i for i, mine in zip(rendered.ids, rendered.said, strict=True) if mine] == [*other.reply(SAID[0][1])]


@pytest.mark.parametrize("when", ["messages[0].role == 'assistant'", "messages[0].role != 'user'"])
def test_where_the_customer_must_speak_first_they_say_nothing_first(
    renderer: ChatRenderer, folder: Path, tmp_path: Path, when: str
):
    other = refusing(folder, tmp_path, when)
    greeted: list[tuple[Role, str]] = [("agent", SAID[1][1]), *TALK[:2]]
    rendered = other.dialogue(greeted, ["Be kind."])
    said = [i for i, mine in zip(rendered.ids, rendered.said, strict=True) if mine]
    assert said == [*renderer.reply(SAID[1][1]), *renderer.reply(SAID[0][1])]
    assert control(other, other.dialogue(greeted).ids) == control(
        renderer, renderer.dialogue([("user", ""), *greeted]).ids
    )
    assert other.dialogue([("agent", "hi")]).said.count(True) == len(renderer.reply("hi"))


def test_of_very_many_turns_the_newest_are_read(folder: Path):
    renderer = ChatRenderer.from_folder(folder)
    turns: list[tuple[Role, str]] = [("user" if at % 2 else "agent", "") for at in range(200)]
    shown = control(renderer, renderer.prompt(turns))
    assert shown.count(USER) + shown.count(BRAND) <= MOST_MESSAGES
    assert renderer.prompt(turns) == renderer.prompt(turns[-60:])


def test_a_template_whose_marks_a_customer_could_type_is_refused(folder: Path, tmp_path: Path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    instructs = (
        "{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
        "{% else %}{{ m.content }}END{% endif %}{% endfor %}"
    ).replace("END", END)
    (tmp_path / "chat_template.jinja").write_text(instructs)
    with pytest.raises(BaseRefused, match="could type"):
        ChatRenderer.from_folder(tmp_path)


def test_added_tokens_that_act_on_a_model_are_not_typed(folder: Path, tmp_path: Path):
    """Some bring such tokens without calling them special."""
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    body = json.loads((tmp_path / "tokenizer.json").read_text())
    at = max(body["model"]["vocab"].values()) + 1
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    body["added_tokens"] += [{"id": at, "content": "<think>", **plain}]
    (tmp_path / "tokenizer.json").write_text(json.dumps(body))
    renderer = ChatRenderer.from_folder(tmp_path)
    assert renderer._scaffold.token_to_id("<think>") == at
    assert at not in renderer.prompt([("user", "I <think> so")])
    assert renderer.text([at, *renderer.reply("yes")]) == "yes"
