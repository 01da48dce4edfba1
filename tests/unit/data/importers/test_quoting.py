"""Earlier mails are left out at clear marks, and nothing else is."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.importers.quoting import own_words

OWN = "The lamp hums.\nPlease help."
HEADERS = (
    "From: Shop <help@lamplight.example>\nSent: Monday, 4 March 2024 10:11\nTo: Zoe\nSubject: Lamp\n\nDid you try?"
)


@pytest.mark.parametrize(
    "quote",
    [
        "On Mon, Mar 4, 2024 at 10:11 AM Shop <help@lamplight.example> wrote:\nDid you try?",
        "On Mon, Mar 4, 2024 at 10:11 AM Shop of lamps\n<help@lamplight.example> wrote:\n\nDid you try?",
        "On 4 March, Shop wrote:\n> Did you try\n> another bulb?",
        "Am 4. März 2024 um 10:11 schrieb Shop <help@lamplight.example>:\nHaben Sie",
        "Le lun. 4 mars 2024 à 10:11, Shop a écrit :\n> Bonjour",
        "El lun, 4 mar 2024 a las 10:11, Shop (<help@lamplight.example>) escribió:\n\n> Hola",
        "Il giorno lun 4 mar 2024 alle ore 10:11 Shop ha scritto:\nCiao",
        "Op ma 4 mrt. 2024 om 10:11 schreef Shop <help@lamplight.example>:\nHallo",
        "Em seg., 4 de mar. de 2024 às 10:11, Shop escreveu:\nOlá",
        "пн, 4 мар. 2024 г. в 10:11, Shop <help@lamplight.example>:\nДобрый день",
        "2024年3月4日(月) 10:11 Shop <help@lamplight.example>:\nこんにちは",
        "-----Original Message-----\n" + HEADERS,
        "________________________________\n" + HEADERS,
        "---- Ursprüngliche Nachricht ----\nHallo",
        HEADERS,
        "*From:* Shop\n*Date:* 4 March 2024\n*To:* Zoe\n\nDid you try?",
        "Von: Shop\nGesendet: Montag\nAn: Zoe\nBetreff: Lampe\n\nHallo",
        "差出人: Shop\n送信日時: 2024年3月4日\n宛先: Zoe\n件名: lamp\n\nこんにちは",
        "##- Please type your reply above this line -##\nDid you try?",
        "> Did you try\n> another bulb?",
    ],
)
def test_what_is_quoted_below(quote):
    own = own_words(f"{OWN}\n\n{quote}")
    assert own.text.rstrip() == OWN
    assert own.is_cut


@pytest.mark.parametrize(
    "text",
    [
        OWN,
        "On Monday my neighbour wrote:\nthe lamp is nice",
        "From: Berlin\nTo: Hamburg, please",
        "The label says\nFrom: Lamplight\nwhat does that mean?",
        "It costs\n> 5 euro",
        "a -> b -> c",
        "Sent on 4 March 2024 10:11, he said:\nhello",
        "Yours\n--\nZoe",
        "---------- Forwarded message ---------\nFrom: Shop\nDate: today\nTo: Zoe\n\nDid you try?",
        HEADERS,
        "> only\n> a quote",
        "",
        "  ",
    ],
)
def test_what_is_no_quote(text):
    assert own_words(text).text == text
    assert not own_words(text).is_cut


def test_answers_between_the_lines_stand():
    own = own_words(
        "Hi,\n\nOn 4 March 2024 Shop wrote:\n> Which lamp?\nthe tall one\n> Which bulb?\n> A warm one?\nyes"
    )
    assert own.is_cut
    assert "the tall one" in own.text
    assert "warm one?" not in own.text


def test_the_line_of_a_help_desk_above_everything():
    assert own_words("##- Please type your reply above this line -##\nHello there").text == "Hello there"


@pytest.mark.parametrize(
    "quote",
    [
        '<div class="gmail_quote"><div class="gmail_attr">On Mon wrote:<br></div><blockquote>Did</blockquote></div>',
        '<blockquote type="cite"><div>Did you</div><blockquote>earlier</blockquote></blockquote>',
        '<div>On 4 Mar 2024, at 10:11, Shop wrote:</div><blockquote type="cite">Did you try?</blockquote>',
        '<div id="appendonsend"></div><hr><div id="divRplyFwdMsg">From: Shop</div><div>Did you</div>',
        "<div id='divRplyFwdMsg'><b>From:</b> Shop</div><p>Did you</p>",
        '<div class="moz-cite-prefix">On Monday Shop wrote:</div><blockquote type="cite">Did you</blockquote>',
        '<div class="freshdesk_quote"><blockquote>Did you</blockquote></div>',
        '<div class="yahoo_quoted">Did you',
        "<p>-----Original Message-----<br>From: Shop</p>",
    ],
)
def test_the_quotes_of_mail_programs(quote):
    own = own_words(f"<div>The lamp hums.</div><p>Please &amp; thanks</p><!-- <b>hidden --> {quote}")
    assert own.text == "The lamp hums.\nPlease & thanks"
    assert own.is_cut


def test_a_quote_above_the_words():
    own = own_words('<blockquote type="cite">Did you?</blockquote><div>Yes I did.</div>')
    assert (own.text, own.is_cut) == ("Yes I did.", True)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<div class="gmail_quote">---------- Forwarded message ---------<br>Did you</div>',
         "---------- Forwarded message ---------\nDid you"),
        ('<div>See below</div><div class="gmail_quote">---------- Forwarded message ---------<br>Did you</div>',
         "See below\n---------- Forwarded message ---------\nDid you"),
        ("<blockquote>a tip</blockquote><p>is that so?</p>", "a tip\nis that so?"),
        ('<div class="gmail_quote">all there is</div>', "all there is"),
        ("<p>x</p>", "x"),
        ("a < b and b > c", "a < b and b > c"),
        ("<p>one<!-- two", "one"),
    ],
)  # fmt: skip
def test_html_without_a_quote(html, text):
    own = own_words(html)
    assert own.text.startswith(text)
    assert not own.is_cut


def test_a_signature_gets_its_rule():
    own = own_words('<p>Thanks</p><div class="gmail_signature">Zoe<br>Lamps Ltd</div>')
    assert own.text == "Thanks\n--\nZoe\nLamps Ltd"
    assert not own.is_cut


@pytest.mark.parametrize(
    "piece",
    ["<", ">", "<!--", "<div ", '<div class="gmail_quote">', "> x\n", "On 4 March 2024 10:11\n", "-", "_\n",
     "From: x\n", "##-", "<blockquote type=cite>", "wrote: ", "<div class='gmail_quote'></div>"],
)  # fmt: skip
def test_no_text_takes_long(piece):
    started = time.process_time()
    own_words(piece * (200_000 // len(piece)))
    assert time.process_time() - started < 10


PIECES = st.lists(
    st.sampled_from(
        ["hello ", "\n", "> ", "<div>", "</div>", '<div class="gmail_quote">', "<br>", "&gt;", "<!--", "-->", "--",
         "On 4 March 2024 10:11 A wrote:\n", "From: a\n", "To: b\n", "Sent: c\n", "##- x y z -##\n", "<", "\r",
         "\u2028"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(PIECES | st.text(max_size=80))
def test_words_never_vanish_altogether(text):
    own = own_words(text)
    assert own_words(text) == own
    if "<" not in text and "&" not in text:
        assert bool(own.text.strip()) == bool(text.strip())
