"""What a text means after what the brand said: `before` of the parse route, over an app with a model that reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from export import predict
from export.parts import Parts
from export.tagging import Span
from tests.flow.http.stage import Site, furnish, site_at

PARSE = "/v1/bots/acme/parse"


class Asked:
    """Stands where a trained model does: a number is what it was asked for."""

    def find(self, text: str, before: str | None = None) -> Sequence[Span]:
        if text != "7":
            return ()
        asked = {"How many people?": "people", "[email 1]?": "prepared"}
        return [Span(0, 1, asked.get(before, "something") if before else "number", 0.75)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("home")
    plain = predict.parts_of

    def with_entities(*given: Any) -> Parts:
        model: Any = Asked()
        return replace(plain(*given), entities=model)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predict, "parts_of", with_entities)
        with site_at(home, furnish(home)) as made:
            yield made


def parsed(site: Site, **body: Any) -> Any:
    return site.ask("POST", PARSE, "read", json=body)


@pytest.mark.parametrize(
    ("before", "kind"),
    [
        ({}, "number"),
        ({"before": None}, "number"),
        ({"before": "How many people?"}, "people"),
        ({"before": "  How many\u200b people? "}, "people"),
        ({"before": "jo@example.com?"}, "prepared"),
        ({"before": "And now?"}, "something"),
    ],
)
def test_a_number_is_what_the_brand_asked_for(site: Site, before: dict[str, Any], kind: str) -> None:
    told = parsed(site, text="7", **before)
    assert told.status_code == 200, told.text
    assert [(one["type"], one["value"]) for one in told.json["entities"]] == [(kind, "7")]


def test_the_intent_is_that_of_the_text_alone_and_nothing_is_kept(site: Site) -> None:
    rows = site.counts()
    plain, after = parsed(site, text="great thanks"), parsed(site, text="great thanks", before="weather on ben nevis")
    assert {name: after.json[name] for name in ("intent", "confidence", "ranking")} == {
        name: plain.json[name] for name in ("intent", "confidence", "ranking")
    }
    assert site.counts() == rows


@pytest.mark.parametrize(
    ("before", "code"), [("x" * 4_001, "message_too_long"), ("", "invalid"), (7, "invalid"), (["a"], "invalid")]
)
def test_what_the_brand_cannot_have_said_is_refused_by_its_name(site: Site, before: Any, code: str) -> None:
    told = parsed(site, text="7", before=before)
    assert (told.status_code, told.json["error"]["code"]) == (422, code)
    assert "before" in told.text
