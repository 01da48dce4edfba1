"""`attune keys`: made and shown once, listed without their secret, ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.settings import load_settings
from data.store import keys, open_store


@pytest.fixture
def attune_with_bot(attune: Callable[..., Any]) -> Callable[..., Any]:
    assert attune("init", "acme").code == 0
    return attune


def known(home: Path, token: str) -> Any:
    with open_store(load_settings(home, environ={}).store_url, home=home) as store:
        return keys.find(store, token)


def test_a_key_is_shown_once_and_ends_when_it_is_told_to(attune_with_bot: Callable[..., Any], home: Path) -> None:
    made = attune_with_bot("keys", "--create", "reports", "--scope", "read", "data", "--json").json
    assert known(home, made["key"]).scopes == ("read", "data")
    listed = attune_with_bot("keys", "--json")
    assert made["key"] not in listed.out
    assert [one["id"] for one in listed.json["keys"]] == [made["id"]]
    table = attune_with_bot("keys").out
    assert "reports" in table
    assert "valid" in table
    assert attune_with_bot("keys", "--revoke", made["id"]).code == 0
    assert known(home, made["key"]) is None
    assert "revoked" in attune_with_bot("keys").out


def test_a_public_key_is_for_a_bot_and_its_pages(attune_with_bot: Callable[..., Any], home: Path) -> None:
    asked = ("keys", "--create-public", "acme", "--origin", "https://shop.example", "--days", "30", "--json")
    made = attune_with_bot(*asked).json
    found = known(home, made["key"])
    assert (found.kind, found.origins) == ("public", ("https://shop.example",))
    assert found.expires_at is not None
    assert "until" in attune_with_bot("keys").out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--create", "x"), 2),
        (("--create", "x", "--scope", "everything"), 2),
        (("--create", "x", "--scope", "read", "--days", "0"), 2),
        (("--create", "x", "--scope", "read", "--origin", "https://shop.example"), 2),
        (("--create", "x", "--create-public", "acme"), 2),
        (("--create-public", "acme", "--scope", "read"), 2),
        (("--create-public", "acme", "--origin", "*"), 2),
        (("--create-public", "nobody"), 1),
        (("--revoke", "nothing"), 1),
    ],
)
def test_what_makes_no_sense_is_refused(
    attune_with_bot: Callable[..., Any], arguments: tuple[str, ...], code: int
) -> None:
    assert attune_with_bot("keys", *arguments).code == code
    assert attune_with_bot("keys", "--json").json == {"keys": []}
