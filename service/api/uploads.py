"""Files of logs: received, kept by content, and imported by a job that stands in the same commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, request
from pydantic import ValidationError

from data import ingest
from data.errors import UsageError
from data.importers import ImportOptions
from data.store import Tx, bots, uploads
from data.store.bots import Bot
from data.store.uploads import NewUpload, Upload
from data.suppression import check_original
from service import field_map
from service.api._listing import listed
from service.api._spec import Access, Answer, Api, Call, Route
from service.api.jobs import job_detail, room_in_queue
from service.errors import Invalid, Refusal
from service.reading import details_of
from service.receiving import Received
from service.report_page import policy, report_page
from service.schemas.jobs import JobDetail
from service.schemas.shape import Listing, Page
from service.schemas.uploads import UploadAsked, UploadDetail
from service.strict_json import NotJson, loads

api = Api("uploads", "Files of logs, and what became of them.")


def _as_field(told: dict[str, Any]) -> dict[str, Any]:
    """A parameter of the query as a field of a form: text."""
    if told.get("type") == "boolean":
        return {"type": "string", "enum": ["true", "false"]}
    if "enum" in told:
        return {"type": "string", "enum": told["enum"]}
    return next(one for one in told["anyOf"] if one["type"] == "string")


BODY: dict[str, Any] = {
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "properties": {
                "file": {"type": "string", "format": "binary", "minLength": 1},
                **{name: _as_field(told) for name, told in UploadAsked.model_json_schema()["properties"].items()},
            },
            "required": ["file"],
            "additionalProperties": False,
        }
    },
}


@dataclass(frozen=True, slots=True)
class Handed:
    """A file that was received, and how it is to be read."""

    received: Received
    asked: UploadAsked
    options: ImportOptions


def _receive(call: Call) -> Handed:
    """Read the file to the disk, once it is known for whom and how."""
    with call.service.store_of(call.caller).read() as tx:
        bot = bots.get(tx, call.path["bot"])
        room_in_queue(tx, call.service.settings)
        _check_quota(call, uploads.stored_bytes(tx))
    received = call.service.desk.receive(request, lambda form: _agreed(call.query, form))
    store = call.service.store_of(call.caller)
    with ingest.taken(store, received.blob.digest), store.read() as tx:
        check_original(tx, bot.id, received.blob.digest)
    return Handed(received, *_agreed(call.query, received.form))


def _agreed(query: UploadAsked, form: Mapping[str, str]) -> tuple[UploadAsked, ImportOptions]:
    """What is asked for, by the query and the fields of the form together. Raises 422."""
    asked = _merged(query, form) if form else query
    _check_rights(asked)
    return asked, _options(asked)


def _digest(handed: Handed) -> str:
    return f"{handed.received.blob.digest} {handed.asked.model_dump_json()}"


@api.route(
    Route(
        method="POST",
        rule="/v1/bots/<bot>/uploads",
        access=Access("data"),
        query=UploadAsked,
        reads_body=BODY,
        answers={202: JobDetail},
        refusals=(410,),
        effect=True,
        prepare=_receive,
        digest=_digest,
    )
)
def create(call: Call, tx: Tx) -> Answer:
    """Upload a file of logs: the body itself, or the one file of a form. The job imports it."""
    handed: Handed = call.prepared
    bot = bots.get(tx, call.path["bot"])
    name = handed.asked.name or handed.received.name or "upload"
    new = NewUpload(
        name=name,
        digest=handed.received.blob.digest,
        size=handed.received.blob.size,
        options=handed.options.to_wire(),
        dry_run=handed.asked.dry_run,
        attested_by=call.caller.id,
    )
    upload, job = ingest.request_import(tx, bot.id, new)
    return Answer(job_detail(tx, job), 202, {"Location": f"/v1/jobs/{job.id}"}, subject=upload.id)


@api.route(
    Route(
        method="GET",
        rule="/v1/bots/<bot>/uploads",
        access=Access("read"),
        query=Page,
        answers={200: Listing[UploadDetail]},
    )
)
def index(call: Call) -> Answer:
    """The uploads of a bot, the newest first."""
    with call.service.store_of(call.caller).read() as tx:
        bot = bots.get(tx, call.path["bot"])
        return listed(
            call,
            lambda after, limit: uploads.page(tx, bot.id, after=after, limit=limit),
            lambda upload: upload.sequence,
            lambda upload: upload_detail(bot, upload),
        )


@api.route(
    Route(method="GET", rule="/v1/bots/<bot>/uploads/<upload>", access=Access("read"), answers={200: UploadDetail})
)
def show(call: Call) -> Answer:
    """An upload and, once its import is over, the report of what became of every row."""
    return Answer(upload_detail(*_own(call)))


@api.route(
    Route(
        method="GET",
        rule="/v1/bots/<bot>/uploads/<upload>/report.html",
        access=Access("read"),
        answers={200: "text/html"},
    )
)
def page(call: Call) -> Response:
    """The report as one page that needs no other file. 404 until the import is over."""
    _, upload = _own(call)
    if upload.report is None:
        raise Refusal(404, "not_found", "There is no report: the import is not over, or the file was refused.")
    text = report_page([{**upload.report, "file": upload.name}])
    headers = {"Content-Security-Policy": f"{policy()}; frame-ancestors 'none'"}
    return Response(text, content_type="text/html; charset=utf-8", headers=headers)


def _own(call: Call) -> tuple[Bot, Upload]:
    with call.service.store_of(call.caller).read() as tx:
        bot = bots.get(tx, call.path["bot"])
        upload = uploads.get(tx, call.path["upload"])
    if upload.bot_id != bot.id:
        raise Refusal(404, "not_found", "There is no such upload.")
    return bot, upload


def upload_detail(bot: Bot, upload: Upload) -> UploadDetail:
    """An upload as it is told."""
    return UploadDetail(
        id=upload.id,
        bot=bot.name,
        name=upload.name,
        size=upload.size,
        digest=upload.digest,
        state=upload.state,
        dry_run=upload.dry_run,
        rights_attested_by=upload.attested_by,
        conversations=upload.conversations,
        report=upload.report,
        error=upload.error,
        created_at=upload.created_at,
        finished_at=upload.finished_at,
        original_erased_at=upload.original_erased_at,
    )


def _check_quota(call: Call, stored: int) -> None:
    most = call.service.settings.limits.stored_bytes
    if stored + (request.content_length or 0) > most:
        message = f"This workspace keeps at most {most} bytes of uploads, and has {stored}."
        raise Refusal(507, "storage_quota", message)


def _check_rights(asked: UploadAsked) -> None:
    if not asked.rights_attested:
        message = "Say rights_attested=true: that you have the right to train on these logs."
        raise Invalid(message, [{"param": "rights_attested", "message": message}], code="rights_not_attested")


def _merged(query: UploadAsked, form: Mapping[str, str]) -> UploadAsked:
    """The query and the fields of the form as one; what stands in both must agree."""
    given = {name: value for name, value in form.items() if name != "file"}
    unknown = sorted(set(given) - set(UploadAsked.model_fields))
    if unknown:
        raise Invalid("The form has a field that is not known here.", [{"param": "form", "message": "unknown field"}])
    try:
        asked = UploadAsked.model_validate({**query.model_dump(exclude_unset=True), **given})
    except ValidationError as error:
        raise Invalid("A field of the form does not hold: `details` says which.", details_of(error)) from None
    twice = sorted(query.model_fields_set & set(given))
    torn = [name for name in twice if getattr(asked, name) != getattr(query, name)]
    if torn:
        message = "The query and the form say different things."
        raise Invalid(message, [{"param": torn[0], "message": message}])
    return asked


def _options(asked: UploadAsked) -> ImportOptions:
    wire: dict[str, Any] = {
        name: getattr(asked, name) for name in ("format", "encoding", "sheet") if getattr(asked, name)
    }
    wire |= {"fix": asked.fix, "fail_on": asked.fail_on}
    if asked.brand is not None:
        wire["brand"] = [name.strip() for name in asked.brand.split(",") if name.strip()]
    wire["fields"] = _field_map(asked)
    try:
        return ImportOptions.from_wire(wire)
    except UsageError as error:
        raise Invalid(error.message, [{"param": "format", "message": error.message}]) from None


def _field_map(asked: UploadAsked) -> dict[str, str]:
    """Which column holds what, by `map` or by its older name. Raises 422."""
    if asked.map is not None and asked.fields is not None:
        message = "`map` and `fields` are two names of one thing: give one of them."
        raise Invalid(message, [{"param": "fields", "message": message}])
    name = "map" if asked.fields is None else "fields"
    text = asked.map if asked.fields is None else asked.fields
    try:
        return {} if text is None else field_map.of_text(text, _json)
    except UsageError as error:
        raise Invalid(error.message, [{"param": name, "message": error.message}]) from None


def _json(text: str) -> Any:
    try:
        return loads(text.encode("utf-8"))
    except NotJson:
        raise ValueError("no JSON") from None
