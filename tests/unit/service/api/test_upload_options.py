"""How an upload over HTTP says how it is to be read."""

from __future__ import annotations

import pytest

from service.api.uploads import _options
from service.errors import Invalid
from service.schemas.uploads import UploadAsked


def test_the_brand_is_a_list_divided_by_commas():
    options = _options(UploadAsked(brand=" Acme Support, @acme.example ,", format="slack"))
    assert (options.brand, options.format) == (("Acme Support", "@acme.example"), "slack")
    assert _options(UploadAsked()).brand == ()


def test_a_brand_that_is_no_name():
    with pytest.raises(Invalid):
        _options(UploadAsked(brand="a\0b"))


@pytest.mark.parametrize(
    "asked",
    [
        {"map": "text=Was, role=Wer,role.Kunde=user"},
        {"map": '{"text": "Was", "role": "Wer", "role.Kunde": "user"}'},
        {"fields": '{"text": "Was", "role": "Wer", "role.Kunde": "user"}'},
    ],
)
def test_a_field_map_in_each_of_its_forms(asked):
    fields = _options(UploadAsked(sheet="Chats", **asked)).fields
    assert fields == {"text": "Was", "role": "Wer", "role.Kunde": "user"}
    assert _options(UploadAsked(sheet="Chats")).sheet == "Chats"


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"map": "text"}, "map"), ({"map": "{ "}, "map"), ({"map": '{"text": 3}'}, "map"), ({"fields": "[]"}, "fields"),
        ({"map": "text=a", "fields": "{}"}, "fields"), ({"map": "sky=blue"}, "format"),
        ({"map": '{"text": "a", "text": "b"}'}, "map"), ({"map": "role.Jo=boss"}, "format"),
    ],
)  # fmt: skip
def test_a_field_map_that_makes_no_sense(asked, param):
    with pytest.raises(Invalid) as caught:
        _options(UploadAsked(**asked))
    assert caught.value.details[0]["param"] == param
