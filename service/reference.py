"""The HTTP reference: the OpenAPI document as pages for people, in HTML at /docs and in Markdown for docs/http.md.

`python -m service.reference` writes docs/http.md. Both follow from the routes as they are declared, so that they cannot
say anything else than what is served.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a body, or one parameter."""

    name: str
    type: str
    required: bool
    about: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One route as it is read."""

    method: str
    path: str
    summary: str
    scopes: tuple[str, ...]
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    answers: tuple[tuple[str, str], ...]

    @property
    def anchor(self) -> str:
        return f"{self.method}-{self.path.strip('/')}".lower().replace("/", "-").replace("{", "").replace("}", "")


@dataclass(frozen=True, slots=True)
class Shape:
    """One model: what an answer or a body holds."""

    name: str
    about: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """All there is to say, in the order in which it is said."""

    groups: tuple[tuple[str, str, tuple[Operation, ...]], ...]
    shapes: tuple[Shape, ...]


def reference(document: Mapping[str, Any]) -> Reference:
    """What `document` says."""
    schemas = document["components"]["schemas"]
    found: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                found[item[method]["tags"][0]].append(_operation(method, path, item[method], schemas))
    about = {tag["name"]: tag.get("description", "") for tag in document["tags"]}
    groups = tuple((name, about[name], tuple(operations)) for name, operations in found.items() if operations)
    shapes = tuple(
        Shape(name, schema.get("description", ""), tuple(_fields(schema)))
        for name, schema in sorted(schemas.items())
        if schema.get("properties")
    )
    return Reference(groups, shapes)


def _operation(method: str, path: str, told: Mapping[str, Any], schemas: Mapping[str, Any]) -> Operation:
    parameters = tuple(
        Field(one["name"], _type(one["schema"]), one.get("required", False), one.get("description", ""))
        for one in told.get("parameters", ())
    )
    body: tuple[Field, ...] = ()
    content = told.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        body = tuple(_fields(schemas[_referred(content["application/json"]["schema"])]))
    elif content:
        body = (Field("(the body)", " or ".join(content), True, "The file."),)
    answers = tuple((status, _answer(answer)) for status, answer in sorted(told["responses"].items()))
    return Operation(
        method.upper(),
        path,
        told.get("summary", ""),
        tuple(told.get("x-scopes", ())),
        parameters,
        body,
        answers,
    )


def _answer(answer: Mapping[str, Any]) -> str:
    for kind, content in answer.get("content", {}).items():
        name = _referred(content.get("schema", {}))
        return name or kind
    return "nothing"


def _fields(schema: Mapping[str, Any]) -> Iterator[Field]:
    required = set(schema.get("required", ()))
    for name, told in schema.get("properties", {}).items():
        yield Field(name, _type(told), name in required, told.get("description", ""))


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return _referred(schema)
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " | ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind)


def _referred(schema: Mapping[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def markdown(found: Reference) -> str:
    """The reference as docs/http.md holds it."""
    lines = ["# HTTP", "", "Written by `python -m service.reference` from the routes as they are declared.", ""]
    for name, about, operations in found.groups:
        lines += [f"## {name}", "", about, ""]
        for one in operations:
            scope = " or ".join(f"`{scope}`" for scope in one.scopes) or "nobody's key"
            lines += [f"### {one.method} {one.path}", "", f"{one.summary} Scope: {scope}.", ""]
            lines += _table(("parameter", "type", "", "about"), one.parameters)
            lines += _table(("field of the body", "type", "", "about"), one.body)
            lines += ["Answers: " + ", ".join(f"{status} {what}" for status, what in one.answers) + ".", ""]
    lines += ["## Shapes", ""]
    for shape in found.shapes:
        lines += [f"### {shape.name}", "", shape.about, ""]
        lines += _table(("field", "type", "", "about"), shape.fields)
    return "\n".join(lines).rstrip() + "\n"


def _table(head: tuple[str, ...], fields: tuple[Field, ...]) -> list[str]:
    if not fields:
        return []
    rows = [[f"`{one.name}`", one.type, "required" if one.required else "", one.about] for one in fields]
    cells = [list(head), ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells] + [""]


def main() -> int:
    """Write docs/http.md; with --check only say whether it is up to date."""
    from service.api.docs import described

    page = Path(__file__).parents[1] / "docs" / "http.md"
    text = markdown(reference(described()))
    if "--check" in sys.argv[1:]:
        return 0 if page.exists() and page.read_text(encoding="utf-8") == text else 1
    page.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
