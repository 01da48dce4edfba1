"""Every route that is served, with every method and every caller: who is refused, how, and that nothing changed.

All of it is made from the application's own map of addresses and from what each route declares, so that a new route is
held to the same without a line here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from data.store import audit
from data.store.keys import SCOPES
from service.api import apis
from service.api._spec import PUBLIC, Access, Api, Declared, Route
from service.errors import TYPES
from service.gate import Gate
from tests.flow.http.stage import Site, error_of, likeness, site_at

DECLARED: dict[str, Declared] = {one.endpoint: one for api in apis() for one in api.routes}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
ABSENT = {
    "bot": "nobody",
    "number": "4711",
    "session": "session_0123456789abcdef01234567",
    "turn": "turn_0123456789abcdef01234567",
    "feedback": "feedback_0123456789abcdef01234567",
    "upload": "upload_0123456789abcdef01234567",
    "job": "job_0123456789abcdef01234567",
    "name": "chat.css",
    "erasure": "erasure_0123456789abcdef01234567",
    "suggestion": "suggestion_0123456789abcdef01234567",
}
INVALID_KEYS = (
    "garbage",
    "expired",
    "revoked",
    "short",
    "other bytes",
    "checksum",
    "empty",
    "kind",
    "tampered visitor",
)


def endpoints(*, guarded: bool | None = None) -> list[str]:
    return sorted(name for name, one in DECLARED.items() if guarded is None or one.route.access.is_open != guarded)


def address(route: Route, values: Mapping[str, str]) -> str:
    """The address of `route` with these values; what they lack is something that is nowhere."""
    path = route.rule
    for name in route.parameters:
        path = path.replace(f"<{name}>", {**ABSENT, **values}[name])
    return path


def request_for(route: Route, values: Mapping[str, str]) -> dict[str, Any]:
    """A request that `route` would take from whoever may make it."""
    headers = {"If-Match": '"p1"' if "live" not in route.rule else '"v1"'} if route.conditional else {}
    rest: dict[str, Any] = {"headers": headers}
    if route.reads_body is not None:
        rest |= {"data": b"text,label\nhello,hi\n", "query_string": {"rights_attested": "true"}}
    elif route.body is not None:
        rest["json"] = body_of(route.body.__name__, values)
    return rest


def body_of(model: str, values: Mapping[str, str]) -> dict[str, Any]:
    known: dict[str, dict[str, Any]] = {
        "NewBot": {"name": "made-by-a-stranger"},
        "ProfileChange": {"profile": {"greeting": "Changed."}},
        "Promotion": {"release": 2},
        "ChatAsked": {"message": "hello"},
        "ParseAsked": {"text": "hello"},
        "FeedbackGiven": {"turn": values.get("turn", ABSENT["turn"]), "rating": 1},
        "OwnerChange": {"owner": "human"},
        "AgentMessage": {"text": "hello"},
        "ErasureAsked": {"kind": "customer", "names": ["nobody"], "dry_run": True},
        "SuggestionName": {"name": "another_name"},
    }
    return known.get(model, {})


@pytest.fixture
def unchanged(site: Site) -> Iterator[None]:
    """Nothing is added or taken away meanwhile, but for the log's own lines about whom it denied."""
    before = site.counts()
    done = _done(site)
    yield
    after = site.counts()
    assert after | {"audit": 0} == before | {"audit": 0}
    assert _done(site) == done


def _done(site: Site) -> int:
    with site.store.read() as tx:
        return sum(line.outcome != "denied" for line in audit.page(tx, limit=100_000))


def test_what_is_served_is_what_is_declared(site: Site) -> None:
    rules = {(rule.rule, method) for rule in site.app.url_map.iter_rules() for method in rule.methods or ()}
    declared = {(one.route.rule, one.route.method) for one in DECLARED.values()}
    assert rules - {(rule, "HEAD") for rule, method in declared if method == "GET"} == declared


def test_all_that_anybody_may_call_is_known_here() -> None:
    """A route that becomes open does so by changing this line as well."""
    open_rules = {DECLARED[name].route.rule for name in endpoints(guarded=False)}
    assert open_rules == {"/livez", "/readyz", "/openapi.json", "/docs", "/", "/assets/<name>"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.usefixtures("unchanged")
def test_a_method_that_an_address_does_not_take_is_405_for_everybody(site: Site, method: str) -> None:
    by_rule: dict[str, set[str]] = {}
    for one in DECLARED.values():
        by_rule.setdefault(one.route.rule, set()).add(one.route.method)
    for rule, taken in by_rule.items():
        allowed = taken | ({"HEAD"} if "GET" in taken else set())
        route = next(one.route for one in DECLARED.values() if one.route.rule == rule)
        if method in allowed:
            continue
        for key in (None, "garbage", "all", "public"):
            answer = site.ask(method, address(route, site.bots["ours", "acme"].ids | {"bot": "acme"}), key)
            if method == "HEAD":
                assert answer.status_code == 405
            else:
                assert error_of(answer, 405)["code"] == "method_not_allowed"
            assert set(answer.headers["Allow"].split(", ")) == allowed, (rule, method)


@pytest.mark.parametrize("name", endpoints(guarded=False))
@pytest.mark.usefixtures("unchanged")
def test_open_routes_need_no_key_and_heed_none(site: Site, name: str) -> None:
    route = DECLARED[name].route
    told = [site.ask(route.method, address(route, {}), key) for key in (None, "garbage", "revoked", "theirs", "all")]
    assert {answer.status_code for answer in told} <= {200}
    assert len({answer.get_data() for answer in told}) == 1


def bad_key(site: Site, kind: str) -> str:
    good, visitor = site.keys["all"], site.bots["ours", "acme"].token
    made = {
        "garbage": "att_key_nothing_at_all",
        "short": good[:-1],
        "other bytes": "Bearer",
        "checksum": good[:-6] + "000000",
        "empty": " ",
        "kind": good.replace("att_key", "att_pub"),
        "tampered visitor": visitor.replace("_0", "_1", 1),
    }
    return made.get(kind) or site.keys[kind]


@pytest.mark.parametrize("name", endpoints(guarded=True))
@pytest.mark.usefixtures("unchanged")
def test_without_a_valid_key_every_guarded_route_is_401(site: Site, name: str) -> None:
    route = DECLARED[name].route
    for bot, ids in (("acme", site.bots["ours", "acme"].ids), ("nobody", {})):
        values = {**ids, "bot": bot}
        told = [site.ask(route.method, address(route, values), None, **request_for(route, values))]
        for kind in INVALID_KEYS:
            rest = request_for(route, values)
            told.append(site.ask(route.method, address(route, values), bad_key(site, kind), **rest))
        for answer in told:
            assert error_of(answer, 401)["code"] == "unauthenticated"
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert len({likeness(answer) for answer in told[1:] if "One header" not in answer.text}) == 1


@pytest.mark.parametrize("header", ["Basic", "bearer ", "Bearer\t", "Token", "Digest"])
def test_only_bearer_is_a_credential(site: Site, header: str) -> None:
    headers = {"Authorization": f"{header}{'' if header.endswith(' ') else ' '}{site.keys['all']}"}
    status = 200 if header.strip().lower() == "bearer" and header != "Bearer\t" else 401
    assert site.client.get("/v1/bots", headers=headers).status_code == status


@pytest.mark.parametrize("name", endpoints(guarded=True))
@pytest.mark.usefixtures("unchanged")
def test_a_key_without_the_scope_is_403_and_written_down(site: Site, name: str) -> None:
    route = DECLARED[name].route
    ids = {**site.bots["ours", "acme"].ids, "bot": "acme"}
    wrong = [scope for scope in SCOPES if scope not in route.access.scopes]
    public = ["public"] if PUBLIC not in route.access.scopes else []
    for key in (*wrong, *public):
        denied = site.counts()["audit"]
        answer = site.ask(route.method, address(route, ids), key, **request_for(route, ids))
        assert error_of(answer, 403)["code"] == "forbidden", key
        assert site.counts()["audit"] == denied + 1
        absent = site.ask(route.method, address(route, {}), key, **request_for(route, ids))
        assert likeness(absent) == likeness(answer), "what is there shows through a refusal"


@pytest.mark.parametrize("name", endpoints(guarded=True))
@pytest.mark.usefixtures("unchanged")
def test_all_scopes_but_the_right_one_are_not_enough(site: Site, name: str) -> None:
    route = DECLARED[name].route
    ids = {**site.bots["ours", "acme"].ids, "bot": "acme"}
    if len(route.access.scopes) == 1 and route.access.scopes[0] in SCOPES:
        key = f"without {route.access.scopes[0]}"
        error_of(site.ask(route.method, address(route, ids), key, **request_for(route, ids)), 403)


@pytest.mark.parametrize("name", endpoints(guarded=True))
@pytest.mark.usefixtures("unchanged")
def test_the_visitor_of_one_bot_is_nobody_at_another(site: Site, name: str) -> None:
    """Of a workspace's other bot, of a bot of that name elsewhere, and of no bot at all: all the same."""
    route = DECLARED[name].route
    ours = {**site.bots["ours", "acme"].ids, "bot": "acme"}
    for token in (site.bots["ours", "beta"].token, site.bots["theirs", "beta"].token):
        there = site.ask(route.method, address(route, ours), token, **request_for(route, ours))
        nowhere = site.ask(route.method, address(route, {}), token, **request_for(route, ours))
        assert there.status_code == (404 if "visitor" in route.access.scopes and "bot" in route.parameters else 403)
        assert likeness(there) == likeness(nowhere)


def children(route: Route) -> tuple[str, ...]:
    """The things below a bot that a request for `route` names: in its address, or in its body."""
    in_body = ("turn",) if route.body is not None and "turn" in route.body.model_fields else ()
    return tuple(name for name in (*route.parameters, *in_body) if name not in ("bot", "name"))


FOREIGN = [(name, "bot") for name in endpoints(guarded=True) if "bot" in DECLARED[name].route.parameters]
FOREIGN += [(name, child) for name in endpoints(guarded=True) for child in children(DECLARED[name].route)]


@pytest.mark.parametrize(("name", "part"), FOREIGN)
@pytest.mark.usefixtures("unchanged")
def test_what_is_foreign_cannot_be_told_from_what_is_absent(site: Site, name: str, part: str) -> None:
    """The key of another workspace, and a key of one bot, at the ids of our `acme`; each beside an id that is none."""
    route = DECLARED[name].route
    ours = {**site.bots["ours", "acme"].ids, "bot": "acme"}
    callers = [("theirs", "theirs"), ("of beta", "ours"), (site.bots["ours", "beta"].token, "ours")]
    if PUBLIC in route.access.scopes:
        callers.append(("public of beta", "ours"))
    for key, place in callers:
        own = {**site.bots[place, "beta"].ids, "bot": "beta"}
        if part == "number":  # numbers are not secret and begin at 1 everywhere: none of theirs has this one
            continue
        if part == "bot":
            theirs, nobodys = {**ours, "bot": "acme"}, {**ours, "bot": "nobody"}
            if key == "theirs":  # they have an `acme` as well: below it stands nothing of ours
                theirs, nobodys = ours, {**ours, **{child: ABSENT[child] for child in children(route)}}
                if not children(route) or "number" in route.parameters:
                    continue
        else:
            theirs, nobodys = {**own, part: ours[part]}, {**own, part: ABSENT[part]}
        there = site.ask(route.method, address(route, theirs), key, **request_for(route, theirs))
        nowhere = site.ask(route.method, address(route, nobodys), key, **request_for(route, nobodys))
        assert there.status_code in (403, 404), (key, there.text)
        assert likeness(there) == likeness(nowhere), key
        assert error_of(there)["type"] == TYPES[there.status_code]


@pytest.mark.parametrize("name", [name for name in endpoints(guarded=True) if children(DECLARED[name].route)])
@pytest.mark.usefixtures("unchanged")
def test_the_child_of_another_bot_of_ones_own_is_absent_below_this_one(site: Site, name: str) -> None:
    """Whoever may see both bots: the parent in the address is checked, and so is the child."""
    route = DECLARED[name].route
    acme, beta = site.bots["ours", "acme"].ids, site.bots["ours", "beta"].ids
    if "bot" not in route.parameters or "number" in route.parameters:
        return
    for child in children(route):
        mixed = {**beta, "bot": "beta", child: acme[child]}
        absent = {**beta, "bot": "beta", child: ABSENT[child]}
        there = site.ask(route.method, address(route, mixed), "all", **request_for(route, mixed))
        nowhere = site.ask(route.method, address(route, absent), "all", **request_for(route, absent))
        assert there.status_code == 404
        assert likeness(there) == likeness(nowhere)


def test_a_release_of_another_number_is_absent_without_repeating_the_number(site: Site) -> None:
    paths = [f"/v1/bots/{bot}/releases/{number}" for bot, number in (("acme", 4711), ("acme", 4712), ("beta", 4711))]
    assert len({likeness(site.ask("GET", path)) for path in paths}) == 1


@pytest.mark.parametrize("name", endpoints(guarded=True))
def test_lists_of_another_workspace_hold_nothing_of_ours(site: Site, name: str) -> None:
    route = DECLARED[name].route
    if route.method != "GET" or children(route):
        return
    ours = [one for bot in ("acme", "beta") for one in site.bots["ours", bot].ids.values() if len(one) > 8]
    for key, place in (("theirs", "theirs"), ("of beta", "ours")):
        text = site.ask("GET", address(route, {"bot": "beta"}), key).text
        mine = site.bots[place, "beta"].ids.values()
        assert not [one for one in ours if one in text and one not in mine], key


def test_a_key_of_one_bot_sees_that_bot_alone(site: Site) -> None:
    beta = site.bots["ours", "beta"]
    assert [bot["name"] for bot in site.ask("GET", "/v1/bots", "of beta").json["data"]] == ["beta"]
    found = site.ask("GET", "/v1/jobs", "of beta").json["data"]
    assert {job["bot"] for job in found} == {"beta"}
    assert beta.ids["job"] in {job["id"] for job in found}
    other, none = (site.ask("GET", "/v1/jobs", "of beta", query_string={"bot": name}) for name in ("acme", "nobody"))
    assert likeness(other) == likeness(none)
    assert other.status_code == 404
    assert site.ask("GET", "/v1/admin/audit", "of beta").status_code == 403
    assert site.ask("POST", "/v1/bots", "of beta", json={"name": "another"}).status_code == 403


def test_a_visitor_sees_no_session_but_their_own(site: Site) -> None:
    site.ask("POST", "/v1/bots/acme/sessions", "public")
    opened = site.ask("POST", "/v1/bots/acme/sessions", "public").json
    mine, other = opened["id"], site.bots["ours", "acme"].ids
    assert site.ask("GET", f"/v1/bots/acme/sessions/{mine}", opened["token"]).status_code == 200
    there = site.ask("GET", f"/v1/bots/acme/sessions/{other['session']}", opened["token"])
    nowhere = site.ask("GET", f"/v1/bots/acme/sessions/{ABSENT['session']}", opened["token"])
    assert likeness(there) == likeness(nowhere)
    assert there.status_code == 404
    for asked, status in ((other["turn"], 404), (ABSENT["turn"], 404)):
        body = {"turn": asked, "rating": -1}
        error_of(site.ask("POST", "/v1/bots/acme/feedback", opened["token"], json=body), status)
    for session in (other["session"], ABSENT["session"]):
        body = {"message": "hello", "session": session}
        error_of(site.ask("POST", "/v1/bots/acme/chat", opened["token"], json=body), 404)


def test_a_key_reaches_only_the_sessions_it_opened(site: Site) -> None:
    """Two web shops with a key each of the same workspace: neither speaks in the other's conversations."""
    theirs = site.bots["ours", "acme"].ids["session"]
    for session in (theirs, ABSENT["session"]):
        body = {"message": "hello", "session": session}
        error_of(site.ask("POST", "/v1/bots/acme/chat", "visitor", json=body), 404)
        error_of(site.ask("GET", f"/v1/bots/acme/sessions/{session}", "visitor"), 404)


def test_every_answer_carries_what_every_answer_carries(site: Site) -> None:
    seen = set()
    for one in DECLARED.values():
        for key in (None, "read", "all"):
            answer = site.ask(one.route.method, address(one.route, {}), key, **request_for(one.route, {}))
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "Content-Security-Policy" in answer.headers
            assert answer.headers["X-Request-Id"].startswith("req_")
            assert "Set-Cookie" not in answer.headers
            assert "Server" not in answer.headers
            if one.route.rule.startswith("/v1"):
                assert answer.headers["Cache-Control"] == "no-store"
            seen.add(answer.headers["X-Request-Id"])
    assert len(seen) == 3 * len(DECLARED)


def test_revoking_a_key_ends_it_within_a_second(site: Site) -> None:
    from data.store import keys
    from data.store.keys import NewKey

    with site.store.begin() as tx:
        key, token = keys.create(tx, NewKey("to be ended", ["read"]))
    doorkeeper = site.app.extensions["attune"].doorkeeper
    assert site.ask("GET", "/v1/bots", token).status_code == 200
    with site.store.begin() as tx:
        keys.revoke(tx, key.id)
    now = doorkeeper._clock
    doorkeeper._clock = lambda: now() + 1.0
    try:
        assert site.ask("GET", "/v1/bots", token).status_code == 401
    finally:
        doorkeeper._clock = now


def test_a_route_without_access_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match="access"):
        Route(method="GET", rule="/v1/leak", answers={200: None})  # type: ignore[call-arg]
    for scopes in ((), ("everybody",), ("",)):
        with pytest.raises(ValueError, match="access names"):
            Access(*scopes)


def test_a_route_that_was_not_declared_stops_the_start(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def leaky(path: str, **options: Any) -> None:
        from service import app as building

        whole = building.apis

        class Leaky(Api):
            def register(self, app: Flask, serve: Any) -> None:
                super().register(app, serve)
                view = app.view_functions.get(options["endpoint"], lambda **_: "everything")
                app.add_url_rule(path, view_func=view, **options)

        monkeypatch.setattr(building, "apis", lambda: (*whole(), Leaky("leaky")))
        with pytest.raises(RuntimeError, match="without declared access"), site_at(site.settings.home, site.keys):
            pass
        monkeypatch.setattr(building, "apis", whole)

    leaky("/v1/leak", endpoint="leak")
    leaky("/v1/leak/<bot>", endpoint="bots.show", methods=["GET"])


def test_a_guard_checks_the_methods_too(site: Site) -> None:
    declared = DECLARED["bots.show"]
    app = Flask("other", static_folder=None)
    app.add_url_rule(declared.route.rule, "bots.show", lambda **_: "", methods=["GET"], provide_automatic_options=False)
    service = site.app.extensions["attune"]
    Gate(service, {"bots.show": declared}).install(app)
    app.add_url_rule(
        declared.route.rule, "bots.show", app.view_functions["bots.show"], methods=["DELETE"],
        provide_automatic_options=False,
    )  # fmt: skip
    with pytest.raises(RuntimeError, match="without declared access"):
        Gate(service, {"bots.show": declared}).install(app)
    with pytest.raises(RuntimeError, match="without declared access"):
        Gate(service, {"bots.show": replace(declared, route=replace(declared.route, rule="/v1/x/<bot>"))}).install(app)
