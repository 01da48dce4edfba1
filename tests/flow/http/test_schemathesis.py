"""The contract as programs read it: the document is valid, complete and true, whatever is made up from it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import seed as seeded
from openapi_spec_validator import validate
from schemathesis.core.parameters import ParameterLocation

from service.api.docs import described
from tests.flow.http.stage import Site, furnish, populate, site_at

SEED = 20_261_121
SERVED: dict[str, Any] = {}
"""The application under test; the document is needed before there is one."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A queue without an end: hundreds of made-up uploads and trainings are asked for."""
    home = tmp_path_factory.mktemp("home")
    with site_at(home, furnish(home), limits__queue=5_000) as made:
        populate(made)
        yield made


def test_the_document_is_openapi(site: Site) -> None:
    validate(site.ask("GET", "/openapi.json", None).json)


MEANINGS = {
    *("profile_invalid", "message_too_long", "rights_not_attested", "idempotency_mismatch"),
    *("session", "turn", "rating", "corrected_intent", "recipe", "format", "encoding", "fields", "brand"),
    # What the query and the form may say differently.
    *("name", "dry_run", "rights_attested", "fix", "fail_on", "map", "sheet"),
    # A search, which hangs on the tasks beside it.
    "search",
}
"""Codes, and parts of requests, that a document can say little about: they depend on what there is."""


def document() -> dict[str, Any]:
    """Without cursors, which cannot be made up: the server signs them. Those it made are in test_bad_requests."""
    found = deepcopy(described())
    for item in found["paths"].values():
        for operation in item.values():
            operation["parameters"] = [one for one in operation.get("parameters", ()) if one["name"] != "cursor"]
    return found


schema = schemathesis.openapi.from_dict(document())
schema.app = lambda environ, start: SERVED["app"](environ, start)
CHECKS = schema.config.checks
# Readable and of the right shape, but stale (an ETag that was made up) or without meaning (an intent the bot has not).
# What may be said to be without meaning is listed in MEANINGS, so that no wrong type or limit hides behind 422.
CHECKS.positive_data_acceptance.expected_statuses += ["412", "422"]
# What cannot be parsed at all, a body of another type, a length or a precondition that is missing.
CHECKS.negative_data_rejection.expected_statuses += ["411", "412", "413", "415"]
# A change without If-Match: RFC 6585 made a status for that.
CHECKS.missing_required_header.expected_statuses += ["428"]
# NUL stands in no text here: 400, tried in test_bad_requests. JSON Schema has no short word for it.
schema.config.generation.allow_x00 = False


def bearer(case: Any, site: Site) -> dict[str, str]:
    """The key of all scopes; nothing where the case is about what is wrong with the headers, or with this one."""
    data = case.meta.phase.data
    header = case.meta.components.get(ParameterLocation.HEADER)
    told = getattr(data, "parameter", None) in (None, "Authorization")
    return {} if told and header is not None and header.mode.is_negative else site.bearer("all")


def settle(case: Any, site: Site) -> None:
    """Most made-up ids of a well-formed request become those of something that is there."""
    known = {**site.bots["ours", "acme"].ids, "bot": "acme"}
    for name, made_up in (case.path_parameters or {}).items():
        if name in known and len(str(made_up)) % 4:
            case.path_parameters[name] = known[name]
    if isinstance(case.body, dict) and "turn" in case.body and len(str(case.body["turn"])) % 4:
        case.body["turn"] = known["turn"]


def check(case: Any, site: Site) -> None:
    SERVED["app"] = site.app
    if case.meta.generation.mode.is_positive:
        settle(case, site)
    answer = case.call_and_validate(headers=bearer(case, site))
    if answer.status_code == 422 and case.meta.generation.mode.is_positive:
        error = answer.json()["error"]
        assert error["code"] in MEANINGS or str(error["param"]).partition(".")[0] in MEANINGS, error


OPTIONS: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


@schema.parametrize()
@seeded(SEED)
@settings(max_examples=40, **OPTIONS)
def test_whatever_the_document_allows_is_answered_as_it_says(case: Any, site: Site) -> None:
    check(case, site)


@pytest.mark.slow
@schema.parametrize()
@seeded(SEED + 1)
@settings(max_examples=300, **OPTIONS)
def test_whatever_the_document_allows_at_length(case: Any, site: Site) -> None:
    check(case, site)
