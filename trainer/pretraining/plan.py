"""What a chat base is made of and by: sizes, corpora with their terms, the recipe. One TOML file says it all."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from data.errors import RecipeError
from trainer.generation.recipe import GenerateRecipe


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Sizes(_Frozen):
    """A decoder in the shape of Llama (Touvron et al. 2023) with tied embeddings."""

    vocabulary: int = Field(8192, ge=300, le=65_536, description="Pieces of the tokenizer, its 256 bytes included.")
    hidden: int = Field(320, ge=16, le=4096)
    layers: int = Field(6, ge=1, le=64)
    heads: int = Field(5, ge=1, le=64)
    feed_forward: int = Field(864, ge=16, le=16_384)
    context: int = Field(512, ge=64, le=8192, description="Tokens that are read and written together.")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.hidden % (2 * self.heads):
            raise ValueError("hidden is a multiple of twice the heads: each turns pairs of numbers")
        return self


class Source(_Frozen):
    """One corpus. `files` are relative to the folder of corpora; `tokenised` texts have spaces around their marks."""

    name: str
    files: tuple[str, ...] = Field(min_length=1)
    kind: Literal["dialogues", "utterances"] = "dialogues"
    tokenised: bool = False
    licence: str
    attribution: str

    @field_validator("files")
    @classmethod
    def _inside(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        if any(Path(file).is_absolute() or ".." in Path(file).parts for file in files):
            raise ValueError("files lie inside the folder of corpora")
        return files


class Plan(_Frozen):
    """A chat base to be. `held` is the share of conversations that is measured on, never learned from."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")
    languages: tuple[str, ...] = ("en",)
    licence: str = "apache-2.0"
    held: float = Field(0.02, gt=0, lt=0.5)
    sizes: Sizes = Sizes()
    recipe: GenerateRecipe
    sources: tuple[Source, ...] = Field(min_length=1)


def load_plan(path: Path) -> Plan:
    """The plan in a TOML file. Raises RecipeError with every problem at once."""
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
        made = {"task": "generate", "method": "full", "learns": "all", "base": "", "name": body.get("name", "")}
        return Plan.model_validate({**body, "recipe": {**made, **body.get("recipe", {})}})
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc'])) or 'plan'}: {e['msg']}" for e in error.errors(include_input=False)]
        raise RecipeError(f"The plan does not hold: {'; '.join(problems)}.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
        raise RecipeError(
            f"The plan {path.name!r} cannot be read: {type(error).__name__}.", remedy="Give a TOML file in UTF-8."
        ) from None
