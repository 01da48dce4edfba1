"""Forgetting people and files: one durable job, and what came of it."""

from __future__ import annotations

from data.erasing.lifting import lift
from data.erasing.request import Asked, request_erasure
from data.store import Tx, bots, erasures, jobs
from data.store.bots import Bot
from data.store.erasures import Erasure
from service.api._listing import listed
from service.api._spec import Access, Answer, Api, Call, Route
from service.api.jobs import job_detail, room_in_queue
from service.schemas.erasures import ErasureAsked, ErasureDetail
from service.schemas.jobs import JobDetail
from service.schemas.shape import Listing, Page

api = Api("erasures", "Forgetting people and files.")


@api.route(
    Route(
        method="POST",
        rule="/v1/admin/bots/<bot>/erasures",
        access=Access("admin"),
        body=ErasureAsked,
        answers={202: JobDetail},
        effect=True,
    )
)
def create(call: Call, tx: Tx) -> Answer:
    """Forget a person, an upload, a conversation, a chat or single messages. It cannot be undone."""
    asked: ErasureAsked = call.body
    bot = bots.get(tx, call.path["bot"])
    room_in_queue(tx, call.service.settings)
    wanted = Asked(asked.kind, tuple(asked.names), call.caller.id, asked.dry_run)
    erasure, job = request_erasure(tx, call.service.settings.home, bot.id, wanted)
    job = jobs.get(tx, job.id)
    return Answer(job_detail(tx, job), 202, {"Location": f"/v1/jobs/{job.id}"}, subject=erasure.id)


@api.route(
    Route(
        method="GET",
        rule="/v1/admin/bots/<bot>/erasures",
        access=Access("admin"),
        query=Page,
        answers={200: Listing[ErasureDetail]},
    )
)
def index(call: Call) -> Answer:
    """What was erased of a bot, the newest first."""
    with call.service.store_of(call.caller).read() as tx:
        bot = bots.get(tx, call.path["bot"])
        return listed(
            call,
            lambda after, limit: erasures.page(tx, bot.id, after=after, limit=limit),
            lambda one: one.id,
            lambda one: _told(bot, one),
        )


@api.route(
    Route(
        method="GET",
        rule="/v1/admin/bots/<bot>/erasures/<erasure>",
        access=Access("admin"),
        answers={200: ErasureDetail},
    )
)
def show(call: Call) -> Answer:
    """An erasure and its report: what went, from which datasets, and which releases were trained on it."""
    with call.service.store_of(call.caller).read() as tx:
        bot = bots.get(tx, call.path["bot"])
        return Answer(_told(bot, erasures.get(tx, bot.id, call.path["erasure"])))


@api.route(
    Route(
        method="POST",
        rule="/v1/admin/bots/<bot>/erasures/<erasure>/lift",
        access=Access("admin"),
        answers={200: ErasureDetail},
        effect=True,
    )
)
def let_in(call: Call, tx: Tx) -> Answer:
    """Let in again what this erasure keeps out. What it erased stays erased."""
    bot = bots.get(tx, call.path["bot"])
    lift(tx, bot.id, call.path["erasure"])
    return Answer(_told(bot, erasures.get(tx, bot.id, call.path["erasure"])), subject=call.path["erasure"])


def _told(bot: Bot, one: Erasure) -> ErasureDetail:
    return ErasureDetail(
        id=one.id,
        bot=bot.name,
        kind=one.kind,
        ids=[] if one.kind == "customer" else one.ids,
        requested_by=one.requested_by,
        dry_run=one.dry_run,
        job=one.job_id,
        state="pending" if one.finished_at is None else "finished",
        report=one.report,
        created_at=one.created_at,
        finished_at=one.finished_at,
    )
