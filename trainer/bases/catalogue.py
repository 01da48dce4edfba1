"""Where base models are found, and the only door through which weights come in.

Loading is a trust boundary: safetensors only, never remote code, nothing from the network unless settings allow it and
a hub model was named. A base of the catalogue is accepted only with the digests in `known`, an imported one only with
those of its import.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.chat_files import CONFIG, GENERATION, TEMPLATE, TOKENIZER, TOKENIZER_CONFIG
from data.errors import BaseRefused
from data.render import Renderer
from data.settings import Settings
from export.sealed import file_hash
from trainer.bases import kept as kept_bases
from trainer.bases.known import CATALOGUE, Base, Use

if TYPE_CHECKING:
    from export.onnx import PooledEncoder

UNLISTED_LENGTH = 128
"""Tokens a base outside the catalogue reads at most, unless its configuration says less."""
MOST_SHOWN = 100
"""Characters of a name that an error repeats."""
_OTHERWISE: Mapping[Use, str] = {
    "write": "is a chat model: it writes replies, and reads no intents",
    "rewrite": "is a sequence-to-sequence model: it rewrites texts, and reads no intents",
}
_NAMED_BY = "Name an encoder as the base; chat models are named by --chat-base."
LATE_STARTERS = ("roberta", "camembert", "mpnet")
"""Kinds whose first positions belong to padding: they read two tokens less than they have positions."""


@dataclass(frozen=True, slots=True)
class LocalBase:
    """A base whose files stand in `folder`, their digests checked where the catalogue knows them."""

    base: Base
    folder: Path

    @property
    def name(self) -> str:
        return self.base.name

    def renderer(self, max_length: int | None = None) -> Renderer:
        longest = self.base.max_length if max_length is None else min(max_length, self.base.max_length)
        return Renderer.from_file(self.folder / TOKENIZER, longest)

    def encoder(self) -> PooledEncoder:
        """Fresh base weights behind mean pooling, in evaluation mode. Raises BaseRefused when they cannot be loaded, or
        are those of a model that writes."""
        if self.base.use != "read":
            raise BaseRefused(f"{self.name!r} {_OTHERWISE[self.base.use]}.", remedy=_NAMED_BY, base=self.name)
        from transformers import AutoModel

        from export.onnx import PooledEncoder

        model = self.loaded(AutoModel, spared="pooler.")
        if getattr(model, "pooler", None) is not None:
            model.pooler = None  # mean pooling does not use it: no reason to train, keep or export it
        return PooledEncoder(model).eval()

    def loaded(self, door: Any, spared: str = "") -> Any:
        """The base's weights as `door`, one of transformers' Auto classes, makes a model of them, in float32.

        Raises BaseRefused when they cannot be loaded, or any are missing but those whose names begin with `spared`.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _hush()
            try:
                model, found = door.from_pretrained(
                    self.folder,
                    local_files_only=True,
                    use_safetensors=True,
                    trust_remote_code=False,
                    output_loading_info=True,
                )
            except MemoryError:
                raise
            except Exception as error:  # every library below has errors of its own, and they hold paths
                raise BaseRefused(
                    f"The weights of the base {self.name!r} cannot be loaded ({type(error).__name__}).",
                    remedy="Save the model again with save_pretrained; models with code of their own are not taken.",
                    base=self.name,
                ) from None
        missing = [name for name in sorted(found["missing_keys"]) if not (spared and name.startswith(spared))]
        if missing:  # the library makes up what it does not find
            raise BaseRefused(
                f"The weights of the base {self.name!r} are not those of its config.json: {len(missing)} are missing.",
                remedy="Save the model again with save_pretrained.",
                base=self.name,
            )
        return model.float()

    def configuration(self) -> dict[str, Any]:
        """What its config.json says. Raises BaseRefused when that cannot be read."""
        return _configuration(self.folder / CONFIG)


def base_for(settings: Settings, name: str) -> LocalBase:
    """The base called `name`, as these settings allow it to be found."""
    return find_base(name, online=settings.train.online, home=settings.home)


def find_base(name: str, *, online: bool = False, home: Path | None = None) -> LocalBase:
    """The base called `name`: one of the catalogue, one imported into `home`, a local folder, or (only when `online`) a
    hub id.

    Raises BaseRefused when it is not here, not safetensors, or not the bytes that are known of it.
    """
    if name in CATALOGUE:
        base = CATALOGUE[name]
        return _proven(LocalBase(base, _packaged(base, online)))
    kept = None if home is None else kept_bases.find(home, name)
    if kept is not None and home is not None:
        return _imported(kept, kept_bases.folder_of(home, kept))
    folder = Path(name)
    local = _is_folder(folder)
    if not local:
        if not online:
            raise BaseRefused(
                f"{name[:MOST_SHOWN]!r} is neither a local folder nor in the catalogue ({', '.join(CATALOGUE)}).",
                remedy="Name one of those, or allow the hub with ATTUNE_TRAIN__ONLINE=true.",
            )
        folder = _fetched(name)
    for wanted in (CONFIG, "model.safetensors", TOKENIZER):
        if not (folder / wanted).is_file():
            raise BaseRefused(
                f"A base folder holds config.json, model.safetensors and tokenizer.json; {wanted} is missing.",
                remedy="Save the model with save_pretrained and its fast tokenizer beside it.",
            )
    shown = folder.name if local else name  # where a folder lies on this machine is nobody's business
    return LocalBase(Base(shown, "unknown", (), _longest(folder / CONFIG), shown), folder)


def _imported(kept: kept_bases.Kept, folder: Path) -> LocalBase:
    base = Base(
        kept.name, kept.licence, kept.languages, UNLISTED_LENGTH, kept.source,
        digests=dict(kept.digests), parameters=kept.parameters, limits=kept.limits, use=kept.use,
    )  # fmt: skip
    proven = _proven(LocalBase(base, folder))
    return replace(proven, base=replace(base, max_length=_longest(folder / CONFIG, kept.use)))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # no disk has names as long as people can type
        return False


def _longest(config: Path, use: Use = "read") -> int:
    """Tokens a base outside the catalogue may read; a chat model writes into the same room.

    Raises BaseRefused when its configuration cannot be read.
    """
    body = _configuration(config)
    said = body.get("max_position_embeddings", body.get("n_positions"))
    if not isinstance(said, int) or said <= 0:  # a base that counts positions another way, or none
        return UNLISTED_LENGTH
    if use != "read":
        return said
    late = any(kind in str(body.get("model_type")) for kind in LATE_STARTERS)
    return min(said - 2 if late else said, UNLISTED_LENGTH)


def _configuration(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BaseRefused(
            f"The config.json of the base cannot be read ({type(error).__name__}).",
            remedy="Save the model again with save_pretrained.",
        ) from None
    return body if isinstance(body, dict) else {}


def _packaged(base: Base, online: bool) -> Path:
    if not base.package:
        return Path(__file__).parent / base.inside
    try:
        folder = Path(str(distribution(base.package).locate_file(base.inside)))
    except PackageNotFoundError:
        if online:
            return _fetched(base.hub_id)
        raise BaseRefused(
            f"The base {base.name!r} comes with the package {base.package}, which is not installed.",
            remedy="Install attune with its train extra.",
        ) from None
    return folder


def _fetched(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download

    kept = [CONFIG, TOKENIZER, "model.safetensors", TOKENIZER_CONFIG, TEMPLATE, GENERATION]
    try:
        return Path(snapshot_download(hub_id, allow_patterns=kept))
    except Exception as error:  # the client raises what its transport raises
        raise _not_given(hub_id, error) from None


def download(hub_id: str, into: Path, names: Sequence[str]) -> Path:
    """Fetch the files of these names, those that are there, into the folder `into`. Raises BaseRefused."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(hub_id, allow_patterns=list(names), local_dir=into))
    except Exception as error:
        raise _not_given(hub_id, error) from None


def _not_given(hub_id: str, error: Exception) -> BaseRefused:
    return BaseRefused(
        f"The hub did not give {hub_id[:MOST_SHOWN]!r} ({type(error).__name__}).",
        remedy="Check the name and the network, or give a local folder.",
    )


def _proven(local: LocalBase) -> LocalBase:
    for name, expected in local.base.digests.items():
        path = local.folder / name
        if not path.is_file() or _digest(path, path.stat().st_mtime_ns) != expected:
            raise BaseRefused(
                f"{name} of the base {local.name!r} is not the file that is known of it.",
                remedy="Install its package, or import it, again; or use another base.",
                base=local.name,
            )
    return local


@lru_cache(maxsize=16)
def _digest(path: Path, _modified: int) -> str:
    return file_hash(path)


def _hush() -> None:
    """Keep transformers' loading bars and notices out of our progress output."""
    import transformers

    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.getLogger("transformers").setLevel(logging.ERROR)
