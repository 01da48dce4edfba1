"""The only reader of the environment. Frozen Settings from a TOML file < the environment < the command line.

`ATTUNE_HOME` names the home folder; every other setting is `ATTUNE_SECTION__NAME` or `[section] name = ...` in
`<home>/attune.toml`. A name that does not exist is an error, so that a typo cannot pass as a default.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from data.errors import SettingsError

PREFIX = "ATTUNE_"
FILE_NAME = "attune.toml"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoreSettings(_Section):
    """Where rows are kept."""

    url: SecretStr | None = Field(None, description="SQLAlchemy URL; SQLite in the home folder when absent.")
    busy_seconds: float = Field(5.0, gt=0, le=600, description="How long a write waits for a locked database.")


class ImportSettings(_Section):
    """Limits of one upload, and the patterns that are this brand's own."""

    max_bytes: int = Field(2_000_000_000, gt=0, description="Largest upload, in bytes, after unpacking.")
    max_ratio: int = Field(200, gt=1, description="Largest unpacked : packed ratio of a compressed upload.")
    max_columns: int = Field(256, gt=0, description="Most columns of a table.")
    max_cell_chars: int = Field(64_000, gt=0, description="Longest cell or message, in characters.")
    max_line_bytes: int = Field(16_000_000, gt=0, description="Longest line of a JSONL file, in bytes.")
    max_turns: int = Field(2_000, gt=0, description="Most messages of one conversation.")
    phone_region: str = Field("GB", min_length=2, max_length=2, description="Region of phone numbers without +.")
    order_number: str = Field(
        r"(?<![\w-])(?:#\s?\d{4,10}|[A-Z]{1,4}-\d{4,10}|[A-Z]{2,4}\d{4,10}|(?-i:[A-Z]{2,4})\s\d{4,10}"
        r"|(?:(?<=order )|(?<=order no )|(?<=order no\. )|(?<=order number ))\d{4,20})(?![\w-])",
        description="Pattern of the brand's order numbers, matched without regard to case.",
    )


class JobSettings(_Section):
    """Background work."""

    lease_seconds: float = Field(30.0, gt=0, description="A job whose worker is silent this long is given to another.")
    heartbeat_seconds: float = Field(5.0, gt=0, description="How often a worker renews its lease.")
    max_attempts: int = Field(3, ge=1, description="Attempts before a job is failed for good.")
    poll_seconds: float = Field(1.0, gt=0, description="How often an idle worker looks for work.")


class TrainSettings(_Section):
    """How training uses this machine. What it learns is the recipe's business, not a setting."""

    threads: int = Field(0, ge=0, description="CPU threads; 0 takes all cores.")
    accelerator: str = Field("auto", description="Lightning accelerator: auto, cpu or gpu.")
    checkpoint_seconds: float = Field(60.0, gt=0, description="At most this much work is redone after a crash.")
    online: bool = Field(False, description="Allow base models to be fetched from the hub.")


class ServeSettings(_Section):
    """How answers are computed."""

    threads: int = Field(1, ge=1, description="CPU threads of one inference.")


class Settings(BaseModel):
    """Everything that can be configured, resolved once at start."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Field(Path("attune-home"), description="The folder that holds database, files and releases.")
    store: StoreSettings = StoreSettings()
    imports: ImportSettings = ImportSettings()
    jobs: JobSettings = JobSettings()
    train: TrainSettings = TrainSettings()
    serve: ServeSettings = ServeSettings()

    @property
    def store_url(self) -> str:
        """The database to open: the configured one, or SQLite in the home folder."""
        if self.store.url is not None:
            return self.store.url.get_secret_value()
        return f"sqlite:///{quote(str(self.home / 'attune.db'))}"


def load_settings(
    home: Path | str | None = None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Resolve the settings: defaults < `<home>/attune.toml` < environment < `home` and `overrides` (dotted names).

    Raises SettingsError naming every setting that is unknown or out of range; never prints its value.
    """
    environment = os.environ if environ is None else environ
    from_environment = _from_environment(environment)
    chosen = _home(home or from_environment.get("home") or Settings.model_fields["home"].default)
    body: dict[str, Any] = _from_file(chosen / FILE_NAME)
    _merge(body, from_environment)
    for name, value in (overrides or {}).items():
        _merge(body, _nested(name.split("."), value))
    if isinstance(body.get("home"), Mapping):
        raise SettingsError("home is no section: it names one folder.", remedy="Set ATTUNE_HOME, without __.")
    body["home"] = chosen
    try:
        return Settings.model_validate(body)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        raise SettingsError(
            f"These settings do not hold: {problems}.", remedy="docs/settings.md lists every setting and its range."
        ) from None


def _home(named: object) -> Path:
    """The home folder, absolute; it may not exist yet. Raises SettingsError for what can be no folder."""
    refused = SettingsError("home does not name a folder.", remedy="Set ATTUNE_HOME, or --home, to a folder's path.")
    if not isinstance(named, (str, Path)):
        raise refused
    try:
        home = Path(named).expanduser().absolute()
        str(home).encode("utf-8")  # it becomes part of the database's URL
        if stat.S_ISDIR(home.stat().st_mode):
            return home
    except FileNotFoundError:
        return home
    except (OSError, ValueError, RuntimeError):  # another's unknown home, a null byte, a name too long for any disk
        raise refused from None
    raise refused


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, value in environ.items():
        if name.startswith(PREFIX):
            _merge(body, _nested(name.removeprefix(PREFIX).lower().split("__"), value))
    return body


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"The settings file {FILE_NAME} cannot be read: {type(error).__name__}.",
            remedy="Mend it, or move it out of the home folder.",
        ) from None


def _nested(names: list[str], value: Any) -> dict[str, Any]:
    for name in reversed(names):
        value = {name: value}
    return dict(value)


def _merge(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    for name, value in other.items():
        if isinstance(value, Mapping) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = dict(value) if isinstance(value, Mapping) else value
