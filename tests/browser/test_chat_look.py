"""What the chat page owes everybody: names, contrast, size, a keyboard, a narrow screen, calm, and no foreign code."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from data.settings import load_settings
from service.app import create_app

Chat = Callable[..., Any]

STATIC = Path(__file__).parents[2] / "service" / "pages" / "static"
LINES = 300

CONTRAST = """() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (color) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = color;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const mix = (top, under, share) => top * share + under * (1 - share);
    const over = (top, under) => [0, 1, 2].map((i) => mix(top[i], under[i], top[3] / 255)).concat(255);
    const behind = (element) => {
        if (!element) return [255, 255, 255, 255];
        const own = rgba(getComputedStyle(element).backgroundColor);
        return own[3] === 255 ? own : over(own, behind(element.parentElement));
    };
    const light = (color) => {
        const [r, g, b] = color.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ratio = (one, other) => {
        const [a, b] = [light(one), light(other)].sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05);
    };
    const low = [];
    for (const element of document.body.querySelectorAll("*")) {
        if (!element.checkVisibility()) continue;
        const back = behind(element);
        const style = getComputedStyle(element);
        const speaks = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) || element.value;
        const text = ratio(over(rgba(style.color), back), back);
        if (speaks && text < 4.5) low.push([element.outerHTML.slice(0, 80), "text", text]);
        if (element.matches("textarea, select")) {
            const edge = ratio(over(rgba(style.borderTopColor), back), behind(element.parentElement));
            if (edge < 3) low.push([element.outerHTML.slice(0, 80), "edge", edge]);
        }
        if (element.matches("svg")) {
            const stroke = ratio(over(rgba(style.stroke), back), back);
            if (stroke < 3) low.push([element.outerHTML.slice(0, 80), "icon", stroke]);
        }
    }
    return low;
}"""

SMALL_TARGETS = """() => [...document.querySelectorAll("button, select, textarea, input")]
    .filter((one) => one.checkVisibility())
    .filter((one) => one.getBoundingClientRect().width < 44 || one.getBoundingClientRect().height < 44)
    .map((one) => one.outerHTML)"""

SPILLS = """() => [document.documentElement, ...document.querySelectorAll("body, body *:not(textarea, pre)")]
    .filter((one) => one.checkVisibility() && getComputedStyle(one).clipPath === "none")
    .filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5 || one.scrollWidth > one.clientWidth + 1
        && one.clientWidth > 0 && getComputedStyle(one).overflowX !== "hidden"
        && getComputedStyle(one).display !== "inline")
    .map((one) => one.outerHTML.slice(0, 80))"""

ANNOUNCED = """() => {
    window.announced = [];
    const silent = "[aria-hidden=true], [aria-live=off]";
    new MutationObserver((changes) => {
        for (const { target, addedNodes } of changes) {
            if ((target.closest ? target : target.parentElement)?.closest(silent)) continue;
            for (const node of addedNodes) {
                if (node.matches?.(silent)) continue;
                const heard = node.cloneNode(true);
                heard.querySelectorAll?.(silent).forEach((one) => one.remove());
                const text = heard.textContent.trim();
                if (text) window.announced.push(text.split(/\\s*\\n\\s*/).join(": "));
            }
        }
    }).observe(document.getElementById("log"), { childList: true, subtree: true, characterData: true });
}"""

FOCUSED = """(() => {
    const one = document.activeElement;
    return one.getAttribute("aria-label") ?? one.labels?.[0]?.innerText ?? one.innerText;
})()"""


def converse(page: Any) -> None:
    """Everything the page can show: a reply with a rating and an open form, a person, a notice and a problem."""
    draft = page.get_by_label("Your message")
    draft.fill("where is the tracking of my parcel")
    draft.press("Enter")
    page.locator(".facts").wait_for()
    page.get_by_role("button", name="Poor reply").click()
    page.get_by_text("Thank you.").wait_for()
    draft.fill("speak to a real person please " + "w" * 200)
    draft.press("Enter")
    page.locator("#notice button").wait_for()
    page.route("**/chat", lambda route: route.fulfill(status=503, body="{}"))
    draft.fill("https://otterbrook.example/" + "x" * 200)
    draft.press("Enter")
    page.locator("#problem button").wait_for()
    page.get_by_role("button", name="Correct this").first.click()
    page.mouse.move(0, 0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read(chat: Chat, scheme: str):
    page = chat(color_scheme=scheme, reduced_motion="reduce")
    converse(page)
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert back == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 28)"}[scheme]
    assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("size", [(320, 640), (320, 256), (1280, 800)])
def test_it_fits_every_screen(chat: Chat, size: tuple[int, int]):
    page = chat(viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce")
    converse(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.evaluate(SPILLS) == []
    assert page.evaluate(SMALL_TARGETS) == []
    page.get_by_label("Your message").fill("still to be reached")
    page.get_by_label("Your message").click()
    page.get_by_role("button", name="New conversation").click()
    page.locator("article.user").first.wait_for(state="detached")


def test_every_part_has_a_name_and_a_place(chat: Chat):
    page = chat()
    converse(page)
    log = page.get_by_role("log", name='Conversation with Otter & "Brook" <b>outdoors</b>')
    assert (log.get_attribute("aria-live"), log.get_attribute("tabindex")) == ("polite", "0")
    assert page.locator("html").get_attribute("lang") == "en"
    assert [page.get_by_role(role).count() for role in ("banner", "main", "alert")] == [1, 1, 1]
    assert page.get_by_role("heading", level=1).count() == 1
    nameless = [line for line in page.locator("body").aria_snapshot().splitlines() if _is_nameless(line)]
    assert nameless == []
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
    assert len(ids) == len(set(ids))
    assert page.locator("main [tabindex]:not([tabindex='0'])").count() == 0


def _is_nameless(line: str) -> bool:
    return re.fullmatch(r"\s*- (button|textbox|combobox|link|heading|option)( \[.*\])?:?", line) is not None


def test_what_is_read_out_is_whole(chat: Chat):
    """Every message once, without the pieces of a reply that grows, and without the buttons under it."""
    page = chat()
    page.evaluate(ANNOUNCED)
    page.get_by_label("Your message").fill("thanks")
    page.get_by_label("Your message").press("Enter")
    page.locator(".facts").wait_for()
    page.get_by_role("button", name="Good reply").click()
    page.locator(".outcome[role=status]").get_by_text("Thank you.").wait_for()
    reply = page.locator("article.assistant .text").last.inner_text()
    brand = 'Otter & "Brook" <b>outdoors</b>'
    assert page.evaluate("announced") == ["You: thanks", f"{brand} (bot): {reply}"]


def test_a_keyboard_is_enough(chat: Chat, heard: Any):
    page = chat()
    press, kind = page.keyboard.press, page.keyboard.type
    focused = lambda: page.evaluate(FOCUSED)  # noqa: E731
    kind("where is the tracking of my parcel")
    press("Enter")
    page.locator(".facts").wait_for()
    assert focused() == "Your message"
    press("Shift+Tab")
    assert focused() == "Correct this"
    press("Enter")
    assert focused().startswith("What should the bot have said?")
    press("Escape")
    assert focused() == "Correct this"
    assert page.locator("form.correction").is_hidden()
    press("Space")
    kind("It is on its way.")
    press("Tab")
    assert focused().startswith("What was meant?")
    kind("out of")
    press("Tab")
    assert focused() == "Send correction"
    press("Enter")
    page.get_by_text("Thank you.").wait_for()
    assert focused() == "Correct this"
    press("Shift+Tab")
    assert focused() == "Poor reply"
    press("Space")
    page.locator("[data-rating='-1'][aria-pressed=true]").wait_for()
    assert focused() == "Poor reply"
    for name in ("Good reply", 'Conversation with Otter & "Brook" <b>outdoors</b>', "New conversation"):
        press("Shift+Tab")
        if name.startswith("Conversation") and focused().startswith("https://"):
            press("Shift+Tab")  # the link in the greeting
        assert focused() == name
    press("Enter")
    page.locator("article.user").wait_for(state="detached")
    assert focused() == "Your message"
    assert heard.complaints == []


def test_focus_can_be_seen(chat: Chat):
    page = chat()
    for _ in range(3):  # a link, the log, the button above it
        page.keyboard.press("Shift+Tab")
        style = page.evaluate(
            "(({outlineStyle: s, outlineWidth: w}) => [s, w])(getComputedStyle(document.activeElement))"
        )
        assert style == ["solid", "2px"]


def test_nothing_moves_for_those_who_asked_for_calm(chat: Chat):
    moving = "document.getAnimations().length"
    page = chat(reduced_motion="no-preference")
    page.route("**/chat", lambda route: None)
    page.get_by_label("Your message").fill("hello")
    page.get_by_label("Your message").press("Enter")
    page.locator("article.growing").wait_for()
    assert page.evaluate(moving) > 0
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(moving) == 0


def test_a_reader_further_up_is_left_there(chat: Chat, site: Any):
    page = chat(viewport={"width": 400, "height": 420}, reduced_motion="reduce")
    draft = page.get_by_label("Your message")
    for count in range(1, 4):
        draft.fill("what is the weather " * 8)
        draft.press("Enter")
        page.locator("article.user").nth(count - 1).wait_for()
        page.locator("article.growing").wait_for(state="detached")
    log = page.locator("#log")
    at_end = "log => Math.abs(log.scrollHeight - log.clientHeight - log.scrollTop) < 2"
    assert log.evaluate(at_end)
    log.evaluate("log => { log.scrollTop = 0 }")
    session = page.evaluate("JSON.parse(Object.values(sessionStorage)[0]).id")
    site.hand(session, "human")
    site.say(session, "Ana here.")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.locator("article.agent").wait_for()
    assert log.evaluate("log => log.scrollTop") == 0


def test_a_low_screen_scrolls_as_one_page(chat: Chat):
    """Magnified four times, a header and a field that stood fixed would leave nothing to read in."""
    page = chat(viewport={"width": 320, "height": 256}, reduced_motion="reduce")
    for text in ("thanks", "where is the tracking of my parcel"):
        page.get_by_label("Your message").fill(text)
        page.get_by_label("Your message").press("Enter")
        page.locator("article.growing").wait_for(state="detached")
    left = "(one => one.scrollHeight - one.clientHeight - one.scrollTop)(document.scrollingElement)"
    assert page.evaluate("document.scrollingElement.scrollTop") > 0
    assert page.evaluate(left) < 2
    assert page.locator("#log").evaluate("log => log.scrollHeight - log.clientHeight") == 0


def test_no_code_from_elsewhere_and_none_inline(chat: Chat, site: Any):
    """The policy forbids it; this finds what would be silently dead."""
    with urllib.request.urlopen(site.url, timeout=10) as answer:
        policy, body = answer.headers["Content-Security-Policy"], answer.read().decode()
    assert "script-src 'self'; style-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert re.findall(r"\sstyle=|\son\w+=|<style|javascript:|https?://(?!otterbrook)", body) == []
    assert re.findall(r"<script(?![^>]*\ssrc=)", body) == []
    page = chat()
    assert page.evaluate("""() => new Promise((done) => {
        document.addEventListener("securitypolicyviolation", (event) => done(event.violatedDirective));
        document.body.insertAdjacentHTML("beforeend", "<img src='https://elsewhere.invalid/x.png'>");
    })""").startswith("img-src")


def test_scripts_are_short_and_write_no_markup():
    for path in sorted(STATIC.glob("*.js")):
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") < LINES, path.name
        assert (
            re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|setAttribute\(.style", text)
            == []
        )


# ---- A server without a chat page ----


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[str]:
    """The address of a server that no bot has a page on."""
    import threading

    app = create_app(load_settings(tmp_path / "home", environ={}))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["attune"].close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_server_without_a_page_says_where_to_go(open_page: Chat, bare: str, heard: Any, scheme: str):
    page = open_page(bare, viewport={"width": 320, "height": 640}, color_scheme=scheme)
    assert page.get_by_role("heading", level=1).inner_text() == "attune"
    page.get_by_text("attune keys --create-public BOT --origin URL").wait_for()
    page.get_by_text("serve.public_key").wait_for()
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    for address in page.get_by_role("link").evaluate_all("all => all.map(one => one.href)"):
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert answer.status == 200
    assert heard.complaints == []


def test_there_are_no_other_files(site: Any):
    for name in ("chat.html", "..%2Fchat.js", "__init__.py", "nothing.js"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{site.url}/assets/{name}", timeout=10)
