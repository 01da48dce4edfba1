"""What the brand told one customer alone is found; what it tells everybody is not."""

from __future__ import annotations

from data.schema import Example
from data.settings import ImportSettings
from data.written import Written
from export.grounding import Grounding
from trainer.replies.details import private_details

GROUNDING = Grounding(Written(ImportSettings()), ["Acme", "Heron 2"])


def found(*said: tuple[str, str]) -> dict[str, tuple[str, ...]]:
    """Of (conversation, reply)."""
    rows = [
        Example(str(at), conversation, "u", "train", "hello", "en", reply=reply)
        for at, (conversation, reply) in enumerate(said)
    ]
    return dict(private_details(rows, GROUNDING))


def test_names_addresses_numbers_and_dates_of_one_customer() -> None:
    told = found(
        ("a", "Hi Marlene, your parcel goes to 14 Quince Lane on 12 March."),
        ("b", "I see the jacket under ZX-81-QQ, it cost 84.50 euros."),
        ("c", "Priya, that is done."),
        ("d", "We will call Mr Okonkwo back."),
        ("e", "Thanks for writing to Acme, the Heron 2 is back soon."),
    )
    held = {key[:9]: set(details) for key, details in told.items()}
    assert {"Marlene", "14", "Quince Lane", "12 March"} <= held["hi marlen"]
    assert any("81" in detail for detail in held["i see the"])
    assert any("84.50" in detail for detail in held["i see the"])
    assert held["priya, th"] == {"Priya"}
    assert any("Okonkwo" in detail for detail in held["we will c"])
    assert "thanks fo" not in held


def test_what_several_are_told_is_nobodys_own() -> None:
    told = found(
        ("a", "We are open until 18:30."),
        ("b", "The shop closes at 6:30 pm."),
        ("a", "Sorry, that is sold out."),
        ("b", "I am sorry about that."),
        ("c", "It takes 3 days."),
        ("d", "It takes 3 days."),
    )
    assert told == {}


def test_one_conversation_is_one_however_often_it_is_said_there() -> None:
    told = found(("a", "Hi Marlene, hello."), ("a", "Bye now Marlene."), ("b", "Hello there."))
    assert told == {"hi marlene, hello.": ("Marlene",), "bye now marlene.": ("Marlene",)}


def test_what_stands_in_a_context_counts_as_said() -> None:
    rows = [
        Example("1", "a", "u", "train", "x", "en", reply="Open until 19:45 today."),
        Example("2", "b", "u", "train", "oh no", "en", context=(("agent", "We close at 19:45."),), reply="Thank you."),
        Example("3", "a", "u", "train", "x", "en", reply="Oh, good."),
    ]
    assert private_details(rows, GROUNDING) == {}
