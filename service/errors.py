"""The one map from error to HTTP: which status, which kind, and what is said. The command line's is `service.failures`.

Every error of every route has one shape, which clients of OpenAI's API read as they are:

    {"error": {"message", "type", "param", "code", "request_id", "doc_url"}}

`code` is stable and listed in docs/errors.md. A message never quotes what a caller sent, a path, SQL or a class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from data.errors import (
    AttuneError,
    Conflict,
    Erased,
    GateClosed,
    IdempotencyMismatch,
    ImportRefused,
    IntegrityError,
    NotFound,
    Overloaded,
    PointerMoved,
    ProfileError,
    RecipeError,
    ReleaseUnavailable,
    StorageError,
    StorageFull,
    StoreUnavailable,
    UsageError,
)

RETRY_SECONDS = 2
DETAILS = 100


class Refusal(AttuneError):
    """What HTTP itself refuses: a bad credential, a body too large, a quota. `param` names the part of the request."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.headers = dict(headers or {})
        self.details: Sequence[Mapping[str, str]] = ()


class Invalid(Refusal):
    """Readable, but not what it should mean: every field that is wrong, at most a hundred."""

    def __init__(self, message: str, details: Sequence[Mapping[str, str]] = (), *, code: str = "invalid") -> None:
        super().__init__(422, code, message, param=details[0]["param"] if details else None)
        self.details = details[:DETAILS]


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as it is sent."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


STATUS: tuple[tuple[type[AttuneError], int], ...] = (
    (NotFound, 404),
    (PointerMoved, 412),
    (GateClosed, 409),
    (Erased, 410),
    (Conflict, 409),
    (IdempotencyMismatch, 422),
    (ProfileError, 422),
    (RecipeError, 422),
    (UsageError, 422),
    (ImportRefused, 422),
    (Overloaded, 503),
    (ReleaseUnavailable, 503),
    (StoreUnavailable, 503),
    (StorageFull, 507),
    (IntegrityError, 409),
    (StorageError, 500),
)
"""The first that fits. What is not here is a bug: 500."""

TYPES: Mapping[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    410: "not_found_error",
    412: "conflict_error",
    428: "conflict_error",
    429: "rate_limit_error",
}

SAYS: Mapping[int, tuple[str, str]] = {
    400: ("malformed", "The request cannot be read."),
    404: ("not_found", "There is nothing here."),
    405: ("method_not_allowed", "This address does not take that method; the header Allow names those it takes."),
    408: ("timeout", "The request took too long to arrive."),
    411: ("length_required", "The request needs a Content-Length."),
    413: ("body_too_large", "The body is larger than what is taken here."),
    414: ("malformed", "The address is too long."),
    415: ("unsupported_media_type", "The body is of a type that is not taken here."),
    416: ("malformed", "The range cannot be satisfied."),
    417: ("malformed", "The expectation cannot be met."),
    431: ("malformed", "The headers are too large."),
    500: ("internal", "Something went wrong on our side. Tell us the request id."),
    503: ("overloaded", "The server is busy. Try again."),
}
"""What the web framework itself refuses, said in our words."""


def status_of(error: AttuneError) -> int:
    """The HTTP status of `error`."""
    if isinstance(error, Refusal):
        return error.status
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def problem(error: AttuneError, request_id: str) -> Problem:
    """`error` as it is sent. One that is not the caller's says nothing but its request id."""
    status = status_of(error)
    if status == 500:
        return plain(500, request_id)
    param = error.param if isinstance(error, Refusal) else None
    details = error.details if isinstance(error, Refusal) else ()
    headers = dict(error.headers) if isinstance(error, Refusal) else {}
    if status == 503:
        headers.setdefault("Retry-After", str(RETRY_SECONDS))
    if status == 409 and "Retry-After" not in headers:
        headers["X-Should-Retry"] = "false"  # client libraries send every conflict again otherwise
    told: dict[str, Any] = {"code": error.code, "message": _said(error), "param": param, "details": list(details)}
    return Problem(status, _body(status, request_id, told), headers)


def plain(status: int, request_id: str, headers: Mapping[str, str] | None = None) -> Problem:
    """A refusal of the web framework."""
    code, message = SAYS.get(status, SAYS[500] if status >= 500 else SAYS[400])
    told: dict[str, Any] = {"code": code, "message": message, "param": None, "details": []}
    return Problem(status, _body(status, request_id, told), dict(headers or {}))


def _said(error: AttuneError) -> str:
    """The message, and what to do about it unless that is a verb of the command line."""
    return error.message if "`attune " in error.remedy else str(error)


def _body(status: int, request_id: str, told: Mapping[str, Any]) -> dict[str, Any]:
    kind = TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    error: dict[str, Any] = {
        "message": told["message"],
        "type": kind,
        "param": told["param"],
        "code": told["code"],
        "request_id": request_id,
        "doc_url": f"/docs#error-{told['code']}",
    }
    if told["details"]:
        error["details"] = told["details"]
    return {"error": error}
