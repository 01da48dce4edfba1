"""Every code that an error over HTTP can bear is explained where `doc_url` leads to, and in docs/errors.md."""

from __future__ import annotations

import ast
from pathlib import Path

from data import errors
from service.error_codes import CODES
from service.errors import SAYS, STATUS, Refusal, problem, status_of

ROOT = Path(__file__).parents[3]
NEVER_SENT = {"error", "settings_invalid", "dataset_unfit", "import_refused", "findings_too_bad", "storage_failed"}
"""Codes of errors that stay on the command line or in jobs, or are sent as another."""


def raised() -> set[str]:
    """The codes that are written where a Refusal is made, anywhere in `service`."""
    found = set()
    for path in (ROOT / "service").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refusal":
                code = node.args[1]
                assert isinstance(code, ast.Constant), f"{path.name}: a code is written out"
                found.add(str(code.value))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Invalid":
                found |= {str(one.value.value) for one in node.keywords if one.arg == "code"}  # type: ignore[attr-defined]
    return found


def test_every_code_that_is_raised_is_explained() -> None:
    known = {kind.code for kind, _ in STATUS} | {code for code, _ in SAYS.values()} | raised() | {"server_shutdown"}
    assert known - NEVER_SENT - set(CODES) == set()


def test_what_is_explained_bears_the_status_it_is_sent_with() -> None:
    for kind, status in STATUS:
        if kind.code in CODES:
            assert CODES[kind.code][0] == status_of(kind("said")) == status
    for status, (code, _) in SAYS.items():
        assert CODES[code][0] == status or code == "malformed"


def test_the_long_list_names_each_code_too() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert [code for code in CODES if f"`{code}`" not in page] == []


def test_an_error_of_ours_says_nothing_but_its_request_id() -> None:
    told = problem(errors.AttuneError("a secret path"), "req_1")
    assert told.status == 500
    assert "secret" not in str(told.body)
    assert told.body["error"]["request_id"] == "req_1"


def test_a_conflict_tells_clients_not_to_try_again_by_themselves() -> None:
    assert problem(errors.Conflict("No."), "req_1").headers == {"X-Should-Retry": "false"}
    busy = problem(Refusal(409, "conflict", "Busy.", headers={"Retry-After": "1"}), "req_1")
    assert busy.headers == {"Retry-After": "1"}


def test_verbs_of_the_command_line_are_no_remedy_over_http() -> None:
    told = problem(errors.NotFound("There is no bot of that name.", remedy="`attune bots` lists them."), "req_1")
    assert told.body["error"]["message"] == "There is no bot of that name."
