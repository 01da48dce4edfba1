"""What a bot says of its reply: all of it to those who may read conversations, to visitors no words left unsaid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from data.store import bots, keys, open_store
from data.store.keys import SCOPES, NewKey
from tests.flow.http.stage import Site, settings_of, site_at
from tests.flow.tiny_release import REPLIES
from tests.homes import lay_home
from tests.writing import BOT, lay_writer, publish_writer

CHAT = f"/v1/bots/{BOT}/chat"
MESSAGE = "my parcel has not moved"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """With a key for each way to ask, and one bot, which writes what it must not say."""
    home = tmp_path_factory.mktemp("home")
    settings = settings_of(home)
    with open_store(settings.store_url, home=lay_home(home)) as store:
        publish_writer(store, settings, lay_writer(home, tmp_path_factory.mktemp("work")))
        with store.begin() as tx:
            wanted = {"all": NewKey("all", SCOPES), "client": NewKey("client", ["visitor"])}
            wanted |= {scope: NewKey(scope, ["visitor", scope]) for scope in ("read", "data", "review", "admin")}
            wanted["public"] = NewKey("public", (), "public", bots.get(tx, BOT).id)
            made = {name: keys.create(tx, new)[1] for name, new in wanted.items()}
    with site_at(home, made) as opened:
        yield opened


def explained(site: Site, key: str, token: str | None = None, **more: Any) -> Any:
    """The answer to a first message in a session that this key opened, asked with `token` or the key."""
    opened = site.ask("POST", f"/v1/bots/{BOT}/sessions", key).json
    named = {} if token else {"session": opened["id"]}
    whom = opened["token"] if token else key
    told = site.ask("POST", CHAT, whom, json={"message": MESSAGE, **named, **more})
    assert told.status_code == 200, told.text
    return told.json


@pytest.mark.parametrize("key", ["all", "data", "review", "admin"])
def test_who_may_read_conversations_is_told_everything(site: Site, key: str) -> None:
    told = explained(site, key, explain=True)
    assert told["source"] == "retrieved"
    why = told["explanation"]
    assert why["reason"].startswith("An earlier reply of the brand fits")
    assert {one["reply"] for one in why["candidates"]} == set(REPLIES)
    (draft,) = why["drafts"]
    assert draft["reply"]
    assert draft["flaws"]


@pytest.mark.parametrize("key", ["public", "client", "read"])
def test_a_visitor_reads_no_words_that_were_not_said(site: Site, key: str) -> None:
    token = "visitor" if key == "public" else None
    in_full = explained(site, "all", explain=True)
    unsaid = [one["reply"] for one in (*in_full["explanation"]["candidates"], *in_full["explanation"]["drafts"])]
    unsaid.remove(in_full["reply"])
    told = explained(site, key, token, explain=True)
    assert told["reply"] == in_full["reply"]
    why = told["explanation"]
    assert [one.get("reply") for one in why["candidates"]] == [told["reply"], None, None], "what was said is said"
    (draft,) = why["drafts"]
    assert set(draft) == {"score", "voice", "flaws", "tokens"}
    assert draft["flaws"]
    assert why["reason"] == in_full["explanation"]["reason"]
    assert not any(words in str(told) for words in unsaid)


def test_a_repeated_message_tells_no_more_than_the_first(site: Site) -> None:
    opened = site.ask("POST", f"/v1/bots/{BOT}/sessions", "public").json
    asked = {"message": MESSAGE, "message_id": "m1", "explain": True}
    first, again = (site.ask("POST", CHAT, opened["token"], json=asked).json for _ in range(2))
    assert again == first
    assert "reply" not in again["explanation"]["drafts"][0]


def test_the_last_event_of_a_stream_tells_as_much(site: Site) -> None:
    opened = site.ask("POST", f"/v1/bots/{BOT}/sessions", "public").json
    asked = {"message": MESSAGE, "stream": True, "explain": True}
    with site.ask("POST", CHAT, opened["token"], json=asked) as told:
        text = told.get_data(as_text=True)
    assert text.count("event: reply") == 1
    assert '"drafts"' in text
    assert not any(words in text for words in REPLIES[1:])


def test_nothing_is_explained_to_who_does_not_ask(site: Site) -> None:
    assert explained(site, "all")["explanation"] is None
