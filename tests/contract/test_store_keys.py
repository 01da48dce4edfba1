"""What every database must promise about keys and workspaces."""

from datetime import timedelta

import pytest

from data import tokens
from data.errors import NotFound, UsageError
from data.profile import BotProfile
from data.store import Store, bots, keys, workspaces
from data.store.keys import SCOPES, Key, NewKey
from tests.crowd import at_once

PAGE = "https://shop.example"


def a_key(store: Store, **said) -> tuple[Key, str]:
    with store.begin() as tx:
        return keys.create(tx, NewKey(**{"name": "ann", "scopes": ("read", "data"), **said}))


def a_public_key(store: Store, *origins: str, bot: str = "acme", **said) -> tuple[Key, str]:
    with store.begin() as tx:
        bot_id = (bots.find(tx, bot) or bots.create(tx, bot, BotProfile(name=bot))).id
        return keys.create(tx, NewKey("page", (), "public", bot_id, origins, **said))


def test_a_key_is_found_by_its_text_and_by_nothing_else(store: Store) -> None:
    key, text = a_key(store)
    assert keys.find(store, text) == key
    assert (key.workspace, key.kind, key.scopes, key.bot_id) == ("default", "secret", ("read", "data"), None)
    token = tokens.parse(text)
    assert token is not None
    wrong = [
        str(tokens.mint("key", key.id)),
        str(tokens.Token("pub", token.id, token.secret)),
        str(tokens.Token("vis", token.id, token.secret)),
        str(tokens.mint("key", "nobody")),
        text[:-1],
        f"{text} ",
        key.id,
        "",
        "\ud800\x00",
        "a" * 100_000,
    ]
    assert [keys.find(store, other) for other in wrong] == [None] * len(wrong)


def test_the_text_of_a_key_is_kept_nowhere(sqlite_store: Store) -> None:
    _, text = a_key(sqlite_store)
    token = tokens.parse(text)
    assert token is not None
    kept = b"".join(path.read_bytes() for path in sqlite_store.home.rglob("*") if path.is_file())
    assert token.id.encode() in kept
    assert token.secret.encode() not in kept
    assert token.digest.encode() in kept


def test_a_revoked_key_is_nobodys_and_revoking_twice_is_harmless(store: Store, clock) -> None:
    key, text = a_key(store)
    spare, spare_text = a_key(store)
    with store.begin() as tx:
        ended = keys.revoke(tx, key.id)
    clock.turn(60)
    with store.begin() as tx:
        assert keys.revoke(tx, key.id) == ended
        with pytest.raises(NotFound):
            keys.revoke(tx, "nobody")
    assert ended.revoked_at == clock.now - timedelta(seconds=60)
    assert keys.find(store, text) is None
    assert keys.find(store, spare_text) == spare


def test_a_key_holds_until_it_expires(store: Store, clock) -> None:
    _, text = a_key(store, expires_at=clock.now + timedelta(seconds=10))
    clock.turn(9.9)
    assert keys.find(store, text) is not None
    clock.turn(0.1)
    assert keys.find(store, text) is None


def test_when_a_key_was_used_last_is_noted(store: Store, clock) -> None:
    key, text = a_key(store)
    assert key.last_used_at is None
    clock.turn(5)
    with store.begin() as tx:
        keys.touch(tx, key.id)
    found = keys.find(store, text)
    assert found is not None
    assert found.last_used_at == clock.now


def test_keys_are_listed_oldest_first_revoked_ones_too(store: Store, clock) -> None:
    with store.read() as tx:
        assert keys.list_all(tx) == []
        assert not keys.has_any(tx)
    made = []
    for name in ("c", "a", "b"):
        made.append(a_key(store, name=name)[0].id)
        clock.turn(1)
    with store.begin() as tx:
        keys.revoke(tx, made[0])
        assert [key.id for key in keys.list_all(tx)] == made
        assert keys.has_any(tx)


def test_a_key_that_makes_no_sense_is_not_made(store: Store) -> None:
    for said in (
        {"scopes": ()},
        {"scopes": ("read", "root")},
        {"name": "  "},
        {"name": "\x00\n\u200b"},
        {"origins": (PAGE,)},
        {"kind": "public"},
    ):
        with pytest.raises(UsageError):
            a_key(store, **said)
    with store.read() as tx:
        assert not keys.has_any(tx)


def test_a_public_key_has_no_scopes_and_a_bot_that_is_there(store: Store) -> None:
    key, text = a_public_key(store, PAGE)
    assert (key.kind, key.scopes, key.origins) == ("public", (), (PAGE,))
    assert text.startswith("att_pub_")
    assert keys.find(store, text) == key
    with store.begin() as tx:
        with pytest.raises(UsageError):
            keys.create(tx, NewKey("page", SCOPES, "public", key.bot_id))
        with pytest.raises(NotFound):
            keys.create(tx, NewKey("page", (), "public", "bot_0", (PAGE,)))


@pytest.mark.parametrize("origin", [PAGE, "http://localhost:3000", "http://127.0.0.1:8080", "http://[::1]:3000"])
def test_what_browsers_send_is_an_origin(origin: str) -> None:
    assert keys.is_origin(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "", "*", "null", "shop.example", "https://", "https://*", "https://*.shop.example", "https://shop.example/",
        "https://shop.example/page", "https://Shop.example", "HTTPS://shop.example", "ftp://shop.example",
        "https://shop.example:443", "http://shop.example:80", "https://shop.example:0", "https://shop.example:65536",
        "https://me@shop.example", "https://shop.example?x", "https://shop.example#x", "https://shop.example\n",
        " https://shop.example", "https://shöp.example", "https://shop.example:", "https://[::::]", "file://",
        "https://shop.example:٣٣",
    ],
)  # fmt: skip
def test_what_they_never_send_is_none(origin: str) -> None:
    assert not keys.is_origin(origin)


def test_a_key_for_pages_that_cannot_be_is_not_made(store: Store) -> None:
    with pytest.raises(UsageError, match="origin"):
        a_public_key(store, PAGE, "*")


def test_the_origins_of_valid_public_keys_of_all_workspaces_are_known(store: Store, clock) -> None:
    other = workspaces.ensure(store, "other")
    a_public_key(store, PAGE, "https://www.shop.example")
    a_public_key(other, "https://other.example", PAGE)
    a_public_key(store, "https://late.example", expires_at=clock.now + timedelta(seconds=5))
    gone, _ = a_public_key(store, "https://gone.example")
    with store.begin() as tx:
        keys.revoke(tx, gone.id)
    clock.turn(5)
    assert keys.origins(store) == keys.origins(other) == {PAGE, "https://www.shop.example", "https://other.example"}


def test_a_key_is_found_from_any_workspace_and_managed_from_its_own(store: Store) -> None:
    other = workspaces.ensure(store, "other")
    key, text = a_key(other)
    assert key.workspace == "other"
    assert keys.find(store, text) == keys.find(other, text) == key
    with store.begin() as tx:
        assert keys.list_all(tx) == []
        assert not keys.has_any(tx)
        keys.touch(tx, key.id)
        for ask in (keys.get, keys.revoke):
            with pytest.raises(NotFound):
                ask(tx, key.id)
    assert keys.find(store, text) == key


def test_a_public_key_cannot_name_a_bot_of_another_workspace(store: Store) -> None:
    other = workspaces.ensure(store, "other")
    key, _ = a_public_key(store, PAGE)
    with other.begin() as tx, pytest.raises(NotFound):
        keys.create(tx, NewKey("page", (), "public", key.bot_id, (PAGE,)))


def test_a_name_is_kept_as_it_can_be_shown(store: Store) -> None:
    assert a_key(store, name=f" a\x00b\n\ud800{'é' * 300}")[0].name == "ab" + "é" * 198


def test_a_workspace_is_made_once_however_many_ask(store: Store) -> None:
    seen = at_once(8, lambda _: workspaces.ensure(store, "acme").workspace)
    assert set(seen) == {"acme"}
    assert workspaces.list_all(store) == ["acme", "default"]
    assert workspaces.ensure(store, "default").workspace == "default"


def test_a_workspace_needs_a_plain_name(store: Store) -> None:
    for name in ("", "Acme", "a/b", "../x", "a b", "a" * 65, "-a", "a\n", "a.b"):
        with pytest.raises(UsageError, match="lower-case"):
            workspaces.ensure(store, name)
    assert workspaces.list_all(store) == ["default"]
