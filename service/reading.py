"""From the bytes of a request to the models its route declares. Whatever is wrong is said by place, never by value.

400: it cannot be read. 422: it can, and does not mean what it should.
"""

from __future__ import annotations

import re

from flask import Request, request
from pydantic import BaseModel, ValidationError

from service.api._spec import Route
from service.errors import Invalid, Refusal
from service.incoming import Incoming, has_body
from service.strict_json import NotJson, loads

SHARED_KEY_CHARS = 16
_PATH_VALUE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}", re.ASCII)
_QUERY_VALUE = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]{0,2000}")
_SHOWABLE = re.compile(r"[A-Za-z0-9_.-]{1,80}", re.ASCII)
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}", re.ASCII)
_ENTITY_TAG = re.compile(r'"[!#-~]{1,64}"', re.ASCII)


def read_path(values: dict[str, str]) -> dict[str, str]:
    """The variables of the address. What no id can look like is not there: 404."""
    if not all(_PATH_VALUE.fullmatch(value) for value in values.values()):
        raise Refusal(404, "not_found", "There is nothing here.")
    return values


def read_query(route: Route) -> BaseModel | None:
    """The query by the route's model. Raises 400 for unknown, repeated or unfit parameters."""
    given = request.args
    twice = [name for name, values in given.lists() if len(values) > 1]
    if twice:
        raise _bad_query("A parameter of the query is given twice.", twice[0])
    unknown = [name for name in given if route.query is None or name not in route.query.model_fields]
    if unknown:
        raise _bad_query("The query has a parameter that is not known here.", unknown[0])
    if route.query is None:
        return None
    unfit = [name for name, value in given.items() if not _QUERY_VALUE.fullmatch(value)]
    if unfit:
        raise _bad_query("A parameter of the query has characters it cannot have, or is too long.", unfit[0])
    try:
        return route.query.model_validate(dict(given))
    except ValidationError as error:
        wrong = details_of(error)
        raise _bad_query(wrong[0]["message"], wrong[0]["param"]) from None


def read_body(route: Route, most_bytes: int) -> BaseModel | None:
    """The JSON body by the route's model; None for a route that takes none, or reads it itself."""
    if route.reads_body is not None:
        return None
    if route.body is None:
        Incoming(request, most_bytes).all()
        return None
    if route.optional_body and not has_body(request):
        return route.body()
    _check_type(request)
    try:
        value = loads(Incoming(request, most_bytes).all())
    except NotJson as error:
        raise Refusal(400, "malformed", str(error)) from None
    if not isinstance(value, dict):
        raise Refusal(400, "malformed", "The body is not a JSON object.")
    try:
        return route.body.model_validate(value)
    except ValidationError as error:
        raise Invalid("The body does not hold: `details` says where.", details_of(error)) from None


def read_idempotency_key(*, is_shared: bool = False) -> str | None:
    """The caller's Idempotency-Key. Raises 400 when it is not 1 to 255 printable characters.

    `is_shared`: many callers have one credential, and who knows a key gets what its first sender got: none is short.
    """
    given = request.headers.getlist("Idempotency-Key")
    if not given:
        return None
    if len(given) > 1 or not _IDEMPOTENCY_KEY.fullmatch(given[0]):
        message = "An Idempotency-Key is 1 to 255 printable ASCII characters without spaces, given once."
        raise Refusal(400, "malformed", message, param="Idempotency-Key")
    if is_shared and len(given[0]) < SHARED_KEY_CHARS:
        message = f"With a public key an Idempotency-Key has {SHARED_KEY_CHARS} characters or more, and is random."
        raise Refusal(400, "malformed", message, param="Idempotency-Key")
    return given[0]


def read_if_match() -> str:
    """The one strong ETag the caller last saw. Raises 428 without, 400 for what is no ETag, 412 for `*`."""
    given = request.headers.getlist("If-Match")
    if not given:
        message = "This change needs If-Match with the ETag you last saw, so that nobody's change is undone unseen."
        raise Refusal(428, "precondition_required", message, param="If-Match")
    if len(given) == 1 and given[0].strip() == "*":
        raise Refusal(412, "precondition_failed", "If-Match must name the version you saw.", param="If-Match")
    if len(given) > 1 or not _ENTITY_TAG.fullmatch(given[0].strip()):
        raise Refusal(400, "malformed", "If-Match takes one ETag in double quotes.", param="If-Match")
    return given[0].strip()


def _check_type(incoming: Request) -> None:
    kind, parameters = incoming.mimetype, incoming.mimetype_params
    if kind != "application/json" or parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise Refusal(415, "unsupported_media_type", "The body is taken as application/json in UTF-8.")


def _bad_query(message: str, param: str) -> Refusal:
    return Refusal(400, "malformed", message, param=_shown(param))


def details_of(error: ValidationError, within: str | None = None) -> list[dict[str, str]]:
    """Every wrong field. pydantic's messages name what was expected, not what came, except where they quote."""
    place = () if within is None else (within,)
    return [
        {"param": _shown(".".join(map(str, (*place, *one["loc"])))), "message": _said(one["type"], one["msg"])}
        for one in error.errors(include_input=False, include_url=False, include_context=False)
    ]


def _said(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "This field is not known here."
    return message.removeprefix("Value error, ")


def _shown(param: str) -> str:
    return param if _SHOWABLE.fullmatch(param) else "(a name that cannot be shown)"


def as_boolean(value: object) -> object:
    """For query models: `true` and `false`, and nothing else that other readers take for one."""
    if isinstance(value, str):
        if value not in ("true", "false"):
            raise ValueError("true or false was expected")
        return value == "true"
    return value


def as_number(value: object) -> object:
    """For choices among numbers: `true` is none, although Python takes it for 1."""
    if isinstance(value, bool):
        raise ValueError("a number was expected")
    return value


def as_whole_number(value: object) -> object:
    """For query models: decimal digits of ASCII only."""
    if isinstance(value, str):
        if not re.fullmatch(r"-?[0-9]{1,15}", value, re.ASCII):
            raise ValueError("a whole number was expected")
        return int(value)
    return value
