"""Files of logs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from service.schemas.shape import Flag, Instant, Json, Query, Told


class UploadAsked(Query):
    """How to read what is uploaded. With multipart the same names may come as form fields."""

    rights_attested: Flag = Field(False, description="You have the right to train on these logs. Must be true.")
    dry_run: Flag = Field(False, description="Report only; nothing is kept for training.")
    format: str | None = Field(None, min_length=1, max_length=40, description="The format, where it is not to be told.")
    encoding: str | None = Field(None, min_length=1, max_length=40, description="The encoding of text files.")
    brand: str | None = Field(
        None,
        min_length=1,
        max_length=2000,
        description="Who speaks for the brand in chats and mails, comma-separated: names, addresses or domains.",
    )
    fix: Flag = Field(False, description="Mend what can be mended: twins of labels, missing labels, signatures.")
    fail_on: Literal["error", "warning", "info", "never"] = Field(
        "never", description="Keep nothing of a file with a finding as bad as this, or worse."
    )
    name: str | None = Field(None, min_length=1, max_length=200, description="What the file is called in reports.")
    map: str | None = Field(
        None,
        min_length=2,
        max_length=2000,
        description="Which column of a table holds what, and who the values of its role column are:"
        " text=Message,role=Author,role.Kunde=user, or the same as a JSON object.",
    )
    fields: str | None = Field(
        None, min_length=2, max_length=1000, description='The same as `map`, as JSON: {"text": "Message", ...}.'
    )
    sheet: str | None = Field(
        None, min_length=1, max_length=200, description="The sheet of a workbook; else the first with a header."
    )


class UploadDetail(Told):
    """A file that came, and what became of it."""

    object: Literal["upload"] = "upload"
    id: str
    bot: str
    name: str
    size: int = Field(description="Bytes as they came.")
    digest: str = Field(description="SHA-256 of the file.")
    state: Literal["pending", "importing", "imported", "examined", "refused", "erased"]
    dry_run: bool
    rights_attested_by: str | None
    conversations: int
    report: Json | None = Field(description="What was kept, what was set aside and why; null until it is over.")
    error: Json | None
    created_at: Instant
    finished_at: Instant | None
    original_erased_at: Instant | None = Field(
        description="Since when the file itself is gone: it held what is erased."
    )
