"""Retraining, and findings on what it would learn from: durable jobs, worked on by a worker, never by this process."""

from __future__ import annotations

from data.schema import TASKS
from data.store import Tx, bots, jobs
from service.api._spec import Access, Answer, Api, Call, Route
from service.api.jobs import job_detail, room_in_queue
from service.findings import request_findings
from service.schemas.jobs import JobDetail, Retraining
from service.training import Order, enqueue_training

api = Api("training", "Starting a retraining, and judging what it would learn from.")


@api.route(
    Route(
        method="POST",
        rule="/v1/admin/bots/<bot>/retrain",
        access=Access("operate"),
        body=Retraining,
        optional_body=True,
        answers={202: JobDetail},
        effect=True,
    )
)
def retrain(call: Call, tx: Tx) -> Answer:
    """Train on all that is imported and accepted. The same data, profile and order again: the job of before."""
    asked: Retraining = call.body
    bot = bots.get(tx, call.path["bot"])
    tasks = tuple(dict.fromkeys(asked.tasks)) if asked.tasks else TASKS
    search = asked.search.model_dump(exclude_none=True) if asked.search else None
    room_in_queue(tx, call.service.settings)
    job = enqueue_training(tx, bot, Order(tasks, asked.recipe, asked.seed, search=search))
    job = jobs.get(tx, job.id)
    return Answer(job_detail(tx, job), 202, {"Location": f"/v1/jobs/{job.id}"}, subject=job.id)


@api.route(
    Route(method="POST", rule="/v1/bots/<bot>/findings", access=Access("data"), answers={202: JobDetail}, effect=True)
)
def findings(call: Call, tx: Tx) -> Answer:
    """Judge all that a training would learn from now; the result of the job says what there is to say."""
    bot = bots.get(tx, call.path["bot"])
    room_in_queue(tx, call.service.settings)
    job = jobs.get(tx, request_findings(tx, bot).id)
    return Answer(job_detail(tx, job), 202, {"Location": f"/v1/jobs/{job.id}"}, subject=job.id)
