"""A model that writes, from a stranger's folder to replies that are written: each kind, and none of the hostile."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from data.errors import BaseRefused
from data.settings import Settings
from export.sampling import Sampling
from export.writer import Brief
from tests import tiny_seq2seq
from tests.tiny_decoders import KINDS, lay_decoder
from tests.tiny_llama import CONTEXT, TEMPLATE, lay_llama
from trainer.bases import kept as kept_bases
from trainer.bases import shelf
from trainer.bases.catalogue import base_for
from trainer.bases.chat_base import ChatBase
from trainer.bases.foreign.jail import Limits, heeded
from trainer.bases.foreign.proving import proven
from trainer.bases.kept import Kept
from trainer.bases.seq2seq_base import Seq2SeqBase
from trainer.bases.shelf import Wanted, import_base, listing, remove_base
from trainer.generation.lines import Ask
from trainer.generation.packed import compared, pack_generator
from trainer.recipes import Seq2SeqRecipe

CARD = "---\nlicense: llama3.2\nlanguage: [en]\n---\n"
ASKS = [
    Ask((("user", asked),), said)
    for asked, said in (("Where is it?", "On its way."), ("And the refund?", "Sent."), ("Thanks!", "You're welcome."))
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A chat model as somebody else made it: template and tokens in files of their own."""
    lay_llama(tmp_path / "theirs")
    (tmp_path / "theirs" / "README.md").write_text(CARD, "utf-8")
    return tmp_path / "theirs"


@pytest.fixture
def tried_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "run_jailed", lambda _module, folder, _limits: heeded(proven(folder)))


def bring(settings: Settings, source: Path, name: str = "mine", licence: str | None = None) -> dict[str, Any]:
    shown = import_base(settings, Wanted(str(source), name, licence))
    return import_base(settings, Wanted(str(source), name, licence, accepted=shown["digest"]))


def retell(folder: Path, name: str, **changes: Any) -> None:
    path = folder / name
    body = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    path.write_text(json.dumps({**body, **changes}), "utf-8")


def test_a_chat_model_is_kept_with_its_template_and_where_turns_end(settings: Settings, folder: Path) -> None:
    retell(folder, "generation_config.json", eos_token_id=[2, 1], temperature=0.6)
    retell(folder, "tokenizer_config.json", auto_map={"AutoTokenizer": "theirs.Tokenizer"})
    done = bring(settings, folder)
    told = done["base"]
    assert (told["use"], told["max_length"], told["limits"]) == ("write", CONTEXT, ["use-restricted"])
    local = base_for(settings, "mine")
    assert local.base.use == "write"
    assert ChatBase(local).renderer().stops == {1, 2}
    assert ChatBase(local).renderer().template.tokens == {"bos_token": "<s>", "eos_token": "</s>"}
    assert json.loads((local.folder / "generation_config.json").read_text("utf-8")) == {"eos_token_id": [2, 1]}
    assert "theirs" not in (local.folder / "tokenizer_config.json").read_text("utf-8")
    with pytest.raises(BaseRefused, match="reads no intents"):
        local.encoder()
    chat = next(one for one in listing(settings) if one["name"] == "mine")
    assert (chat["use"], chat["parameters"]) == ("write", ChatBase(local).parameters)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("tried_here")
@pytest.mark.parametrize(("kind", "tied"), [*((kind, True) for kind in KINDS), ("llama", False)])
def test_every_kind_is_taken_and_expects_what_its_makers_model_does(
    settings: Settings, tmp_path: Path, kind: str, tied: bool
) -> None:
    base, theirs = taken(settings, tmp_path / "theirs", kind, tied)
    renderer, model = base.renderer(), base.model()
    assert getattr(model.config, "sliding_window", None) is None
    assert (renderer.context, renderer.template.source) == (CONTEXT, TEMPLATE)
    ids = torch.tensor([renderer.exchange(ASKS[0].before, ASKS[0].reply).ids])
    with torch.inference_mode():
        torch.testing.assert_close(model(input_ids=ids).logits, theirs(input_ids=ids).logits)


def slow_but(name: str) -> list[Any]:
    return [pytest.param(kind, marks=[pytest.mark.slow] * (kind != name)) for kind in KINDS]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("tried_here")
@pytest.mark.parametrize("kind", slow_but("qwen3"))
def test_every_kind_goes_from_a_folder_to_replies_that_are_written(
    settings: Settings, tmp_path: Path, kind: str
) -> None:
    base, _ = taken(settings, tmp_path / "theirs", kind, tied=False)
    packed = pack_generator(base.model(), base, tmp_path / "work", ("fp32",))
    assert compared(base.model(), packed, ASKS, lambda: None)["fp32"].equal == 1.0
    assert packed.opened("fp32").write(Brief(ASKS[0].before, sampling=Sampling(max_tokens=5))).tokens <= 5


def taken(settings: Settings, folder: Path, kind: str, tied: bool) -> tuple[ChatBase, PreTrainedModel]:
    """The kept base, and the model its makers saved."""
    theirs = lay_decoder(folder, kind, tied=tied)
    assert bring(settings, folder, licence="apache-2.0")["settings_left_out"] == []
    return ChatBase(base_for(settings, "mine")), theirs


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["t5", "bart"])
def test_a_model_that_rewrites_is_a_base_of_its_own_use(
    settings: Settings, tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    """One of them behind the jail."""
    if kind != "t5":
        request.getfixturevalue("tried_here")
    tiny_seq2seq.lay(tmp_path / "theirs", kind)
    done = bring(settings, tmp_path / "theirs", licence="apache-2.0")
    assert (done["base"]["use"], done["base"]["max_length"], done["settings_left_out"]) == ("rewrite", None, [])
    local = base_for(settings, "mine")
    base = Seq2SeqBase.of(local)
    assert base.kind == kind
    assert base.renderer(Seq2SeqRecipe(name="t", task="summarise")).source(((None, "one two"),)).ids
    assert sum(one.numel() for one in base.model().parameters()) == done["base"]["parameters"]
    with pytest.raises(BaseRefused, match="reads no intents"):
        local.encoder()
    with pytest.raises(BaseRefused, match="no chat template"):
        ChatBase(local).renderer()


def test_a_release_names_the_base_that_reads_and_the_one_that_writes() -> None:
    lineage = {"base": "minilm-l6", "writing": {"base": "mine"}}
    assert shelf._came_from(lineage) == ("minilm-l6", "mine")
    assert shelf._came_from({"base": "minilm-l6", "writing": None}) == ("minilm-l6", None)


def test_a_record_from_before_writers_were_taken_is_of_a_model_that_reads(tmp_path: Path) -> None:
    digests = {"config.json": "0" * 64}
    kept = Kept("mine", kept_bases.digest_of(digests), "mit", (), ("en",), "theirs", "folder", 1, 1, digests)
    (tmp_path / "bases").mkdir()
    body = {name: getattr(kept, name) for name in Kept.__slots__ if name != "use"}
    (tmp_path / "bases" / "mine.json").write_text(json.dumps(body), "utf-8")
    found = kept_bases.find(tmp_path, "mine")
    assert found is not None
    assert found.use == "read"
    (tmp_path / "bases" / "mine.json").write_text(json.dumps({**body, "use": "think"}), "utf-8")
    with pytest.raises(BaseRefused, match="cannot be read"):
        kept_bases.find(tmp_path, "mine")


# --- hostile folders


def template(text: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / "chat_template.jinja").write_text(text, "utf-8")


def link_template(folder: Path) -> None:
    real = folder / "chat_template.jinja"
    real.rename(folder.parent / "elsewhere")
    real.symlink_to(folder.parent / "elsewhere")


LOOPS = "{% for one in range(9999) %}" * 3 + "{% endfor %}" * 3
REACHES_OUT = "{{ ''.__class__.__mro__[1].__subclasses__() }}" + TEMPLATE
BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no template": (lambda folder: (folder / "chat_template.jinja").unlink(), "no chat template"),
    "a linked template": (link_template, "no plain file"),
    "a template of a megabyte": (template("x" * (1 << 20)), "larger"),
    "a long template": (template("x" * (1 << 17)), "characters"),
    "no template at all": (template("{% if %}"), "is no template"),
    "a template that is no text": (
        lambda folder: (folder / "chat_template.jinja").write_bytes(b"\xff\xfe{{"), "cannot be read"
    ),
    "a template that reaches out": (template(REACHES_OUT), "template fails"),
    "a template that leaves words out": (template("{{ messages[0].content }}</s>"), "leaves messages out"),
    "a template that fails in long conversations": (
        template("{% if messages | length > 20 %}{{ 1 / 0 }}{% endif %}" + TEMPLATE), "template fails"
    ),
    "marks that can be typed": (
        template(
            "{% for m in messages %}{{ m.role }}: {{ m.content }}"
            "{% if m.role != 'user' %}</s>{% else %} {% endif %}{% endfor %}"
        ),
        "could type",
    ),
    "half a character for a template": (
        lambda folder: (
            (folder / "chat_template.jinja").unlink(), retell(folder, "tokenizer_config.json", chat_template="\ud800")
        ), "is no text"
    ),
    "templates without plain names": (
        lambda folder: (
            (folder / "chat_template.jinja").unlink(),
            retell(folder, "tokenizer_config.json", chat_template=[{"name": ["x"], "template": "y"}]),
        ), "no chat template"
    ),
    "a kind that is no word": (lambda folder: retell(folder, "config.json", model_type=[]), "known kinds"),
    "a template that never ends a turn": (template("{% for m in messages %}{{ m.content }}{% endfor %}"), "turn"),
    "settings that are no table": (
        lambda folder: (folder / "generation_config.json").write_text("[]", "utf-8"), "no table"
    ),
    "an end that is no token": (lambda folder: retell(folder, "generation_config.json", eos_token_id=[10**6]), "turns"),
    "positions turned otherwise": (
        lambda folder: retell(folder, "config.json", rope_parameters={"rope_type": "yarn", "factor": 4.0}), "rope_param"
    ),
    "a list where a word belongs": (lambda folder: retell(folder, "config.json", layer_types=[["x"]]), "layer_types"),
    "code": (lambda folder: retell(folder, "config.json", auto_map={"AutoModelForCausalLM": "x.Y"}), "auto_map"),
    "another model": (lambda folder: retell(folder, "config.json", num_hidden_layers=9), "another model"),
}  # fmt: skip


@pytest.mark.parametrize("breakage", BROKEN)
@pytest.mark.usefixtures("tried_here")
def test_a_hostile_chat_model_is_refused_and_nothing_is_kept(settings: Settings, folder: Path, breakage: str) -> None:
    spoil, why = BROKEN[breakage]
    spoil(folder)
    with pytest.raises(BaseRefused, match=why) as caught:
        bring(settings, folder)
    assert str(folder) not in str(caught.value)
    assert not kept_bases.names(settings.home)
    assert list((settings.home / "tmp").iterdir()) == []


@pytest.mark.slow
def test_a_template_that_never_comes_back_is_ended(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = classmethod(lambda _cls, _size: Limits(memory=8 << 30, file=16 << 20, seconds=30))
    monkeypatch.setattr(Limits, "for_weights", short)
    template(LOOPS + TEMPLATE)(folder)
    with pytest.raises(BaseRefused, match=r"memory or time|longer"):
        bring(settings, folder)
    assert not kept_bases.names(settings.home)


@pytest.mark.usefixtures("tried_here")
def test_to_import_a_damaged_base_again_mends_it(settings: Settings, folder: Path) -> None:
    assert bring(settings, folder)["kept"]
    assert not bring(settings, folder)["kept"]
    path = base_for(settings, "mine").folder / "chat_template.jinja"
    path.write_text("{{ messages }}")
    with pytest.raises(BaseRefused, match="chat_template"):
        base_for(settings, "mine")
    assert bring(settings, folder)["kept"]
    assert ChatBase(base_for(settings, "mine")).renderer().template.source == TEMPLATE


def test_a_chat_model_goes_when_nobody_needs_it(settings: Settings, folder: Path) -> None:
    bring(settings, folder)
    remove_base(settings, "mine")
    assert not list((settings.home / "bases").iterdir())
