"""Whether the process lives, and whether it should be sent requests."""

from __future__ import annotations

from typing import Literal

from data.errors import StorageError
from service.api._spec import Access, Answer, Api, Call, Route
from service.schemas.shape import Told

api = Api("health", "Whether the server lives, and whether it takes requests.")


class Health(Told):
    status: Literal["live", "ready", "loading", "stopping", "no_database"]


@api.route(Route(method="GET", rule="/livez", access=Access.open(), answers={200: Health}))
def livez(call: Call) -> Answer:
    """Whether the process answers at all."""
    return Answer(Health(status="live"))


@api.route(Route(method="GET", rule="/readyz", access=Access.open(), answers={200: Health, 503: Health}))
def readyz(call: Call) -> Answer:
    """Whether every live release is loaded and warm, the database answers and the server is not stopping."""
    service = call.service
    if service.streams.is_draining:
        return Answer(Health(status="stopping"), 503)
    if not service.bots.ready:
        return Answer(Health(status="loading"), 503)
    try:
        with service.store.read():
            return Answer(Health(status="ready"))
    except StorageError:
        return Answer(Health(status="no_database"), 503)
