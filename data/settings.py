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
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from data.errors import SettingsError

PREFIX = "ATTUNE_"
FILE_NAME = "attune.toml"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _names(value: object) -> object:
    """Environment variables hold lists as comma-separated text."""
    return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


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
    max_members: int = Field(10_000, gt=0, description="Most files of a zip archive.")
    max_member_bytes: int = Field(1_000_000_000, gt=0, description="Largest file of a zip archive, unpacked, in bytes.")
    max_document_bytes: int = Field(
        32_000_000, gt=0, description="Largest file that is read as a whole (YAML, bot definitions), in bytes."
    )
    silence_hours: float = Field(
        12.0, gt=0, description="A chat without threads is cut into conversations where nobody speaks this long."
    )
    phone_region: str = Field("GB", min_length=2, max_length=2, description="Region of phone numbers without +.")
    order_number: str = Field(
        r"(?<![\w&#-])(?:#\s?\d{4,10}|[A-Z]{2,3}-\d{5,10}|(?-i:[A-Z]{2,4})\d{5,10})(?![\w-])",
        description="Pattern of the brand's order numbers that stand without a word such as 'order', matched without"
        " regard to case.",
    )
    keep_kinds: Names = Field(
        (), description="Kinds of personal data that are left as they are, comma-separated, such as person,address."
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
    exact_replies: int = Field(
        20_000,
        ge=0,
        description="Replies of a bot up to which a message is compared with all; with more, those nearby, where the"
        " extra `index` is installed.",
    )
    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 lets the system choose.")
    writers: int = Field(2, ge=1, le=64, description="Replies that are written at the same time.")
    writers_waiting: int = Field(8, ge=0, le=1000, description="Visitors who may wait for that; more come again.")
    writer_seconds: float = Field(5.0, gt=0, le=60, description="How long each of them waits at most.")
    web_threads: int = Field(32, ge=2, le=512, description="Requests and streams answered at the same time.")
    most_streams: int = Field(20, ge=1, le=500, description="Streams open at the same time; less than web_threads.")
    drain_seconds: int = Field(30, ge=1, le=600, description="How long open requests may take when stopping.")
    metrics_host: str = Field("127.0.0.1", min_length=1, description="Address that /metrics is served on.")
    metrics_port: int = Field(9464, ge=0, le=65535, description="Port of /metrics; 0 serves none.")
    hosts: Names = Field((), description="Host names to answer for, comma-separated; none: whatever is asked.")
    proxies: int = Field(0, ge=0, le=5, description="Reverse proxies in front whose X-Forwarded headers are believed.")
    watch_seconds: float = Field(1.0, gt=0, description="How often the live pointers are compared with what answers.")
    memory_bytes: int = Field(1 << 30, gt=0, description="What loaded bots may take; the least recently used leave.")
    secret: SecretStr | None = Field(
        None, min_length=32, description="Signs visitors' tokens; a file in the home folder when absent."
    )
    session_idle_minutes: float = Field(30.0, gt=0, description="A visitor's session ends after this much silence.")
    session_hours: float = Field(24.0, gt=0, description="A visitor's session ends after this, in any case.")
    public_key: str | None = Field(None, description="Public bot key that the chat page at / uses; no page without.")


class LimitSettings(_Section):
    """What one caller may ask of the server. A rate of 0 does not limit; a burst is what may come at once."""

    json_bytes: int = Field(1_000_000, gt=0, description="Largest JSON body.")
    upload_bytes: int = Field(100_000_000, gt=0, description="Largest upload over HTTP, as sent.")
    stored_bytes: int = Field(5_000_000_000, gt=0, description="Uploads that a workspace may keep, together.")
    uploads: int = Field(4, ge=1, description="Uploads received at the same time.")
    queue: int = Field(100, ge=1, description="Jobs that may wait in a workspace.")
    message_chars: int = Field(4_000, gt=0, description="Longest message of a visitor.")
    key_per_second: float = Field(200.0, ge=0, description="Requests a second of one key.")
    key_burst: int = Field(2_000, ge=1, description="Requests of one key at once.")
    visitor_per_second: float = Field(20.0, ge=0, description="Requests a second of one session.")
    visitor_burst: int = Field(200, ge=1, description="Requests of one session at once.")
    network_per_second: float = Field(500.0, ge=0, description="Requests a second of one network.")
    network_burst: int = Field(5_000, ge=1, description="Requests of one network at once.")
    total_per_second: float = Field(0.0, ge=0, description="Requests a second of everybody together.")
    total_burst: int = Field(10_000, ge=1, description="Requests of everybody at once.")


class FeedbackSettings(_Section):
    """How much one source of feedback may teach: those who would train somebody else's bot come with many voices."""

    source_rows: int = Field(20, ge=0, description="Rows of a dataset that one source may give, however small it is.")
    source_share: float = Field(0.01, ge=0, le=1, description="Part of the training rows that one source may give.")
    flood_per_hour: int = Field(60, ge=1, description="A source that gives more in any hour is not used at all.")


class ErasureSettings(_Section):
    """What follows where somebody is forgotten. Releases that were trained on them are marked in any case."""

    policy: Literal["flag", "block_promotion", "auto_retrain"] = Field(
        "flag",
        description="flag: no more than the mark; block_promotion: such releases need a reason to go live; "
        "auto_retrain: a training on what is left is asked for.",
    )


class Settings(BaseModel):
    """Everything that can be configured, resolved once at start."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Field(Path("attune-home"), description="The folder that holds database, files and releases.")
    workspace: str = Field("default", min_length=1, max_length=64, description="The workspace of the command line.")
    store: StoreSettings = StoreSettings()
    imports: ImportSettings = ImportSettings()
    jobs: JobSettings = JobSettings()
    train: TrainSettings = TrainSettings()
    serve: ServeSettings = ServeSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    limits: LimitSettings = LimitSettings()
    erasure: ErasureSettings = ErasureSettings()

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
