"""What the importers speak of: what was found out about a file, how it is to be read, and why a row is not used."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from data.errors import UsageError
from data.importers.encoding import Encoding
from data.importers.hints import ProfileHint, SpeakersFound
from data.schema import ROLES, Conversation, SetAside

LINE_FORMATS = ("csv", "tsv", "jsonl")
"""Read line by line; what is of no other kind is one of these."""
FORMATS: tuple[str, ...] = (
    *LINE_FORMATS,
    "slack", "whatsapp", "signal", "telegram", "telegram_html", "messenger", "instagram", "transcript",
    "dialogflow", "dialogflow_cx", "luis", "wit", "bot_transcript", "chatdown", "lu", "qna_maker",
    "conversation_learner", "lex", "lex_logs", "contact_lens",
    "rasa", "rasa_tracker", "chatterbot",
    "intercom", "zendesk", "freshdesk", "zendesk_chat", "livechat", "crisp", "front", "hubspot", "helpscout",
    "chatwoot", "abcd", "taskmaster", "schema_guided", "star", "tau_bench",
    "chatgpt", "open_webui", "openai_chat", "completions", "sharegpt", "alpaca", "preference",
    "json", "xlsx", "parquet",
)  # fmt: skip
"""Every kind of file, as `--format` and reports name it: one entry per Kind in `data.importers.kinds`."""

NAME_IT = "name its format (--format; HTTP: format; docs/formats.md lists them, such as whatsapp, zendesk or rasa)"
"""What helps where a file is of no kind by its content."""

FIELDS = (
    "text", "role", "conversation", "reply", "intent", "sentiment", "ts", "rating", "message_rating", "customer",
    "language", "tags",
)  # fmt: skip
"""The fields a column of a table can hold."""
OTHER_NAMES = {"label": "intent", "time": "ts", "tag": "tags"}
"""What people call some of them in a field map."""
ROLE_OF = "role."
"""Before a value of the role column, in a field map: `role.Kunde` goes to the role that it stands for."""


FAIL_ON = ("error", "warning", "info", "never")
"""From which finding on an import is refused: each level means itself and what is worse."""
MAX_BRAND = 100
MAX_BRAND_CHARS = 200


class Reason(StrEnum):
    """Why a source row is not used: a closed list, explained in docs/formats.md with an example and a remedy each."""

    MALFORMED_JSON = "malformed_json"
    MALFORMED_YAML = "malformed_yaml"
    NOT_AN_OBJECT = "not_an_object"
    DUPLICATE_KEYS = "duplicate_keys"
    NUMBER_OUT_OF_RANGE = "number_out_of_range"
    LONE_SURROGATE = "lone_surrogate"
    TOO_DEEP = "too_deep"
    UNDECODABLE = "undecodable"
    LINE_TOO_LONG = "line_too_long"
    UNKNOWN_SHAPE = "unknown_shape"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    UNKNOWN_ROLE = "unknown_role"
    LABEL_INVALID = "label_invalid"
    SEVERAL_LABELS = "several_labels"
    EMPTY_MESSAGE = "empty_message"
    EMPTY_CONVERSATION = "empty_conversation"
    TOO_LONG = "too_long"
    TOO_MANY_TURNS = "too_many_turns"
    RAGGED_ROW = "ragged_row"
    MALFORMED_ROW = "malformed_row"
    UNCLOSED_QUOTE = "unclosed_quote"
    UNREADABLE_FILE = "unreadable_file"
    DOCUMENT_TOO_LARGE = "document_too_large"
    SYSTEM_NOTICE = "system_notice"
    DELETED_MESSAGE = "deleted_message"
    EARLIER_VERSION = "earlier_version"
    ATTACHMENT_ONLY = "attachment_only"
    PRIVATE_NOTE = "private_note"
    PLACEHOLDER_TEXT = "placeholder_text"
    RESPONSE_UNKNOWN = "response_unknown"
    AUTO_REPLY = "auto_reply"
    TOOL_MESSAGE = "tool_message"
    OTHER_BRANCH = "other_branch"
    REJECTED_REPLY = "rejected_reply"
    DUPLICATE_CONVERSATION = "duplicate_conversation"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something worth saying about a row that is used all the same; `code` is a finding's (see `data.quality`)."""

    code: str
    row: int
    sample: str = ""


Item = Conversation | SetAside | Remark | ProfileHint | SpeakersFound


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How the owner wants a file read; what is None is found out. `fields` maps a field to the name of its column.

    `brand` names those who speak for the brand in chats and mails: names, e-mail addresses or domains. `fix`: mend what
    can be mended (`data.mend`). `fail_on`: keep nothing when there is a finding as bad as this, or worse. `sheet` names
    the sheet of a workbook.
    """

    format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    brand: tuple[str, ...] = ()
    fix: bool = False
    fail_on: str = "never"
    sheet: str | None = None

    def __post_init__(self) -> None:
        problems = []
        if self.format is not None and self.format not in FORMATS:
            problems.append(f"format is one of {', '.join(FORMATS)}")
        if self.encoding is not None and not _is_text_encoding(self.encoding):
            problems.append("encoding is a text encoding that Python knows, such as utf-8 or cp1252")
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            problems.append("delimiter is one character, neither a quote nor a line break")
        problems += _map_problems(self.fields)
        if len(self.brand) > MAX_BRAND or not all(_is_name(name) for name in self.brand):
            problems.append(f"brand is at most {MAX_BRAND} names, addresses or domains")
        if self.sheet is not None and not _is_name(self.sheet):
            problems.append("sheet is the name of a sheet")
        if self.fail_on not in FAIL_ON:
            problems.append(f"fail_on is one of {', '.join(FAIL_ON)}")
        if problems:
            raise UsageError(f"These import options do not hold: {'; '.join(problems)}.", remedy="See docs/formats.md.")

    def to_wire(self) -> dict[str, Any]:
        """As an upload row keeps them: only what was chosen, so that equal choices are equal rows."""
        wire = {name: getattr(self, name) for name in ("format", "encoding", "delimiter", "sheet")}
        fail_on = self.fail_on if self.fail_on != "never" else None
        more = (("fields", dict(self.fields)), ("brand", list(self.brand)), ("fix", self.fix), ("fail_on", fail_on))
        return {name: value for name, value in (*wire.items(), *more) if value}

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> ImportOptions:
        """The options in `wire`; unknown names and wrong types are a UsageError."""
        known = {"format", "encoding", "delimiter", "fields", "brand", "fix", "fail_on", "sheet"}
        fields, brand, fix = wire.get("fields", {}), wire.get("brand", []), wire.get("fix", False)
        texts = [wire.get(name) for name in known - {"fields", "brand", "fix"}]
        holds = isinstance(fields, Mapping) and all(isinstance(v, str) for pair in fields.items() for v in pair)
        holds = holds and isinstance(brand, list | tuple) and all(isinstance(name, str) for name in brand)
        holds = holds and isinstance(fix, bool)
        if set(wire) - known or not holds or not all(value is None or isinstance(value, str) for value in texts):
            raise UsageError(
                "Import options are format, encoding, delimiter, sheet and fail_on (texts), fields (field to column), "
                "brand (texts) and fix (true or false).",
                remedy="See docs/formats.md.",
            )
        named = tuple(name.strip() for name in brand)
        fail_on = wire.get("fail_on") or "never"
        mapped = {OTHER_NAMES.get(name, name): column for name, column in fields.items()}
        if len(mapped) < len(fields):
            raise UsageError("The field map names a field twice.", remedy="Name the column of each field once.")
        chosen = {name: wire.get(name) for name in ("format", "encoding", "delimiter", "sheet")}
        return cls(**chosen, fields=mapped, brand=named, fix=fix, fail_on=fail_on)


@dataclass(frozen=True, slots=True)
class Detection:
    """What was found out about a file. Confidences lie in 0..1, `bom` counts bytes, `lines` is about right.

    Of a zip, `members` names the files that are read and `encodings` how those are written that are not UTF-8.
    `is_named`: its owner said of which format it is.
    """

    format: str
    confidence: float
    encoding: str
    encoding_confidence: float = 1.0
    bom: int = 0
    old_mac_newlines: bool = False
    delimiter: str = ","
    lines: int = 0
    name: str = "upload"
    packing: str = "plain"
    members: tuple[str, ...] = ()
    encodings: Mapping[str, Encoding] = field(default_factory=dict)
    is_named: bool = False


_NO_FILES = ("idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7")
"""Ways to write single names, or one script inside another: no file of logs is written so, and some take for ever."""


def _map_problems(fields: Mapping[str, str]) -> list[str]:
    roles = {name: role for name, role in fields.items() if name.startswith(ROLE_OF)}
    problems = []
    if set(fields) - set(roles) - set(FIELDS):
        problems.append(f"the field map names fields among {', '.join((*FIELDS, *OTHER_NAMES))}")
    if not set(roles.values()) <= set(ROLES) or ROLE_OF in roles:
        problems.append(f"role.VALUE is one of {', '.join(ROLES)}")
    return problems


def _is_name(text: str) -> bool:
    return 0 < len(text.strip()) <= MAX_BRAND_CHARS and text.isprintable()


def _is_text_encoding(name: str) -> bool:
    try:
        known = codecs.lookup(name)
        return bool(getattr(known, "_is_text_encoding", True)) and known.name not in _NO_FILES
    except (LookupError, ValueError):
        return False
