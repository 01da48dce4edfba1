"""Templates see marks in the place of words, and must say every message once, in order."""

from __future__ import annotations

import pytest

from data.chat_template import ChatTemplate, Scaffold, Utterance
from data.errors import BaseRefused

PLAIN = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}{% if add_generation_prompt %}<go>{% endif %}"
)
CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nBe kind.<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + "
    "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def test_the_words_are_left_out_of_the_scaffold():
    parts = ChatTemplate(PLAIN).parts(("user", "assistant"), opens=True)
    assert parts == [
        Scaffold("<user>"), Utterance(0), Scaffold("</><assistant>"), Utterance(1), Scaffold("</><go>"),
    ]  # fmt: skip


def test_what_a_template_says_by_itself_is_scaffold():
    parts = ChatTemplate(CHATML).parts(("user",), opens=True)
    assert parts[0] == Scaffold("<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n")


def test_a_template_may_name_its_tokens():
    template = ChatTemplate("{{ bos_token }}" + PLAIN, {"bos_token": "<s>"})
    assert template.parts(("user",), opens=False)[0] == Scaffold("<s><user>")


def test_the_digest_is_of_the_source():
    assert ChatTemplate(PLAIN).digest == ChatTemplate(PLAIN, {"bos_token": "x"}).digest != ChatTemplate(CHATML).digest


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages[0].content }}",  # leaves the others out
        PLAIN + "{{ messages[0].content }}",
        "{% for m in messages | reverse %}{{ m.content }}{% endfor %}",
        "{% for m in messages %}{{ m.content | upper }}{{ m.content[1:] }}{% endfor %}",
        "{% for m in messages %}{{ m.content }}",
        "{{ nothing.here.at.all }}" + PLAIN,
        "{% if messages[-1].role == 'user' %}{{ raise_exception('no user') }}{% endif %}" + PLAIN,
        "{{ ''.__class__.__mro__[1].__subclasses__() }}" + PLAIN,
        "{% for x in range(10 ** 9) %}x{% endfor %}" + PLAIN,
        "{{ messages.append(1) }}" + PLAIN,
        "\ue0000\ue001" + PLAIN,
        "x" * 70_000,
        "{{ 1 / 0 }}" + PLAIN,
    ],
)
def test_what_is_no_template_for_conversations_is_refused(source: str):
    with pytest.raises(BaseRefused) as refused:
        ChatTemplate(source)
    assert "Traceback" not in refused.value.message


def test_the_time_of_day_is_not_to_be_had():
    clock = "{{ strftime_now('%Y') if strftime_now is defined else 'no clock' }}"
    assert ChatTemplate(clock + PLAIN).parts(("user",), opens=False)[0] == Scaffold("no clock<user>")


def test_a_template_that_does_not_ask_for_the_time_of_day_gets_no_text():
    dated = "{%- set today = strftime_now('%d %B %Y') -%}<date>{{ today }}</date>" + PLAIN
    assert ChatTemplate(dated).parts(("user",), opens=False)[0] == Scaffold("<date></date><user>")


def test_a_model_that_could_think_aloud_is_told_not_to():
    """The same before a reply that is written and before one that is learned."""
    silent = (
        "{% for m in messages %}<{{ m.role }}>"
        "{% if m.role == 'assistant' and loop.last and not enable_thinking %}<think></think>{% endif %}"
        "{{ m.content }}</>{% endfor %}{% if add_generation_prompt %}<assistant>"
        "{% if enable_thinking is defined and enable_thinking is false %}<think></think>{% endif %}{% endif %}"
    )
    template = ChatTemplate(silent)
    asked = template.parts(("user",), opens=True)
    assert asked[-1] == Scaffold("</><assistant><think></think>")
    assert template.parts(("user", "assistant"), opens=False)[:4] == [*asked, Utterance(1)]


def test_marks_of_what_is_generated_mark_nothing():
    marked = PLAIN.replace("{{ m.content }}", "{%- generation -%}{{ m.content }}{%- endgeneration -%}")
    roles = ("user", "assistant")
    assert ChatTemplate(marked).parts(roles, opens=True) == ChatTemplate(PLAIN).parts(roles, opens=True)


def test_no_tools_are_offered():
    asks = "{% if tools is not none %}tools{% endif %}{% if documents %}documents{% endif %}" + PLAIN
    assert ChatTemplate(asks).parts(("user",), opens=False)[0] == Scaffold("<user>")


@pytest.mark.parametrize(
    "source",
    [
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + PLAIN,
        "{% for m in messages %}{% if m.role != 'system' %}{{ m.content }}{% endif %}{% endfor %}",
    ],
)
def test_a_template_may_have_no_place_for_a_system_message(source: str):
    assert not ChatTemplate(source).takes_system
    assert ChatTemplate(PLAIN).takes_system


ALTERNATES = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('alternate') }}"
    "{% endif %}<{{ m.role }}>{{ m.content }}</>{% endfor %}"
)


def test_a_template_may_want_the_user_to_speak_first():
    assert not ChatTemplate(ALTERNATES).takes_greeting
    assert ChatTemplate(PLAIN).takes_greeting


@pytest.mark.parametrize("source", [PLAIN, CHATML, ALTERNATES])
def test_every_shape_of_a_conversation_can_be_tried(source: str):
    ChatTemplate(source).rehearse()


@pytest.mark.parametrize(
    "late",
    [
        "{% if messages | length > 20 %}{{ raise_exception('too long') }}{% endif %}",
        "{% if messages | length > 20 and messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}",
        "{% if messages | length == 31 %}{% for x in range(10 ** 9) %}x{% endfor %}{% endif %}",
    ],
)
def test_a_template_that_fails_late_fails_when_it_is_tried(late: str):
    template = ChatTemplate(late + PLAIN)
    with pytest.raises(BaseRefused):
        template.rehearse()


def test_a_template_nested_without_end_is_refused():
    with pytest.raises(BaseRefused):
        ChatTemplate("{{" + "(" * 5_000 + ")" * 5_000 + "}}" + PLAIN)
