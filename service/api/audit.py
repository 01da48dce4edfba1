"""The audit log: every change made with a key, in the order in which they were made."""

from __future__ import annotations

from typing import Literal

from data.store import audit
from data.store.audit import Recorded
from service.api._listing import listed
from service.api._spec import Access, Answer, Api, Call, Route
from service.schemas.shape import Instant, Listing, Page, Told

api = Api("audit", "Who changed what, with which key.")


class AuditLine(Told):
    """One change, or one that was refused. `digest` covers it and the line before."""

    object: Literal["audit.line"] = "audit.line"
    sequence: int
    created_at: Instant
    actor: str
    request_id: str
    action: str
    subject: str
    outcome: str
    reason: str | None
    digest: str


@api.route(
    Route(method="GET", rule="/v1/admin/audit", access=Access("admin"), query=Page, answers={200: Listing[AuditLine]})
)
def index(call: Call) -> Answer:
    """The audit log, oldest first."""
    with call.service.store_of(call.caller).read() as tx:
        return listed(
            call,
            lambda after, limit: audit.page(tx, after=after or 0, limit=limit),
            lambda line: line.sequence,
            _line,
        )


def _line(one: Recorded) -> AuditLine:
    return AuditLine(
        sequence=one.sequence,
        created_at=one.created_at,
        actor=one.actor,
        request_id=one.request_id,
        action=one.action,
        subject=one.object,
        outcome=one.outcome,
        reason=one.reason,
        digest=one.digest,
    )
