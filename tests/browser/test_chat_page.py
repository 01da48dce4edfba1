"""The chat page in a browser, against the real server: what a visitor sees, does, and is spared."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from data.store import bots, feedback, sessions, turns

WHERE = "where is the tracking of my parcel"
SILENT = "A person has this conversation now; the bot is silent."
THANKS = "Thank you. A reviewer will look at it."
UNREACHABLE = "The server cannot be reached. What you wrote is kept."
FAILED = "Failed to load resource"
HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script> javascript:alert(3) &amp; </div>'

Chat = Callable[..., Any]


def send(page: Any, text: str) -> None:
    page.get_by_label("Your message").fill(text)
    page.get_by_label("Your message").press("Enter")


def facts(page: Any) -> Any:
    return page.locator(".assistant .facts")


def asked(page: Any, text: str = WHERE) -> Any:
    """The bot's reply to `text`, once it stands there whole."""
    before = facts(page).count()
    send(page, text)
    facts(page).nth(before).wait_for()
    return page.locator("article.assistant", has=page.locator(".facts")).last


def said(page: Any) -> list[tuple[str, str]]:
    """(by whom, what) of all that stands on the page."""
    found = page.locator("article").evaluate_all(
        "all => all.map(o => [o.className, o.querySelector('.text').innerText])"
    )
    return [(who, text) for who, text in found]


def kept(page: Any) -> dict[str, Any]:
    return dict(json.loads(page.evaluate("Object.values(sessionStorage)[0]")))


def stored(site: Any, page: Any) -> list[Any]:
    """The turns that the store holds of the page's session."""
    with site.store.read() as tx:
        return turns.of_session(tx, kept(page)["id"])


def given(site: Any, page: Any) -> list[Any]:
    """The feedback that waits for a reviewer and speaks of the page's session."""
    with site.store.read() as tx:
        found = feedback.page(tx, bots.get(tx, "otter").id, state="pending", limit=100)
    return [one for one in found if one.session_id == kept(page)["id"]]


# ---- Talking ----


def test_the_greeting_opens_the_conversation(chat: Chat, heard: Any):
    page = chat()
    assert said(page) == [("assistant", "Hello <i>you</i>. Our help: https://otterbrook.example/help?a=1&b=2.")]
    assert page.title() == 'Chat with Otter & "Brook" <b>outdoors</b>'
    assert page.locator("h1").inner_text() == 'Otter & "Brook" <b>outdoors</b>'
    assert page.evaluate("document.activeElement.id") == "draft"
    assert heard.complaints == []


def test_a_reply_says_where_it_comes_from(chat: Chat, site: Any, heard: Any):
    page = chat()
    reply = asked(page)
    message, answer = stored(site, page)
    assert reply.locator(".text").inner_text() == answer.text
    assert page.locator(".user .text").inner_text() == message.text == WHERE
    names = reply.locator("dt").all_text_contents()
    values = reply.locator("dd").all_inner_texts()
    percent = f"confidence {round(answer.confidence * 100)}%"
    assert dict(zip(names, values, strict=True)) == {
        "Intent": "where an order is",
        "Confidence": percent,
        "Source": "approved answer",
        "Release": "otter@1",
    }
    assert page.get_by_label("Your message").input_value() == ""
    assert heard.complaints == []


def test_what_is_out_of_scope_is_called_so(chat: Chat):
    reply = asked(chat(), "tell me a joke")
    assert reply.locator("dd").first.inner_text() == "out of scope"


def test_only_addresses_of_the_web_become_links(chat: Chat, site: Any):
    page = chat()
    links = page.locator("#log a")
    assert links.evaluate_all("all => all.map(o => [o.href, o.rel, o.target])") == [
        ["https://otterbrook.example/help?a=1&b=2", "noopener noreferrer nofollow", "_blank"]
    ]
    send(page, "I want a real person: javascript:alert(1) data:text/html,x")
    page.locator("article.user").wait_for()
    assert links.count() == 1


def test_hostile_text_is_text(chat: Chat, site: Any, heard: Any):
    page = chat()
    asked(page, HOSTILE)
    site.hand(kept(page)["id"], "human")
    site.say(kept(page)["id"], HOSTILE)
    send(page, "hello?")
    page.locator("article.agent").wait_for()
    page.reload()
    page.locator("article.agent").wait_for()
    texts = dict(said(page)[1:])
    assert (page.locator(".user .text").first.inner_text(), texts["agent"]) == (HOSTILE, HOSTILE)
    assert page.locator("#log :is(img, script, iframe, i, b)").count() == 0
    assert heard.dialogs == []
    assert heard.complaints == []


def test_enter_sends_and_shift_enter_breaks_the_line(chat: Chat):
    page = chat()
    draft = page.get_by_label("Your message")
    draft.type("where is")
    draft.press("Shift+Enter")
    draft.type("my parcel")
    assert draft.input_value() == "where is\nmy parcel"
    assert page.locator("article.user").count() == 0
    draft.press("Enter")
    facts(page).wait_for()
    assert page.locator(".user .text").inner_text() == "where is\nmy parcel"
    draft.fill("  \n ")
    draft.press("Enter")
    assert page.locator("article.user").count() == 1
    assert draft.get_attribute("maxlength") == "4000"


def test_a_reload_goes_on_with_the_conversation(chat: Chat):
    page = chat()
    reply = asked(page)
    reply.get_by_role("button", name="Poor reply").click()
    reply.get_by_text(THANKS).wait_for()
    before, session = said(page), kept(page)["id"]
    page.reload()
    facts(page).wait_for()
    assert said(page) == before
    assert kept(page)["id"] == session
    assert page.get_by_role("button", name="Poor reply").get_attribute("aria-pressed") == "true"


def test_a_new_conversation_begins_with_the_greeting(chat: Chat, heard: Any):
    page = chat()
    asked(page)
    session = kept(page)["id"]
    page.get_by_role("button", name="New conversation").click()
    page.locator("article.user").wait_for(state="detached")
    assert [who for who, _ in said(page)] == ["assistant"]
    assert kept(page)["id"] != session
    assert page.evaluate("document.activeElement.id") == "draft"
    assert heard.complaints == []


def test_a_reply_of_the_conversation_before_is_dropped(chat: Chat):
    page = chat()
    held: list[Any] = []
    page.route("**/chat", lambda route: held.append(route))
    send(page, WHERE)
    page.locator("article.growing").wait_for()
    page.get_by_role("button", name="New conversation").click()
    page.locator("article.user").wait_for(state="detached")
    page.unroute("**/chat")
    assert len(held) == 1
    asked(page, "thanks")
    assert [text for who, text in said(page) if who == "user"] == ["thanks"]
    assert page.get_by_role("alert").inner_text() == ""


@pytest.mark.parametrize("broken", ['{"id": "session_0", "token": "gone", "greeting": "", "given": {}}', "{", "null"])
def test_a_session_that_is_gone_is_replaced_at_a_reload(chat: Chat, broken: str):
    page = chat()
    page.evaluate("text => { sessionStorage[Object.keys(sessionStorage)[0]] = text }", broken)
    page.reload()
    page.get_by_text("Hello <i>you</i>").wait_for()
    asked(page)
    assert kept(page)["id"].startswith("session_")


def test_a_session_that_ended_meanwhile_is_replaced_at_the_next_message(chat: Chat):
    page = chat()
    page.evaluate("""() => {
        const name = Object.keys(sessionStorage)[0];
        sessionStorage[name] = JSON.stringify({...JSON.parse(sessionStorage[name]), token: "gone"});
    }""")
    page.route("**/sessions/*", lambda route: route.abort())
    page.reload()
    page.get_by_role("alert").get_by_text(UNREACHABLE).wait_for()
    page.unroute("**/sessions/*")
    asked(page)
    assert [who for who, _ in said(page)] == ["assistant", "user", "assistant"]
    assert page.get_by_role("alert").inner_text() == ""


# ---- Opinions ----


def test_thumbs_reach_the_reviewers(chat: Chat, site: Any, heard: Any):
    page = chat()
    reply = asked(page)
    good, poor = (reply.get_by_role("button", name=name) for name in ("Good reply", "Poor reply"))
    assert (good.get_attribute("aria-pressed"), poor.get_attribute("aria-pressed")) == ("false", "false")
    good.click()
    reply.get_by_text(THANKS).wait_for()
    assert (good.get_attribute("aria-pressed"), poor.get_attribute("aria-pressed")) == ("true", "false")
    assert [one.rating for one in given(site, page)] == [1]
    poor.click()
    page.locator("[data-rating='-1'][aria-pressed=true]").wait_for()
    assert good.get_attribute("aria-pressed") == "false"
    assert [(one.rating, one.by_visitor) for one in given(site, page)] == [(-1, True)]
    assert heard.complaints == []


def test_a_correction_waits_for_a_reviewer(chat: Chat, site: Any, heard: Any):
    page = chat()
    reply = asked(page)
    reply.get_by_role("button", name="Poor reply").click()
    reply.get_by_text(THANKS).wait_for()
    reply.get_by_role("button", name="Correct this").click()
    reply.get_by_label("What should the bot have said?").fill(f"  {HOSTILE}  ")
    reply.get_by_label("What was meant?").select_option("out of scope")
    reply.get_by_role("button", name="Send correction").click()
    reply.locator("form").wait_for(state="hidden")
    (one,) = given(site, page)
    assert (one.rating, one.corrected_reply, one.corrected_intent) == (-1, HOSTILE, "oos")
    assert (one.turn_id, one.state) == (stored(site, page)[1].id, "pending")
    assert heard.complaints == []


def test_a_correction_that_says_nothing_is_not_sent(chat: Chat, site: Any):
    page = chat()
    reply = asked(page)
    reply.get_by_role("button", name="Correct this").click()
    reply.get_by_role("button", name="Send correction").click()
    reply.get_by_text("Write what the bot should have said, or choose what was meant.").wait_for()
    reply.get_by_role("button", name="Cancel").click()
    assert reply.locator("form").is_hidden()
    assert given(site, page) == []


def test_a_correction_that_cannot_be_sent_is_kept(chat: Chat, site: Any, heard: Any):
    page = chat()
    reply = asked(page)
    reply.get_by_role("button", name="Correct this").click()
    box = reply.get_by_label("What should the bot have said?")
    box.fill("It is on its way.")
    page.route("**/feedback", lambda route: route.abort())
    reply.get_by_role("button", name="Send correction").click()
    reply.get_by_text(UNREACHABLE).wait_for()
    assert box.input_value() == "It is on its way."
    page.unroute("**/feedback")
    reply.get_by_role("button", name="Send correction").click()
    reply.get_by_text(THANKS).wait_for()
    assert [one.corrected_reply for one in given(site, page)] == ["It is on its way."]
    assert heard.all_but(FAILED) == []


# ---- A person takes over ----


def test_a_person_takes_over_and_gives_back(chat: Chat, site: Any, heard: Any):
    page = chat()
    asked(page)
    session = kept(page)["id"]
    site.hand(session, "human")
    send(page, "are you there")
    notice = page.locator("#notice")
    notice.get_by_text(SILENT).wait_for()
    assert said(page)[-1] == ("user", "are you there")
    site.say(session, "Ana here. I am looking.")
    page.locator("article.agent").wait_for()
    assert said(page)[-1] == ("agent", "Ana here. I am looking.")
    assert page.locator(".agent .who").inner_text() == 'Otter & "Brook" <b>outdoors</b> (a person)'
    assert page.locator(".agent .facts").count() == 0
    site.hand(session, "bot")
    notice.get_by_text(SILENT).wait_for(state="detached")
    asked(page, "thanks")
    assert [who for who, _ in said(page)].count("user") == 3
    assert heard.complaints == []


def test_the_bot_hands_over_and_the_visitor_starts_over(chat: Chat, site: Any):
    page = chat()
    asked(page, "speak to a real person please")
    page.get_by_text(SILENT).wait_for()
    session = kept(page)["id"]
    with site.store.read() as tx:
        assert sessions.get(tx, bots.get(tx, "otter").id, session).owner == "human"
    page.get_by_role("button", name="Start over").click()
    page.get_by_text(SILENT).wait_for(state="detached")
    assert kept(page)["id"] != session
    asked(page)


# ---- What goes wrong ----


def test_an_answer_that_is_lost_is_asked_for_again(chat: Chat, site: Any, heard: Any):
    """The server did its work, the page never heard: the same id is sent again, and nothing is kept twice."""
    page = chat()
    ids: list[str] = []

    def lose_the_first(route: Any) -> None:
        ids.append(route.request.post_data_json["message_id"])
        if len(ids) > 1:
            route.continue_()
            return
        route.fetch()
        route.abort()

    page.route("**/chat", lose_the_first)
    asked(page)
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert [turn.role for turn in stored(site, page)] == ["user", "assistant"]
    assert [who for who, _ in said(page)] == ["assistant", "user", "assistant"]
    assert heard.all_but(FAILED) == []


def test_a_stream_that_breaks_off_is_asked_for_again(chat: Chat, site: Any):
    page = chat()
    bodies: list[str] = []

    def cut_the_first(route: Any) -> None:
        answer = route.fetch()
        bodies.append(answer.text())
        route.fulfill(response=answer, body=bodies[0][:40] if len(bodies) == 1 else bodies[-1])

    page.route("**/chat", cut_the_first)
    asked(page)
    assert "event: delta" in bodies[0][:40]
    assert [turn.role for turn in stored(site, page)] == ["user", "assistant"]


def test_a_stream_that_ends_with_an_error(chat: Chat):
    page = chat()
    event = 'event: error\ndata: {"error":{"message":"The server is stopping; connect again."}}\n\n'
    page.route("**/chat", lambda route: route.fulfill(body=event, content_type="text/event-stream"))
    send(page, WHERE)
    page.get_by_role("alert").get_by_text("The server is stopping; connect again.").wait_for()
    assert page.get_by_label("Your message").input_value() == WHERE


def test_a_server_that_restarts(chat: Chat, site: Any, heard: Any):
    page = chat()
    asked(page)
    site.stop()
    send(page, "thanks")
    alert = page.get_by_role("alert")
    alert.get_by_text(UNREACHABLE).wait_for()
    assert page.get_by_label("Your message").input_value() == "thanks"
    assert page.locator("article.user").count() == 1
    assert page.locator("article.growing").count() == 0
    page.get_by_role("button", name="New conversation").click()
    alert.get_by_text(UNREACHABLE).wait_for()
    assert page.locator("article.user").count() == 1
    assert page.get_by_label("Your message").input_value() == "thanks"
    site.start()
    page.get_by_label("Your message").press("Enter")
    facts(page).nth(1).wait_for()
    assert alert.inner_text() == ""
    assert [turn.role for turn in stored(site, page)] == ["user", "assistant"] * 2
    assert heard.all_but(FAILED) == []


def test_try_again_sends_the_same_message(chat: Chat, site: Any):
    page = chat()
    ids: list[str] = []
    page.route("**/chat", lambda route: (ids.append(route.request.post_data_json["message_id"]), route.abort()))
    send(page, WHERE)
    again = page.get_by_role("button", name="Try again")
    again.wait_for()
    page.unroute("**/chat")
    page.on("request", lambda one: one.url.endswith("/chat") and ids.append(one.post_data_json["message_id"]))
    again.click()
    facts(page).wait_for()
    assert len(ids) == 3
    assert len(set(ids)) == 1
    assert page.evaluate("document.activeElement.id") == "draft"


def test_what_the_api_refuses_is_said_in_its_words(chat: Chat, heard: Any):
    page = chat()
    send(page, "x" * 301)
    page.get_by_role("alert").get_by_text("The text is longer than 300 characters.").wait_for()
    assert page.get_by_label("Your message").input_value() == "x" * 301
    asked(page)
    assert page.get_by_role("alert").inner_text() == ""
    assert heard.all_but(FAILED) == []


def test_an_answer_that_is_no_json(chat: Chat):
    page = chat()
    page.route("**/chat", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    send(page, WHERE)
    page.get_by_role("alert").get_by_text("The server answered with status 502.").wait_for()


def test_a_page_that_cannot_open_a_session(open_page: Chat, site: Any, heard: Any):
    """As from another origin than those the key was made for."""
    page = open_page(f"http://localhost:{site.port}")
    page.get_by_role("alert").get_by_text("This key may not be used from pages of this origin.").wait_for()
    send(page, WHERE)
    page.get_by_role("alert").get_by_text("This key may not be used from pages of this origin.").wait_for()
    assert page.get_by_label("Your message").input_value() == WHERE
    assert heard.all_but(FAILED) == []
