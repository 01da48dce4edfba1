"""`attune compare` with two real releases that answer one intent otherwise: judged, stopped, gone on with, lifted."""

from __future__ import annotations

import csv
import json
import os
import pty
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from data.build import Plan, freeze
from data.profile import BotProfile, Intent
from data.settings import Settings, load_settings
from data.split import Shares
from data.store import Store, bots, open_store, releases
from data.store.releases import Promotion
from service.comparing.blind import stands_left
from tests.brand import FILLER
from tests.flow import tiny_release

ROOT = Path(__file__).parents[3]
ASKED = [
    "my parcel has not moved", "where is the tracking of my parcel", "when does my order come", "wash the rain jacket",
    "a real person please", "thanks for your help",
]  # fmt: skip
OLD, NEW = "We look at parcels once a week.", "Your parcel is on its way."
ABOUT_PARCELS = 3
"""Questions of `ASKED` that the two releases answer otherwise."""
SHARES = Shares(0.4, 0.1, 0.5)
VERDICT = {"decision": "promote", "reasons": [], "models": {}}
Call = Callable[..., Any]


def profile(order_status: str) -> BotProfile:
    answers = {name: f"About {name}." for name in tiny_release.SAID if name != "oos"} | {"order_status": order_status}
    return BotProfile(name="acme", intents=tuple(Intent(name=name, answers=(said,)) for name, said in answers.items()))


def log() -> bytes:
    """Conversations about parcels; no two are alike."""
    lines = []
    for number in range(40):
        said = f"my parcel {' '.join(random.Random(number).sample(FILLER, 6))}"
        lines.append(
            json.dumps({"messages": [{"role": "user", "content": said}, {"role": "agent", "content": "Yes."}]})
        )
    return "\n".join(lines).encode()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with releases 1 and 2 of acme, 1 of them live, without a dataset. Read-only."""
    home = tmp_path_factory.mktemp("compare") / "home"
    settings = load_settings(home, environ={})
    home.mkdir()
    with open_store(settings.store_url, home=home) as store:
        with store.begin() as tx:
            bot = bots.create(tx, "acme", profile(OLD))
        assert tiny_release.publish(store, settings, "acme", VERDICT) == 1
        with store.begin() as tx:
            releases.promote(tx, bot.id, Promotion(1, 0, "test", "it is the first"))
            bots.save_profile(tx, bot.id, profile(NEW))
        assert tiny_release.publish(store, settings, "acme", VERDICT) == 2
    return home


@pytest.fixture
def home(made: Path) -> Path:
    return made


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """What stands in the pipe to the next call."""
    return lambda said: monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(said.encode()), encoding="ascii"))


@pytest.fixture
def keep(tmp_path: Path) -> Path:
    return tmp_path / "choices.jsonl"


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    path = tmp_path / "questions.txt"
    path.write_text("\n".join([*ASKED, ASKED[0]]))
    return path


def lines(keep: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in keep.read_text().splitlines()]


def preferring(reply: str, shown: str) -> str:
    """What somebody types who likes this reply best, from what a terminal of 120 columns showed."""
    return "\n".join("l" if row.index(reply) < 30 else "r" for row in shown.splitlines() if reply in row)


def test_judging_lifts_the_blind_at_the_end(attune: Call, says: Call, asked: Path, keep: Path) -> None:
    says("q\n")
    seen = attune("compare", "acme", "--questions", asked, "--keep", keep)
    assert seen.code == 0
    assert "0 of 6 are judged" in seen.out
    assert "asked once" in seen.err
    assert OLD in seen.out
    assert NEW in seen.out
    assert not any(word in seen.out + seen.err for word in ("acme@", "approved", "preferred"))

    says("what?\nl more to the point\nu\nr\ng\nb neither helps\n")
    done = attune("compare", "acme", "--questions", asked, "--keep", keep, "--json")
    wire = done.json
    assert (wire["release"], wire["other"], wire["questions"], wire["open"]) == (2, 1, 6, 0)
    assert (wire["both_good"], wire["both_bad"], wire["same"]) == (1, 1, 3)
    assert wire["won"] + wire["lost"] == 1
    head, *kept = lines(keep)
    first = next(one for one in kept if one["choice"] == "right")
    assert wire["won"] == int(not stands_left(head["seed"], first["question"]))
    assert [one["note"] for one in wire["choices"] if one["note"]] == ["neither helps"], (
        "what was undone does not count"
    )
    assert {one["sources"]["release"] for one in wire["choices"]} >= {"approved"}
    assert len(kept) == len(ASKED) + 1
    assert "customer" not in keep.read_text()
    assert not any(text in keep.read_text() for text in (OLD, NEW, *ASKED))

    told = attune("compare", "acme", "--questions", asked, "--keep", keep, "--report")
    assert told.code == 0
    assert wire["summary"].split(";")[0] in " ".join(told.out.split())


def test_whoever_likes_the_new_one_lets_it_win_on_either_side(
    attune: Call, says: Call, asked: Path, tmp_path: Path
) -> None:
    for seed, liked, fate in ((0, NEW, "won"), (1, NEW, "won"), (1, OLD, "lost")):
        base = ("compare", "acme", "2", "1", "--questions", asked, "--seed", str(seed), "--keep")
        says("s\n" * ABOUT_PARCELS)
        chosen = preferring(liked, attune(*base, tmp_path / f"{seed}-{fate}-looked").out.partition("Of 0 questions")[0])
        assert chosen.count("\n") == ABOUT_PARCELS - 1
        says(chosen)
        call = (*base, tmp_path / f"{seed}-{fate}")
        ran = attune(*call, "--json")
        assert ran.json[fate] == ABOUT_PARCELS
        assert ran.json["share"]["value"] == (1.0 if fate == "won" else 0.0)
    worst = ran.json["worst"]
    assert len(worst) == ABOUT_PARCELS
    assert {(one["release"]["reply"], one["other"]["reply"]) for one in worst} == {(NEW, OLD)}
    assert {one["question"] for one in worst} == set(ASKED[:ABOUT_PARCELS])
    shown = attune(*call, "--report").out
    assert "[approved]" in shown
    assert "acme@2, of those it won or lost" in shown


def test_the_end_of_the_input_in_the_middle_loses_nothing(attune: Call, says: Call, asked: Path, keep: Path) -> None:
    call = ("compare", "acme", "--questions", asked, "--keep", keep, "--json")
    says("l first\n")
    stopped = attune(*call)
    assert stopped.code == 0
    assert set(stopped.json) == {"bot", "release", "other", "questions", "judged", "open"}, "nothing is lifted"
    assert stopped.json["open"] > 0
    before = keep.read_bytes()
    keep.write_bytes(before + b'{"question":"ab')
    half = attune("compare", "acme", "--questions", asked, "--keep", keep, "--report", "--json")
    assert half.json["open"] == stopped.json["open"]
    assert "on the way proves less" in half.json["summary"]
    says("r\ns\n")
    rest = attune(*call)
    assert "cut off" in rest.err
    assert rest.json["open"] == 0
    assert keep.read_bytes().startswith(before)
    assert (rest.json["skipped"], rest.json["won"] + rest.json["lost"]) == (1, 2)
    says("")
    assert attune(*call).json == rest.json, "nobody is asked again"


def test_a_sheet_goes_out_and_comes_back(attune: Call, asked: Path, tmp_path: Path) -> None:
    path, base = tmp_path / "sheet.csv", ("compare", "acme", "--questions", asked, "--seed", "3")
    told = attune(*base, "--sheet", path, "--json").json
    assert (told["rows"], told["same"], told["sheet"]) == (ABOUT_PARCELS, 3, "sheet.csv")
    assert "compare acme 2 1 --seed 3 --questions FILE --choices" in attune(*base, "--sheet", tmp_path / "b.csv").out
    head, *rows = csv.reader(StringIO(path.read_text(encoding="utf-8-sig"), newline=""))
    for row in rows[:2]:
        row[4] = "left" if row[2] == NEW else "right"
    written = StringIO(newline="")
    csv.writer(written).writerows([head, *rows])
    path.write_text(written.getvalue())
    wire = attune("compare", "acme", "2", "1", "--questions", asked, "--seed", "3", "--choices", path, "--json").json
    assert (wire["won"], wire["lost"], wire["same"], wire["open"]) == (2, 0, 3, 1)
    other = attune("compare", "acme", "--questions", asked, "--seed", "4", "--choices", path)
    assert other.code == 2
    assert "another comparison" in other.err
    assert attune(*base, "--sheet", path).code == 2, "a sheet that was filled in is not written over"


def test_questions_come_of_what_the_dataset_keeps_for_testing(
    attune: Call, says: Call, tmp_path: Path, keep: Path, made: Path
) -> None:
    home = tmp_path / "home"
    settings = load_settings(home, environ={})
    home.mkdir()
    with open_store(settings.store_url, home=home) as store:
        bot = _with_dataset(store, settings, attune, tmp_path)
        says("q\n")
        first = attune("compare", "acme", "--count", "4", "--keep", keep, at=home)
        assert "my parcel" in first.out
        head = lines(keep)[0]
        assert (head["count"], head["questions"], head["seed"]) == (4, 4, 0)
        assert head["dataset"]
        with store.begin() as tx:
            releases.promote(tx, bot, Promotion(2, 1, "test", "it won"))
        says("q\n")
        again = attune("compare", "acme", "--keep", keep, "--json", at=home).json
        assert (again["release"], again["other"], again["questions"]) == (2, 1, 4), "as it was begun"
        assert attune("compare", "acme", "--keep", keep, "--seed", "1", at=home).code == 2
        assert attune("compare", "acme", "1", "2", "--keep", keep, at=home).code == 2
        assert attune("compare", "acme", "--keep", keep, "--count", "5", at=home).code == 2
        sheet = attune("compare", "acme", "2", "1", "--sheet", tmp_path / "s.csv", "--json", at=home).json
        assert sheet["questions"] > 4, "all that there are, below 50"
        keep.write_text(keep.read_text().replace(head["dataset"], "0" * 64))
        gone = attune("compare", "acme", "--keep", keep, at=home)
        assert (gone.code, "not here" in gone.err) == (1, True)


def test_a_dataset_that_keeps_nothing_for_testing_asks_nothing(attune: Call, tmp_path: Path, keep: Path) -> None:
    home = tmp_path / "home"
    settings = load_settings(home, environ={})
    home.mkdir()
    with open_store(settings.store_url, home=home) as store:
        _with_dataset(store, settings, attune, tmp_path, Shares(0.9, 0.1, 0.0))
    none = attune("compare", "acme", "--keep", keep, at=home)
    assert none.code == 1
    assert "--questions FILE" in none.err
    assert not keep.exists()


def _with_dataset(store: Store, settings: Settings, attune: Call, tmp_path: Path, shares: Shares = SHARES) -> str:
    with store.begin() as tx:
        bot = bots.create(tx, "acme", profile(OLD))
    path = tmp_path / "log.jsonl"
    path.write_bytes(log())
    assert attune("import", "acme", path, at=settings.home).code == 0
    freeze(store, settings, bot.id, Plan(shares))
    tiny_release.publish(store, settings, "acme", VERDICT)
    with store.begin() as tx:
        releases.promote(tx, bot.id, Promotion(1, 0, "test", "it is the first"))
        bots.save_profile(tx, bot.id, profile(NEW))
    tiny_release.publish(store, settings, "acme", VERDICT)
    return bot.id


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("acme",), 2, "Where are the choices kept?"),
        (("acme", "--keep", "KEEP", "--sheet", "x.csv"), 2, "--keep"),
        (("acme", "--sheet", "x.csv", "--choices", "y.csv"), 2, "at a time"),
        (("acme", "--keep", "KEEP", "--report"), 1, "There is no file"),
        (("acme", "--sheet", "x.csv"), 1, "no dataset"),
        (("acme", "1", "1", "--questions", "ASKED", "--keep", "KEEP"), 2, "named twice"),
        (("acme", "1", "--questions", "ASKED", "--keep", "KEEP"), 2, "is the live one"),
        (("acme", "7", "--questions", "ASKED", "--keep", "KEEP"), 1, "no release of that number"),
        (("acme", "2", "7", "--questions", "ASKED", "--keep", "KEEP"), 1, "no release of that number"),
        (("nobody", "--questions", "ASKED", "--keep", "KEEP"), 1, "There is no"),
        (("acme", "--questions", "EMPTY", "--keep", "KEEP"), 2, "holds no question"),
        (("acme", "--questions", "nowhere.txt", "--keep", "KEEP"), 1, "There is no file"),
        (("acme", "--questions", "ASKED", "--choices", "nowhere.csv"), 1, "There is no file"),
        (("acme", "--questions", "ASKED", "--choices", "ASKED"), 2, "no sheet"),
        (("acme", "--questions", "ASKED", "--keep", "ASKED"), 2, "something else than choices"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    attune: Call, asked: Path, keep: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    empty = asked.with_name("empty")
    empty.touch()
    paths = {"KEEP": keep, "ASKED": asked, "EMPTY": empty}
    before = asked.read_bytes()
    ran = attune("compare", *(paths.get(one, one) for one in arguments))
    assert ran.code == code
    assert said in ran.err
    assert not keep.exists(), "nothing is begun"
    assert asked.read_bytes() == before


def test_without_a_live_release_two_are_to_be_named(attune: Call, says: Call, asked: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings = load_settings(home, environ={})
    home.mkdir()
    with open_store(settings.store_url, home=home) as store:
        with store.begin() as tx:
            bots.create(tx, "acme", profile(OLD))
        call = ("compare", "acme", "--questions", asked, "--keep", tmp_path / "k")
        none = attune(*call, at=home)
        assert (none.code, "attune train acme" in none.err) == (1, True)
        for _ in range(2):
            tiny_release.publish(store, settings, "acme", VERDICT)
        one = attune(*call, at=home)
        assert one.code == 1
        assert "attune compare acme N M" in one.err
        says("")
        alike = attune("compare", "acme", "2", "1", *call[2:], "--json", at=home).json
        assert (alike["same"], alike["open"], alike["share"]) == (len(ASKED), 0, None), "there was nothing to choose"


def test_choices_about_the_questions_of_a_file_need_that_file(
    attune: Call, says: Call, asked: Path, keep: Path
) -> None:
    says("q\n")
    attune("compare", "acme", "--questions", asked, "--keep", keep)
    without = attune("compare", "acme", "--keep", keep, "--report")
    assert without.code == 2
    assert "--questions FILE" in without.err
    asked.write_text("another question\n")
    other = attune("compare", "acme", "--questions", asked, "--keep", keep)
    assert other.code == 2
    assert "other questions" in other.err


def test_in_a_terminal_it_prompts_and_takes_no_word_that_is_none(made: Path, asked: Path, keep: Path) -> None:
    ours, theirs = pty.openpty()
    arguments = ["compare", "acme", "--questions", str(asked), "--keep", str(keep), "--home", str(made)]
    command = [sys.executable, "-c", "from service.cli import main; main()", *arguments]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT)
    os.close(theirs)
    os.write(ours, b"perhaps\nl\nq\n")
    shown = b""
    with suppress(OSError):  # how Linux tells that nobody writes to a terminal any more
        while piece := os.read(ours, 65_536):
            shown += piece
    os.close(ours)
    assert process.wait(timeout=60) == 0, shown
    out = shown.decode()
    assert out.count("choice> ") >= 2
    assert "Question 1 of 6" in out
    assert out.count("a note may follow") == 2, "once at the beginning, once for what was no choice"
    assert len(lines(keep)) == 2
