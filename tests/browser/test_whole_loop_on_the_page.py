"""The whole loop with the sample brand on the page: a reply is corrected there, and the page says the better one."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from data.settings import load_settings
from data.split import split_of
from data.store import bots, keys, open_store
from data.store.keys import NewKey
from tests.flow.served import Client, server
from tests.flow.test_whole_loop import ASKED, BOT, FIX, SMALL, make_live, retrain, sample_brand

pytestmark = pytest.mark.slow


def public_key(home: Path, address: str) -> str:
    settings = load_settings(home, environ={})
    with open_store(settings.store_url, home=home) as store, store.begin() as tx:
        bot = bots.get(tx, BOT)
        return keys.create(tx, NewKey("page", (), "public", bot.id, (address,)))[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def talk(page: Any, message: str) -> str:
    """Say something on the page; what the bot replied."""
    facts = page.locator(".assistant .facts")
    before = facts.count()
    page.get_by_label("Your message").fill(message)
    page.get_by_label("Your message").press("Enter")
    facts.nth(before).wait_for(timeout=20_000)
    return str(page.locator("article.assistant", has=page.locator(".facts")).last.locator(".text").inner_text())


def start_over(page: Any) -> None:
    page.get_by_role("button", name="New conversation").click()
    page.locator(".assistant .facts").first.wait_for(state="detached")
    page.locator("article.assistant").first.wait_for()


def in_a_session_that_teaches(page: Any, address: str) -> None:
    """One session in ten is measured on and teaches nothing; which ones, its id settles."""
    for _ in range(40):
        page.goto(address)
        page.locator("article.assistant").first.wait_for()
        session = json.loads(page.evaluate("Object.values(sessionStorage)[0]"))["id"]
        if split_of(session) == "train":
            return
        page.evaluate("sessionStorage.clear()")


@pytest.mark.timeout(1800)
def test_a_correction_given_on_the_page_changes_what_the_page_says(browser: Any, tmp_path: Path) -> None:
    port = free_port()
    home, address = tmp_path / "home", f"http://127.0.0.1:{port}"
    with server(home) as (admin, _):
        sample_brand(admin)
        first = retrain(admin, tasks=["intent"], recipe=SMALL)
        make_live(admin, first)
        key = admin.key
    public = public_key(home, address)
    with server(home, "--port", str(port), "--page-key", public) as (plain, _):
        admin = Client(plain.url, key)
        page = browser.new_page(viewport={"width": 900, "height": 900})
        in_a_session_that_teaches(page, address)
        assert talk(page, "my parcel OB-40933 was meant to come tuesday and it has not moved")
        before = talk(page, ASKED)
        reply = page.locator("article.assistant", has=page.locator(".facts")).last
        reply.get_by_role("button", name="Correct this").click()
        reply.get_by_label("What should the bot have said?").fill(FIX)
        page.screenshot(path=str(tmp_path / "correcting.png"))
        reply.get_by_role("button", name="Send correction").click()
        page.get_by_text("Thank you. A reviewer will look at it.").last.wait_for()
        waiting = admin.get(f"/v1/bots/{BOT}/feedback?state=pending")["data"]
        assert [one["corrected_reply"] for one in waiting] == [FIX]
        accepted = admin.post(f"/v1/admin/bots/{BOT}/feedback/{waiting[0]['id']}/accept")
        assert accepted["outlook"]["used"]
        second = retrain(admin, tasks=["intent"], recipe=SMALL)
        make_live(admin, second)
        start_over(page)
        assert talk(page, ASKED) == FIX
        page.screenshot(path=str(tmp_path / "corrected.png"))
        make_live(admin, first)
        start_over(page)
        assert talk(page, ASKED) == before
        page.close()
