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
