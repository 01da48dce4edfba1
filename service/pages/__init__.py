"""Pages for people, rendered here and served with everything they need: no script or style comes from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from flask import Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

STATIC_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("service.pages", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, **values: Any) -> Response:
    """The page `template` with `values`; everything that is put in is escaped."""
    return Response(written(template, **values), content_type="text/html; charset=utf-8")


def written(template: str, **values: Any) -> str:
    """The text of the page `template` with `values`; everything that is put in is escaped."""
    return _environment().get_template(template).render(**values)


@cache
def inline_style(name: str) -> tuple[Markup, str]:
    """A style of ours to stand inside a page, and the only source of styles that page's policy has to allow."""
    text = files("service.pages").joinpath("static", name).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(text), f"'sha256-{digest}'"  # noqa: S704 - a file of ours


@cache
def asset(name: str) -> tuple[bytes, str] | None:
    """A file of ours and its type; None where there is none of that name."""
    if name not in _names():
        return None
    kind = STATIC_TYPES[name[name.rindex(".") :]]
    return files("service.pages").joinpath("static", name).read_bytes(), f"{kind}; charset=utf-8"


@cache
def _names() -> frozenset[str]:
    folder = files("service.pages").joinpath("static")
    return frozenset(one.name for one in folder.iterdir() if one.name[one.name.rfind(".") :] in STATIC_TYPES)
