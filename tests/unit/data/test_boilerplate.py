"""Lines that a brand repeats are found, whatever else it says, in memory that does not grow."""

from data.boilerplate import BUCKET, FEWEST, Boilerplate

FOOTER = "Your call may be recorded for training purposes."


def watched(texts):
    boilerplate = Boilerplate()
    for row, text in enumerate(texts, start=1):
        boilerplate.watch(text, row)
    return boilerplate


def test_a_line_in_many_messages_is_found_with_its_count_and_first_row():
    (found,) = watched([f"Answer {at}.\n{FOOTER}" for at in range(30)]).found()
    assert (found.text, found.count, found.row) == (FOOTER, 30, 1)


def test_what_is_rare_short_or_a_whole_message_is_none():
    assert watched([f"Answer {at}.\n{FOOTER}" for at in range(FEWEST - 1)]).found() == []
    assert watched(["Yes.\nThank you" for _ in range(99)]).found() == []
    assert watched([FOOTER] * 99).found() == []
    many = [f"Answer {at}.\n{FOOTER if at % 30 == 0 else at}" for at in range(900)]
    assert watched(many).found() == [], "a thirtieth of the messages is not many"


def test_a_line_counts_once_in_a_message():
    assert watched([f"{FOOTER}\n{FOOTER}"] * 25).found()[0].count == 25


def test_memory_does_not_grow_with_lines_that_are_said_once():
    boilerplate = watched(f"An answer that nobody gave before, {at}.\n{FOOTER}" for at in range(8 * BUCKET))
    assert len(boilerplate._lines) <= 2 * BUCKET
    assert [line.text for line in boilerplate.found()] == [FOOTER]
