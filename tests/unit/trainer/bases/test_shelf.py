"""A base from a folder to an embedding: its terms first, then its files, each kind of encoder, none of the hostile."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from safetensors.torch import load_file, save_file

from data.errors import AttuneError, BaseRefused, InUse, NameTaken, NotFound, UsageError
from data.profile import BotProfile
from data.render import Renderer
from data.settings import Settings
from data.store import bots, jobs, open_store
from export.onnx import PooledEncoder, export_encoder
from tests.architectures import random_model
from tests.homes import lay_home
from trainer.bases import kept as kept_bases
from trainer.bases import shelf
from trainer.bases.catalogue import base_for
from trainer.bases.foreign.files import TOKENIZER
from trainer.bases.foreign.jail import heeded
from trainer.bases.foreign.proving import proven
from trainer.bases.known import CHAT, DEFAULT
from trainer.bases.shelf import Wanted, import_base, listing, remove_base
from trainer.core.embedding import embed

CARD = "---\nlicense: apache-2.0\nlanguage:\n- en\n- de\n---\n# A model\n"
SENTENCES = ["refund please", "delivery today?", "hello i ask about my order"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A model folder as somebody else made it."""
    return given_away(tiny_folder, tmp_path / "theirs")


def given_away(tiny_folder: Path, folder: Path) -> Path:
    shutil.copytree(tiny_folder, folder)
    (folder / "README.md").write_text(CARD, "utf-8")
    (folder / "LICENSE").write_text("Do as you like.", "utf-8")
    return folder


def bring(settings: Settings, source: Path | str, name: str = "mine", **given: Any) -> dict[str, Any]:
    """Both calls: look at the terms, and accept them."""
    shown = import_base(settings, Wanted(str(source), name, **given))
    return import_base(settings, Wanted(str(source), name, accepted=shown["digest"], **given))


@pytest.fixture(scope="module")
def kept(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A home that has taken one base in as `mine`, and what was told of it. Copied, never changed."""
    place = tmp_path_factory.mktemp("kept")
    folder = given_away(tiny_folder, place / "theirs")
    (folder / "notes.txt").write_text("mine", "utf-8")
    return place / "home", bring(Settings(home=place / "home"), folder)


@pytest.fixture
def having(settings: Settings, kept: tuple[Path, dict[str, Any]]) -> Settings:
    """A home of one's own in which the base `mine` is kept."""
    shutil.copytree(kept[0], settings.home)
    return settings


@pytest.fixture
def tried_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is tried in this process: to lock it into one of its own takes seconds, and is what others test."""
    monkeypatch.setattr(shelf, "run_jailed", lambda _module, folder, _limits: heeded(proven(folder)))


def nothing_is_kept(settings: Settings) -> bool:
    shelves = settings.home / "bases"
    return not shelves.exists() or not list(shelves.iterdir())


def test_terms_are_told_before_anything_is_kept(settings: Settings, folder: Path) -> None:
    told = import_base(settings, Wanted(str(folder), "mine"))["terms"]
    assert (told["licence"], told["said_by"], told["languages"]) == ("apache-2.0", "card", ("en", "de"))
    assert told["text"] == "Do as you like."
    assert nothing_is_kept(settings)


def test_what_was_accepted_must_be_what_is_kept(settings: Settings, folder: Path) -> None:
    shown = import_base(settings, Wanted(str(folder), "mine"))
    (folder / "LICENSE").write_text("Pay me.", "utf-8")
    with pytest.raises(BaseRefused, match="not those that were shown"):
        import_base(settings, Wanted(str(folder), "mine", accepted=shown["digest"]))
    assert nothing_is_kept(settings)


def test_a_kept_base_is_a_base_like_any_other(having: Settings, kept: tuple[Path, dict[str, Any]]) -> None:
    settings, done = having, kept[1]
    assert done["kept"]
    assert done["files_left"] == ["notes.txt"]
    assert not done["converted"]
    local = base_for(settings, "mine")
    assert (local.name, local.base.licence, local.base.languages) == ("mine", "apache-2.0", ("en", "de"))
    assert local.base.max_length == 128
    first, _, mine = listing(settings)
    assert (first["name"], first["default"], first["here"]) == (DEFAULT, True, True)
    assert mine["parameters"] == sum(one.numel() for one in local.encoder().parameters())
    assert (mine["origin"], mine["hub_id"], mine["state"]) == ("folder", "theirs", "ready")


@pytest.mark.usefixtures("tried_here")
def test_a_name_stands_for_one_model_on_the_same_terms(having: Settings, folder: Path) -> None:
    settings = having
    assert not bring(settings, folder)["kept"]
    with pytest.raises(NameTaken):
        bring(settings, folder, languages=["fr"])
    with pytest.raises(NameTaken):
        bring(settings, folder, DEFAULT)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.usefixtures("tried_here")
def test_a_file_that_changed_is_refused_at_use(having: Settings, folder: Path, name: str) -> None:
    settings = having
    kept = kept_bases.find(settings.home, "mine")
    assert kept is not None
    path = kept_bases.folder_of(settings.home, kept) / name
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BaseRefused, match=name.replace(".", r"\.")):
        base_for(settings, "mine")
    assert [one["here"] for one in listing(settings)] == [True, True, False]
    remove_base(settings, "mine")
    assert bring(settings, folder)["kept"]


def test_a_record_that_cannot_be_read_can_be_removed(having: Settings) -> None:
    settings = having
    (settings.home / "bases" / "mine.json").write_text('{"name": "mine", "digest": "../../.."}', "utf-8")
    with pytest.raises(BaseRefused, match="cannot be read"):
        base_for(settings, "mine")
    remove_base(settings, "mine")
    assert kept_bases.names(settings.home) == []


@pytest.mark.usefixtures("tried_here")
def test_the_last_name_takes_the_files_along(having: Settings, folder: Path) -> None:
    settings = having
    bring(settings, folder, "other")
    remove_base(settings, "mine")
    assert base_for(settings, "other").encoder() is not None
    remove_base(settings, "other")
    assert nothing_is_kept(settings)
    with pytest.raises(NotFound):
        remove_base(settings, "other")
    with pytest.raises(NotFound):
        remove_base(settings, "../other")
    with pytest.raises(UsageError):
        remove_base(settings, DEFAULT)


def test_a_base_that_a_job_waits_for_stays(having: Settings) -> None:
    settings = having
    with open_store(settings.store_url, home=lay_home(settings.home)) as store:
        with store.begin() as tx:
            bot = bots.create(tx, "acme", BotProfile(name="Acme"))
            job = jobs.enqueue(tx, "train", {"base": "mine"}, bot_id=bot.id)
        with pytest.raises(InUse, match=job.id):
            remove_base(settings, "mine")
        with store.begin() as tx:
            jobs.cancel(tx, job.id)
    remove_base(settings, "mine")


# --- pickled weights


def pickled(folder: Path) -> Path:
    weights = folder / "model.safetensors"
    torch.save(load_file(weights), folder / "pytorch_model.bin")
    weights.unlink()
    return folder


def test_pickled_weights_are_converted_once(settings: Settings, folder: Path, tiny_folder: Path) -> None:
    wanted = load_file(tiny_folder / "model.safetensors")
    assert bring(settings, pickled(folder))["converted"]
    local = base_for(settings, "mine")
    assert sorted(path.suffix for path in local.folder.iterdir() if path.suffix == ".bin") == []
    found = load_file(local.folder / "model.safetensors")
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


class Marks:
    """A pickle that leaves a mark where it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.mark),))


@pytest.mark.parametrize("form", ["zip", *(pytest.param(form, marks=pytest.mark.slow) for form in ("older", "raw"))])
def test_a_pickle_that_does_something_does_nothing(settings: Settings, folder: Path, tmp_path: Path, form: str) -> None:
    does_nothing(settings, folder, tmp_path, form)


@pytest.mark.parametrize("form", ["zip", "older", "raw"])
@pytest.mark.usefixtures("tried_here")
def test_no_pickle_needs_a_jail_to_do_nothing(settings: Settings, folder: Path, tmp_path: Path, form: str) -> None:
    does_nothing(settings, folder, tmp_path, form)


def does_nothing(settings: Settings, folder: Path, tmp_path: Path, form: str) -> None:
    mark = tmp_path / "mark"
    path = pickled(folder) / "pytorch_model.bin"
    if form == "raw":
        path.write_bytes(b"cposix\nmkdir\n(V" + str(mark).encode() + b"\ntR.")
    else:
        torch.save({"a": Marks(mark)}, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(BaseRefused, match="something else than weights"):
        bring(settings, folder)
    assert not mark.exists()
    assert nothing_is_kept(settings)


# --- hostile folders


def config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")


def tokenizer(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / TOKENIZER
    body = json.loads(path.read_text("utf-8"))
    change(body)
    path.write_text(json.dumps(body), "utf-8")


def spoiled(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def link(folder: Path, name: str) -> None:
    real = folder.parent / f"real-{name}"
    (folder / name).rename(real)
    (folder / name).symlink_to(real)


def hard_link(folder: Path) -> None:
    os.link(folder / "config.json", folder.parent / "same")


def pipe(folder: Path) -> None:
    (folder / TOKENIZER).unlink()
    os.mkfifo(folder / TOKENIZER)


def regex(pattern: str) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        body["pre_tokenizer"] = {
            "type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False,
        }  # fmt: skip

    return change


def far_id(body: dict[str, Any]) -> None:
    body["added_tokens"][0]["id"] = 2**31


def not_a_number(tensors: dict[str, torch.Tensor]) -> None:
    next(iter(tensors.values())).view(-1)[0] = float("nan")


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


LOOKED_AT: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a linked file": (lambda folder: link(folder, "model.safetensors"), "no plain file"),
    "a hard link": (hard_link, "no plain file"),
    "a pipe": (pipe, "no plain file"),
    "no tokenizer": (lambda folder: (folder / TOKENIZER).unlink(), "no tokenizer"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "neither"),
    "an oversize config": (lambda folder: config(folder, x="x" * (2 << 20)), "larger"),
    "code": (lambda folder: config(folder, auto_map={"AutoModel": "modeling.Mine"}), "auto_map"),
    "attention from elsewhere": (lambda folder: config(folder, _attn_implementation_internal="a/b"), "_attn_impl"),
    "trust": (lambda folder: config(folder, trust_remote_code=True), "trust_remote_code"),
    "an unknown kind": (lambda folder: config(folder, model_type="mine"), "known kinds"),
    "a giant": (lambda folder: config(folder, hidden_size=10**9), "hidden_size"),
    "no size": (lambda folder: config(folder, vocab_size=None), "vocab_size"),
    "a far id": (lambda folder: tokenizer(folder, far_id), "no vector"),
    "an endless pattern": (lambda folder: tokenizer(folder, regex("(a+)+b")), "for ever"),
    "no tokenizer at all": (lambda folder: (folder / TOKENIZER).write_text("[]"), "cannot be read"),
}
TRIED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "NaN": (lambda folder: spoiled(folder, not_a_number), "no number"),
    "cut": (cut, "cannot be read"),
    "a pickle in disguise": (lambda folder: (folder / "model.safetensors").write_bytes(b"\x80\x04\x95 x"), "safetens"),
    "another shape": (lambda folder: config(folder, intermediate_size=128), "another model"),
    "more layers": (lambda folder: config(folder, num_hidden_layers=40), "another model"),
}


@pytest.mark.parametrize("breakage", [*LOOKED_AT, *TRIED])
@pytest.mark.usefixtures("tried_here")
def test_a_hostile_folder_is_refused_and_nothing_is_kept(settings: Settings, folder: Path, breakage: str) -> None:
    refused(settings, folder, breakage)


@pytest.mark.parametrize("breakage", [pytest.param(one, marks=[pytest.mark.slow] * (one != "NaN")) for one in TRIED])
def test_what_is_refused_while_it_is_locked_in_is_refused(settings: Settings, folder: Path, breakage: str) -> None:
    refused(settings, folder, breakage)


def refused(settings: Settings, folder: Path, breakage: str) -> None:
    spoil, why = {**LOOKED_AT, **TRIED}[breakage]
    spoil(folder)
    with pytest.raises(BaseRefused, match=why) as caught:
        bring(settings, folder)
    assert caught.value.remedy
    assert str(folder) not in str(caught.value)
    assert nothing_is_kept(settings)
    assert list((settings.home / "tmp").iterdir()) == []


def test_a_linked_folder_is_refused(settings: Settings, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(BaseRefused, match="no folder of its own"):
        bring(settings, tmp_path / "link")


@pytest.mark.parametrize("name", ["", "Mine", "../mine", "a/b", "x" * 65, ".mine", "mine\n"])
def test_a_name_is_a_plain_one(settings: Settings, folder: Path, name: str) -> None:
    with pytest.raises(UsageError):
        import_base(settings, Wanted(str(folder), name))


@pytest.mark.parametrize("source", ["nobody/nothing", "x" * 5000, "\0"])
def test_the_hub_is_not_asked_unless_that_is_allowed(settings: Settings, source: str) -> None:
    with pytest.raises(AttuneError) as caught:
        import_base(settings, Wanted(source, "mine"))
    assert len(str(caught.value)) < 500


@pytest.mark.usefixtures("tried_here")
def test_the_hub_gives_the_terms_before_the_weights(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def give(hub_id: str, *, allow_patterns: list[str], local_dir: Path) -> str:
        asked.append(allow_patterns)
        for name in allow_patterns:
            if (folder / name).exists():
                shutil.copyfile(folder / name, Path(local_dir) / name)
        return str(local_dir)

    monkeypatch.setattr("huggingface_hub.snapshot_download", give)
    online = Settings.model_validate({"home": tmp_path / "home", "train": {"online": True}})
    done = bring(online, "some/one")
    assert "model.safetensors" not in asked[0]
    assert "model.safetensors" not in asked[1]
    assert "model.safetensors" in asked[2]
    assert (done["base"]["origin"], done["base"]["hub_id"]) == ("hub", "some/one")


# --- kinds

LONGEST = {
    "roberta, with a head": 38, "xlm-roberta": 38, "distilbert": 40, "electra": 40, "deberta": 40, "deberta-v2": 40,
    "modernbert": 40,
}  # fmt: skip
"""Tokens that each reads of 40 positions: the first two of some stand for padding."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", LONGEST)
@pytest.mark.usefixtures("tried_here")
def test_every_kind_of_encoder_is_taken_and_read_as_its_makers_do(settings: Settings, folder: Path, kind: str) -> None:
    """What becomes of each as a graph is the business of the tests of the export."""
    taken(settings, folder, kind)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", LONGEST)
def test_every_kind_of_encoder_goes_from_a_folder_to_a_graph(
    settings: Settings, folder: Path, tmp_path: Path, kind: str
) -> None:
    encoder, renderer = taken(settings, folder, kind)
    rendered = renderer.utterances(SENTENCES)
    vectors = embed(encoder, renderer, rendered)
    export_encoder(encoder, tmp_path / "encoder.onnx")
    session = ort.InferenceSession(str(tmp_path / "encoder.onnx"), providers=["CPUExecutionProvider"])
    ids, mask = renderer.pad(rendered)
    found = session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})[0]
    np.testing.assert_allclose(found, vectors, atol=1e-5)


def taken(settings: Settings, folder: Path, kind: str) -> tuple[PooledEncoder, Renderer]:
    """The kept base as it is trained, with the weights it came with."""
    words = len(json.loads((folder / TOKENIZER).read_text("utf-8"))["model"]["vocab"])
    theirs = random_model(kind, words, 40, seed=3)
    theirs.save_pretrained(folder)
    bring(settings, folder)
    local = base_for(settings, "mine")
    assert local.base.max_length == LONGEST[kind]
    encoder, renderer = local.encoder(), local.renderer()
    kept = dict(encoder.transformer.named_parameters())  # type: ignore[union-attr]
    prefix = f"{theirs.base_model_prefix}."
    own = {name.removeprefix(prefix): value for name, value in theirs.named_parameters()}
    assert all(torch.equal(value, own[name]) for name, value in kept.items())
    assert np.isfinite(embed(encoder, renderer, renderer.utterances(SENTENCES))).all()
    return encoder, renderer


def test_the_shelf_reads_nothing_it_does_not_know(settings: Settings) -> None:
    (settings.home / "bases").mkdir(parents=True)
    (settings.home / "bases" / "not a name.json").write_text("{}", "utf-8")
    assert [one["name"] for one in shelf.listing(settings)] == [DEFAULT, CHAT]
