"""`python -m trainer.bases.foreign.proving FOLDER LIMITS`, in the jail: pickled weights become safetensors, and what
the weights are is compared with what the configuration says, before anything of that size is built. Then it is tried.
"""

from __future__ import annotations

import math
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from data.chat_files import CONFIG
from data.errors import AttuneError, BaseRefused
from trainer.bases.catalogue import LocalBase, find_base
from trainer.bases.foreign.config import KINDS
from trainer.bases.foreign.files import PICKLED, WEIGHTS
from trainer.bases.foreign.jail import lock_in, tell
from trainer.bases.known import Use

LOADED = (
    "torch", "safetensors.torch", "transformers", "trainer.core.embedding", "trainer.bases.chat_base",
    "trainer.bases.seq2seq_base",
)  # fmt: skip
DOORS: Mapping[Use, str] = {"read": "AutoModel", "write": "AutoModelForCausalLM", "rewrite": "AutoModelForSeq2SeqLM"}
"""What of transformers makes a model of each use."""
NUMBERS = {"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"}
MOST_TENSORS = 10_000
MOST_HEADER = 16 << 20
TEXTS = ("Where is my order?", "I would like to return a jacket that does not fit.")
_REMEDY = "Save the model again with save_pretrained, from a copy that works."


def main(arguments: list[str]) -> int:
    folder, limits = Path(arguments[0]), arguments[1]
    lock_in(limits, LOADED)
    tell(proven(folder))
    return 0


def proven(folder: Path) -> dict[str, Any]:
    """What the model in `folder` is, or `refused` with its `remedy`."""
    try:
        return _proof(folder)
    except AttuneError as error:
        return {"refused": error.message, "remedy": error.remedy}
    except MemoryError:
        return {"refused": "The model needs more memory than a model of its size.", "remedy": _REMEDY}
    except Exception as error:  # whatever the libraries make of a file that is none
        return {"refused": f"The model cannot be read ({type(error).__name__}).", "remedy": _REMEDY}


def _proof(folder: Path) -> dict[str, Any]:
    converted = (folder / PICKLED).exists()
    if converted:
        _convert(folder / PICKLED, folder / WEIGHTS)
        (folder / PICKLED).unlink()
    shapes = _shapes(folder / WEIGHTS)
    local = find_base(str(folder))
    use = KINDS[str(local.configuration().get("model_type"))]
    _compare(folder, shapes, use)
    return {"converted": converted, **TRIED[use](local)}


def _convert(pickled: Path, weights: Path) -> None:
    """Only the form that torch has written since 1.6, a plain zip: the older one is read by other code, which has been
    got round."""
    import torch
    from safetensors.torch import save_file

    refused = BaseRefused(f"{PICKLED} holds something else than weights.", remedy=_REMEDY)
    try:
        with zipfile.ZipFile(pickled) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError):
        raise refused from None
    if len(members) > MOST_TENSORS or any(one.compress_type != zipfile.ZIP_STORED for one in members):
        raise refused
    try:
        found = torch.load(pickled, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception:
        raise refused from None
    if not isinstance(found, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) and value.layout == torch.strided
        for name, value in found.items()
    ):
        raise refused
    whole = {name: value.detach().clone().contiguous() for name, value in found.items()}
    save_file(whole, weights, metadata={"format": "pt"})


def _shapes(weights: Path) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor, each a plain array of finite numbers. Raises BaseRefused."""
    import torch
    from safetensors import safe_open

    with weights.open("rb") as file:
        header = int.from_bytes(file.read(8), "little")
    if not 2 <= header <= MOST_HEADER:
        raise BaseRefused(f"{WEIGHTS} is no file of safetensors.", remedy=_REMEDY)
    shapes: dict[str, tuple[int, ...]] = {}
    with safe_open(weights, framework="pt") as tensors:
        names = list(tensors.keys())
        if len(names) > MOST_TENSORS:
            raise BaseRefused(f"{WEIGHTS} holds more tensors than any encoder.", remedy=_REMEDY)
        for name in names:
            if tensors.get_slice(name).get_dtype() not in NUMBERS:
                raise BaseRefused(f"{WEIGHTS} holds numbers of a kind that is not trained on.", remedy=_REMEDY)
            tensor = tensors.get_tensor(name)
            if not torch.isfinite(tensor.float()).all():
                raise BaseRefused(f"{WEIGHTS} holds what is no number (NaN or infinity).", remedy=_REMEDY)
            shapes[name] = tuple(tensor.shape)
    return shapes


def _compare(folder: Path, shapes: dict[str, tuple[int, ...]], use: Use) -> None:
    """Build the model that the configuration speaks of without any memory, and compare it with the tensors."""
    import torch
    import transformers

    with torch.device("meta"):
        configuration = transformers.AutoConfig.from_pretrained(folder)
        model = getattr(transformers, DOORS[use]).from_config(configuration)
    prefix = f"{model.base_model_prefix}."
    found = {name: tuple(value.shape) for name, value in model.named_parameters() if not name.startswith("pooler.")}
    own, there = ({name.removeprefix(prefix): shape for name, shape in one.items()} for one in (found, shapes))
    wrong = sorted(name for name, shape in own.items() if name in there and there[name] != shape)
    if wrong or sum(map(math.prod, own.values())) > sum(map(math.prod, shapes.values())):
        told = f"; {wrong[0]} is of another shape" if wrong else ""
        raise BaseRefused(f"{CONFIG} speaks of another model than {WEIGHTS} holds{told}.", remedy=_REMEDY)


def _read(local: LocalBase) -> dict[str, Any]:
    """What an encoder makes of two sentences, loaded as training loads it."""
    import numpy as np

    from trainer.core.embedding import embed_texts

    encoder, renderer = local.encoder(), local.renderer()
    vectors = embed_texts(encoder, renderer, TEXTS)
    if not np.isfinite(vectors).all() or not np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3):
        raise BaseRefused("What the model makes of a sentence is no vector.", remedy=_REMEDY)
    return _told(encoder, int(vectors.shape[1]))


def _written(local: LocalBase) -> dict[str, Any]:
    """What a chat model expects of a reply to a message, by its own template."""
    import torch

    from trainer.bases.chat_base import ChatBase

    base = ChatBase(local)
    renderer, model = base.renderer(), base.model()
    renderer.template.rehearse()
    ids = torch.tensor([renderer.exchange([("user", TEXTS[0])], TEXTS[1]).ids])
    with torch.inference_mode():
        logits = model(input_ids=ids).logits
    _finite(logits)
    return _told(model, int(model.config.hidden_size))


def _rewritten(local: LocalBase) -> dict[str, Any]:
    """What a sequence-to-sequence model expects of a text that another becomes."""
    import torch

    from trainer.bases.seq2seq_base import Seq2SeqBase
    from trainer.recipes import Seq2SeqRecipe

    base = Seq2SeqBase.of(local)
    renderer, model = base.renderer(Seq2SeqRecipe(name="import", task="summarise")), base.model()
    source = torch.tensor([renderer.source(((None, TEXTS[0]),)).ids])
    with torch.inference_mode():
        logits = model(input_ids=source, decoder_input_ids=torch.tensor([[base.start_id]])).logits
    _finite(logits)
    return _told(model, int(model.config.d_model))


def _finite(logits: Any) -> None:
    if not logits.isfinite().all():
        raise BaseRefused("What the model makes of a sentence is no number.", remedy=_REMEDY)


def _told(model: Any, hidden: int) -> dict[str, Any]:
    return {"parameters": sum(parameter.numel() for parameter in model.parameters()), "hidden": hidden}


TRIED: Mapping[Use, Callable[[LocalBase], dict[str, Any]]] = {
    "read": _read, "write": _written, "rewrite": _rewritten,
}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
