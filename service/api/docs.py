"""The contract: as a document for programs, and as a page for people. Both work without any network."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from flask import Response, current_app
from flask_openapi.openapi import OpenAPI

from data.version import attune_version
from service.api._spec import Access, Api, Call, Route
from service.error_codes import CODES
from service.pages import render
from service.reference import reference

api = Api("docs", "This contract.")
HTML = "text/html"
QUERY_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f\ufffd]*$"
"""What no parameter of a query holds: control characters, and what stands for bytes that are no text."""
HEADERS = {"401": ("WWW-Authenticate",), "405": ("Allow",), "429": ("Retry-After",)}
"""Headers that every answer of a status has."""


@api.route(Route(method="GET", rule="/openapi.json", access=Access.open(), answers={200: "application/json"}))
def openapi(call: Call) -> Response:
    """The OpenAPI document."""
    body = json.dumps(document(current_app.api_doc), ensure_ascii=False)  # type: ignore[attr-defined]  # OpenAPI
    return Response(body, content_type="application/json; charset=utf-8")


@api.route(Route(method="GET", rule="/docs", access=Access.open(), answers={200: HTML}))
def page(call: Call) -> Response:
    """The contract for people."""
    found = reference(document(current_app.api_doc))  # type: ignore[attr-defined]  # flask_openapi.OpenAPI
    return render("docs.html", reference=found, version=attune_version(), codes=CODES)


def document(raw: dict[str, Any]) -> dict[str, Any]:
    """The library's document without what it adds of its own: each answer is one that we declared."""
    paths = {}
    for path, item in sorted(raw["paths"].items()):
        paths[path] = {method: _mended(operation) for method, operation in item.items()}
    schemas = {name: _closed(schema) for name, schema in raw["components"]["schemas"].items()}
    schemas = {name: schema for name, schema in schemas.items() if not name.startswith("ValidationError")}
    return {**raw, "paths": paths, "components": {**raw["components"], "schemas": schemas}}


def _mended(operation: dict[str, Any]) -> dict[str, Any]:
    responses = {
        status: _answer(status, answer)
        for status, answer in operation["responses"].items()
        if (answer.get("content", {}).get("application/json", {}).get("schema", {}).get("type") != "array")
    }
    told = {name: value for name, value in operation.items() if name not in ("x-streams", "x-optional-body")}
    if operation.get("x-optional-body"):
        told["requestBody"] = {**told["requestBody"], "required": False}
    if operation.get("x-streams"):
        responses["200"]["content"]["text/event-stream"] = {"schema": {"type": "string"}}
    if "parameters" in told:
        told["parameters"] = [_parameter(one) for one in told["parameters"]]
    return {**told, "responses": responses}


def _answer(status: str, answer: dict[str, Any]) -> dict[str, Any]:
    names = ["X-Request-Id", *HEADERS.get(status, ())]
    headers = {name: {"required": True, "schema": {"type": "string"}} for name in names}
    return {**answer, "description": answer.get("description") or "As described.", "headers": headers}


def _parameter(told: dict[str, Any]) -> dict[str, Any]:
    """A parameter is left out, not null: a query has no word for that."""
    schema = told["schema"]
    kinds = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(kinds) == 1:
        schema = {**{name: value for name, value in schema.items() if name != "anyOf"}, **kinds[0]}
    if told["in"] == "query" and schema.get("type") == "string" and "enum" not in schema:
        schema = {"pattern": QUERY_PATTERN, **schema}
    return {**told, "schema": schema}


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without the definitions inside it, which stand beside it as well."""
    return {name: value for name, value in schema.items() if name != "$defs"}


@cache
def described() -> dict[str, Any]:
    """The document of an application that serves nothing: for the reference in docs/."""
    from service.api import apis

    app = OpenAPI("service", info={"title": "attune", "version": attune_version()}, doc_ui=False, static_folder=None)
    app.openapi_version = "3.1.0"
    app.security_schemes = {"bearer": {"type": "http", "scheme": "bearer"}}
    for one in apis():
        one.register(app, lambda *_: Response())
    return document(app.api_doc)
