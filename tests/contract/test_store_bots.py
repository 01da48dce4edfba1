"""What every database must promise about bots and their profiles."""

import pytest

from data.errors import Conflict, NameTaken, NotFound, UsageError
from data.profile import BotProfile, Intent
from data.store import Store, bots

PROFILE = BotProfile(name="Acme")


def test_a_bot_is_found_by_name_and_by_id(store: Store) -> None:
    with store.begin() as tx:
        made = bots.create(tx, "acme", PROFILE)
    with store.read() as tx:
        assert bots.get(tx, "acme") == bots.get_by_id(tx, made.id) == made
        assert bots.profile(tx, made.id) == (1, PROFILE)
        assert made.created_at == tx.now


def test_bots_are_listed_by_name(store: Store) -> None:
    with store.begin() as tx:
        for name in ("zeta", "acme", "mid"):
            bots.create(tx, name, PROFILE)
        assert [bot.name for bot in bots.list_all(tx)] == ["acme", "mid", "zeta"]


def test_a_taken_name_is_refused_and_the_transaction_goes_on(store: Store) -> None:
    with store.begin() as tx:
        bots.create(tx, "acme", PROFILE)
        with pytest.raises(NameTaken):
            bots.create(tx, "acme", PROFILE)
        bots.create(tx, "other", PROFILE)
    with store.read() as tx:
        assert len(bots.list_all(tx)) == 2


def test_only_plain_folder_names_are_taken(store: Store) -> None:
    refused = ["", "Acme", "../x", "a/b", "a b", "-a", "a-", "a" * 65, "ácme", "a\n", "a\0", "٣", "C:x", "."]
    with store.begin() as tx:
        for name in refused:
            with pytest.raises(UsageError, match="lower-case"):
                bots.create(tx, name, PROFILE)
        for name in ("a", "acme-2_x", "0", "a" * 64):
            assert bots.create(tx, name, PROFILE).name == name


def test_saving_a_profile_keeps_every_version(store: Store) -> None:
    changed = PROFILE.model_copy(update={"intents": (Intent(name="refund", answers=("Of course: ✓ \x00.",)),)})
    with store.begin() as tx:
        bot = bots.create(tx, "acme", PROFILE)
        assert bots.save_profile(tx, bot.id, changed) == 2
        assert bots.save_profile(tx, bot.id, PROFILE, expected_version=2) == 3
    with store.read() as tx:
        assert bots.profile(tx, bot.id) == (3, PROFILE)
        assert bots.profile(tx, bot.id, 2) == (2, changed)
        assert bots.get(tx, "acme").profile_version == 3


def test_saving_over_a_version_one_has_not_seen_is_refused(store: Store) -> None:
    with store.begin() as tx:
        bot = bots.create(tx, "acme", PROFILE)
        bots.save_profile(tx, bot.id, PROFILE)
        with pytest.raises(Conflict, match="version 2") as refused:
            bots.save_profile(tx, bot.id, PROFILE, expected_version=1)
    assert refused.value.ids["version"] == 2


def test_what_is_absent_is_not_found(store: Store) -> None:
    with store.begin() as tx:
        bot = bots.create(tx, "acme", PROFILE)
        for ask in (
            lambda: bots.get(tx, "nobody"),
            lambda: bots.get_by_id(tx, "bot_0"),
            lambda: bots.profile(tx, "bot_0"),
            lambda: bots.profile(tx, bot.id, 2),
            lambda: bots.save_profile(tx, "bot_0", PROFILE),
        ):
            with pytest.raises(NotFound):
                ask()


def test_ids_sort_by_the_time_of_their_making(store: Store, clock) -> None:
    made = []
    for name in ("c", "b", "a"):
        with store.begin() as tx:
            made.append(bots.create(tx, name, PROFILE).id)
        clock.turn(0.001)
    assert made == sorted(made)
