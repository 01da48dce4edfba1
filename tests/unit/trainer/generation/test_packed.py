"""What is exported of a tuned generator: adapters apart from the base they were tuned on, else one model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from export.decoders import open_decoder
from export.sampling import Sampling
from export.writer import Brief
from tests.tiny_chat import SAID, lay_chat
from trainer.bases.catalogue import find_base
from trainer.bases.chat_base import ChatBase
from trainer.core.run_folder import RunFolder
from trainer.generation.lines import Ask
from trainer.generation.packed import ROOM, PackedGenerator, compared, pack_tuned
from trainer.generation.recipe import GenerateRecipe
from trainer.generation.train_generator import TrainedGenerator, train_generator

LESSONS = [Ask((("user", f"{asked} It is about {at}."),), said) for at in range(6) for asked, said in SAID]
BODY = {"name": "t", "max_length": 128, "epochs": 3, "batch_tokens": 512, "precision": "32-true"}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ChatBase:
    return ChatBase(find_base(str(lay_chat(tmp_path_factory.mktemp("chat")))))


@pytest.fixture
def tuned(base: ChatBase, make_run: Callable[..., RunFolder]) -> Callable[..., TrainedGenerator]:
    def made(**given: object) -> TrainedGenerator:
        recipe = GenerateRecipe.model_validate({**BODY, "learning_rate": 1e-2, **given})
        return train_generator(recipe, base, LESSONS, (), make_run("run"))

    return made


def test_adapters_lie_beside_their_base_and_write_what_was_trained(
    tuned: Callable[..., TrainedGenerator], tmp_path: Path
) -> None:
    trained = tuned(method="lora", lora_rank=4, learning_rate=3e-2)
    packed = pack_tuned(trained, tmp_path / "work")
    assert set(packed.adapters) == set(packed.folders) == {"fp32", "int8"}
    shape = open_decoder(packed.folders["int8"], verify=False).card.lora
    assert shape is not None
    assert shape.rank == ROOM
    found = compared(trained.model, packed, LESSONS[:4], lambda: None)
    assert found["fp32"].equal == 1.0
    assert found["fp32"].drift == pytest.approx(0, abs=1e-4)
    brief = Brief(LESSONS[0].before, sampling=Sampling(max_tokens=12))
    laid, plain = packed.opened("fp32"), PackedGenerator(packed.folders).opened("fp32")
    ids = laid.renderer.exchange(LESSONS[0].before, LESSONS[0].reply, ()).ids
    assert laid.log_likelihood(ids, 8) > plain.log_likelihood(ids, 8) + 1
    assert laid.write(brief) == laid.write(brief)
    assert packed.size_bytes("int8") > PackedGenerator(packed.folders).size_bytes("int8")


def test_what_is_published_stands_by_its_digests_once(tuned: Callable[..., TrainedGenerator], tmp_path: Path) -> None:
    packed = pack_tuned(tuned(method="lora", lora_rank=2), tmp_path / "work", ("fp32",))
    digest, adapter = packed.digest("fp32"), packed.adapter("fp32")
    packed.publish("fp32", tmp_path / "home")
    assert [path.name for path in (tmp_path / "home" / "decoders").iterdir()] == [digest]
    assert [path.name for path in (tmp_path / "home" / "adapters").iterdir()] == [adapter]


def test_where_all_layers_learned_there_is_one_model(tuned: Callable[..., TrainedGenerator], tmp_path: Path) -> None:
    packed = pack_tuned(tuned(method="full", epochs=1), tmp_path / "work", ("fp32",))
    assert packed.adapter("fp32") is None
    assert packed.adapters == {}
    packed.publish("fp32", tmp_path / "home")
    assert not (tmp_path / "home" / "adapters").exists()
