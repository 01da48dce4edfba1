"""Passwords, keys and tokens that somebody says: what is hidden, and what talk of passwords stays."""

from __future__ import annotations

import pytest

from data.redact import Memory, Redactor
from data.settings import ImportSettings

REDACTOR = Redactor(ImportSettings())


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("my password is Tr0ub4dor, why", "my password is [secret 1], why"),
        ("the pw is still wren!Hill", "the pw is still [secret 1]"),
        ("Kundenkennwort: heuboden7", "Kundenkennwort: [secret 1]"),
        ("mot de passe : « mistral 12 rouge »", "mot de passe : « [secret 1] »"),
        ("passcode for the staff portal is Ardent_88", "passcode for the staff portal is [secret 1]"),
        ("wifi password birch!tree9 fails", "wifi password [secret 1] fails"),
        ("密码是hongye2020进不去", "密码是[secret 1]进不去"),
        ("user: jo password: sunshine", "user: jo password: [secret 1]"),
        ("password abc!123x no wait abd!123x", "password [secret 1] no wait [secret 2]"),
        ("the password, I believe, might be otter_Creek", "the password, I believe, might be [secret 1]"),
        ("access token Zq81mmLp02 is refused", "access token [secret 1] is refused"),
        ("we leaked ghp_abcdefghij0123456789", "we leaked [secret 1]"),
        (
            "token: https://shop.example/x?access_token=Zq81mmLp02&v=2",
            "token: https://shop.example/x?access_token=[secret 1]&v=2",
        ),
        ("eyJhbGciOiJI.eyJzdWIiOiI4 expired", "[secret 1] expired"),
    ],
)
def test_a_secret_that_is_said_is_hidden(text: str, hidden: str) -> None:
    assert REDACTOR.redact(text, Memory()).text == hidden


@pytest.mark.parametrize(
    "text",
    [
        "my password is wrong again",
        "I forgot my password: help",
        "password: ********",
        "password is YOUR_PASSWORD",
        "the password is 8 characters",
        "password reset for iphone15 does not work",
        "two-factor password, 24-hour lock",
        "the token is expired since 12:30",
        "token: <your-token>",
        "which key fits the cabinet KX4-20",
        "passengers pass at gate B12",
        "my password changed on 12/03/2024",
        "token machine gave 3 tokens for 2 games",
    ],
)
def test_talk_of_secrets_stays(text: str) -> None:
    assert REDACTOR.redact(text, Memory()).text == text


def test_the_same_secret_keeps_its_placeholder() -> None:
    memory = Memory()
    assert REDACTOR.redact("my password is Tr0ub4dor", memory).text == "my password is [secret 1]"
    assert REDACTOR.redact("as I said, password: Tr0ub4dor", memory).text == "as I said, password: [secret 1]"


def test_time_grows_with_the_length_of_the_text() -> None:
    """Nothing here looks back over what it has read: a million characters end."""
    assert REDACTOR.redact("password " * 20_000 + "is a1", Memory()).counts == {}


@pytest.mark.parametrize("letter", ["１", "Ａ"])
def test_digits_and_letters_of_full_width_are_read_as_plain_ones(letter: str) -> None:
    assert REDACTOR.redact(f"订单号{letter}３３０９９１７", Memory()).text == "订单号[order 1]"


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("firmware 4.2.0.18 was bad, all was fine on 4.1.9.2", True),
        ("firmware 4.2.0.18 was bad. Ping 10.0.0.7 is lost", False),
        ("manual step 1.2.3.4 says so", True),
        ("I read 10.4.2.2 as a paragraph", True),
        ("v4 192.0.2.61 is blocked", False),
    ],
)
def test_versions_and_addresses_of_machines_are_told_apart(text: str, stays: bool) -> None:
    assert (REDACTOR.redact(text, Memory()).text == text) is stays
