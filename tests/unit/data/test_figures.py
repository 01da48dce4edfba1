"""What is drawn is what was counted, in few bars, whatever the log."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from data.figures import MOST_BARS, MOST_DAYS, Figures, timeline
from data.schema import Conversation, Turn


def chat(*texts, ts=None):
    roles = ("user", "agent", "system")
    return Conversation("c", tuple(Turn(roles[at % 3], text, ts=ts) for at, text in enumerate(texts)))


def watched(*conversations, said=()):
    figures = Figures()
    for one in conversations:
        figures.watch(one)
    return figures.to_wire(said)


def test_lengths_turns_and_repeats():
    told = watched(chat("a" * 30, "b" * 5), chat("a" * 90), said=[1, 1, 2, 7])
    assert told["lengths"] == {"user": [["21–40", 1], ["41–80", 0], ["81–160", 1]], "brand": [["1–10", 1]]}
    assert told["turns"] == [["1", 1], ["2", 1]]
    assert told["repeats"] == [["1", 2], ["2", 1], ["3–5", 0], ["6–10", 1]]
    assert "timeline" in watched(chat("a", ts="2026-01-01T00:00:00Z"))
    assert watched() == {}


def test_the_largest_bar_is_open():
    assert watched(chat("a" * 9000), said=[999])["lengths"]["user"] == [["2561+", 1]]
    assert watched(said=[999])["repeats"] == [["51+", 1]]


def test_messages_without_a_time_are_counted_and_said():
    told = watched(chat("a", "b", ts="2026-01-31T23:59:00Z"), chat("c"), chat("d", ts="no date"))
    assert told["timeline"] == {"unit": "day", "counts": [["2026-01-31", 2]], "undated": 2}


def test_days_on_which_nothing_was_said_stand_there_as_none():
    days = {date(2026, 2, 27): 3, date(2026, 3, 2): 1}
    assert timeline(days)["counts"] == [["2026-02-27", 3], ["2026-02-28", 0], ["2026-03-01", 0], ["2026-03-02", 1]]


def test_long_logs_are_counted_by_month_and_by_year():
    assert timeline({date(2024, 11, 5): 2, date(2025, 2, 1): 1})["counts"] == [
        ["2024-11", 2], ["2024-12", 0], ["2025-01", 0], ["2025-02", 1],
    ]  # fmt: skip
    assert timeline({date(2001, 1, 1): 2, date(2026, 1, 1): 1})["unit"] == "year"
    assert timeline({date(1, 1, 1): 2, date(9999, 12, 31): 1})["counts"] == [["0001", 2], ["9999", 1]]


def test_memory_is_bounded_however_long_the_log_is():
    figures = Figures()
    for day in range(MOST_DAYS + 500):
        figures.watch(chat("a", ts=(date(1990, 1, 1) + timedelta(day)).isoformat()))
    told = figures.to_wire()["timeline"]
    assert len(figures._days) < MOST_DAYS
    assert (told["unit"], sum(count for _, count in told["counts"])) == ("year", MOST_DAYS + 500)


@given(st.dictionaries(st.dates(), st.integers(1, 9), min_size=1))
def test_every_message_stands_in_one_bar(days):
    told = timeline(days)
    assert sum(count for _, count in told["counts"]) == sum(days.values())
    assert len(told["counts"]) <= max(MOST_BARS, len(days))
    assert [name for name, _ in told["counts"]] == sorted(name for name, _ in told["counts"])
