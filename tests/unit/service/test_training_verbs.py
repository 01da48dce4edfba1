"""Training verbs against a script in the trainer's place: what they start, what they show, how they end."""

from __future__ import annotations

import json
import signal
import threading

import pytest

from data.errors import NotFound, UsageError
from data.schema import TASKS
from data.store import bots, jobs, open_store
from service import child, training
from service.child import error_of

NOTHING = "say('done', result={})"


@pytest.fixture
def acme(attune, log):
    attune("init", "acme")
    attune("import", "acme", log)
    return attune


def store_at(home):
    return open_store(f"sqlite:///{home / 'attune.db'}", home=home)


def test_a_training_is_a_job_that_a_child_works_on(acme, home, trainer, does_it):
    ran = acme("train", "acme", "--seed", "3", "--json", launch=trainer(does_it))
    assert ran.code == 0
    assert (ran.json["release"], ran.json["verdict"]["decision"]) == (1, "hold")
    assert ran.json["payload"] == {"tasks": list(TASKS), "recipe": None, "seed": 3}
    assert "1:01 left, loss 0.500" in ran.err
    assert "macro_f1 0.750" in ran.err
    (log,) = (home / "logs").iterdir()
    assert "a library has something to say" in log.read_text()


def test_the_verdict_is_shown_as_a_table(acme, trainer, does_it):
    ran = acme("train", "acme", "--task", "intent", launch=trainer(does_it))
    assert "floor" in ran.out
    assert "0.800 (0.700" in ran.out
    assert "hold (waits for a person to decide)" in ran.out
    assert "fewer than 50" in ran.out


def test_a_recipe_file_travels_with_the_job(acme, trainer, does_it, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_bytes(b'\xef\xbb\xbfname = "mine"\nepochs = 4\n')
    ran = acme("train", "acme", "--recipe", recipe, "--json", launch=trainer(does_it))
    assert ran.json["payload"]["recipe"] == {"name": "mine", "epochs": 4}
    recipe.write_text("epochs = = 4")
    assert acme("train", "acme", "--recipe", recipe, launch=trainer(does_it)).code == 2
    assert acme("train", "acme", "--recipe", tmp_path, launch=trainer(does_it)).code == 2
    assert acme("train", "acme", "--recipe", tmp_path / "gone", launch=trainer(does_it)).code == 1
    assert acme("train", "acme", "--task", "cooking", launch=trainer(does_it)).code == 2


@pytest.mark.parametrize("value", ["nan", "inf", "1979-05-27", "07:32:00", "[1.0, nan]", "{ a = 1979-05-27 }"])
def test_a_recipe_that_no_job_can_carry_is_refused_by_its_field(acme, trainer, does_it, home, tmp_path, value):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f'task = "intent"\nlearning_rate = {value}\n')
    ran = acme("train", "acme", "--recipe", recipe, "--json", launch=trainer(does_it))
    assert ran.code == 2
    assert ran.json["error"]["code"] == "recipe_invalid"
    assert "learning_rate" in ran.json["error"]["message"]
    with store_at(home) as store, store.read() as tx:
        assert [job.kind for job in jobs.list_all(tx)] == ["import"]


@pytest.mark.parametrize(("code", "exit_code"), [("diverged", 1), ("dataset_unfit", 2), ("recipe_invalid", 2)])
def test_a_training_that_failed_says_why(acme, trainer, code, exit_code):
    error = {"code": code, "message": "It did not work.", "remedy": "Do otherwise.", "ids": {"job": "j"}}
    body = f"""
from data.store import jobs
store, job = claimed()
with store.begin() as tx:
    jobs.fail(tx, job, {error!r}, retry=False)
say("failed", error={error!r})
sys.exit(1)
"""
    ran = acme("train", "acme", "--json", launch=trainer(body))
    assert ran.code == exit_code
    assert ran.json["error"] == error
    assert "Do otherwise." in ran.err


KILLED_ONCE = """
store, job = claimed()
if job is not None and job.attempt == 1:
    say("phase", phase="train")
    os.kill(os.getpid(), signal.SIGKILL)
from data.store import jobs
with store.begin() as tx:
    jobs.finish(tx, job, {"release": 1, "attempt": job.attempt})
"""


def test_a_child_that_is_killed_is_started_again(acme, home, trainer):
    (home / "attune.toml").write_text("[jobs]\nlease_seconds = 0.3\n")
    ran = acme("train", "acme", "--json", launch=trainer(KILLED_ONCE))
    assert (ran.code, ran.json["attempt"]) == (0, 2)
    assert "taking the job up again" in ran.err
    assert [job["state"] for job in acme("jobs", "--json").json["jobs"]] == ["succeeded", "succeeded"]


def test_a_child_that_is_killed_each_time_fails_the_job(acme, home, trainer):
    (home / "attune.toml").write_text("[jobs]\nlease_seconds = 0.2\nmax_attempts = 2\n")
    body = "claimed()\nos.kill(os.getpid(), signal.SIGKILL)\n"
    ran = acme("train", "acme", "--json", launch=trainer(body))
    assert (ran.code, ran.json["error"]["code"]) == (1, "child_lost")
    assert "signal 9" in ran.json["error"]["message"]


def test_a_child_that_cannot_begin_is_not_started_for_ever(acme, trainer):
    ran = acme("train", "acme", "--json", launch=trainer("raise SystemExit('no such module')"))
    assert (ran.code, ran.json["error"]["code"]) == (1, "child_lost")
    assert "Traceback" not in ran.err


def test_a_job_that_was_left_is_taken_up_and_one_under_way_left_alone(acme, home, trainer, does_it):
    with store_at(home) as store, store.begin() as tx:
        bot = bots.get(tx, "acme")
        left = training.request_training(tx, bot, training.Order())
        busy = training.request_training(tx, bot, training.Order(seed=1))
        jobs.claim(tx, "another", lease_seconds=60, job_id=busy.id)
    assert acme("train", "acme", "--json", launch=trainer(does_it)).json["job"] == left.id
    ran = acme("train", "acme", "--seed", "1", "--json", launch=trainer(does_it))
    assert (ran.code, ran.json["error"]["code"]) == (1, "in_use")


def test_the_same_order_on_the_same_data_is_the_job_of_before(acme, trainer, does_it, tmp_path):
    first = acme("train", "acme", "--json", launch=trainer(does_it)).json
    again = acme("train", "acme", "--json", launch=trainer("raise SystemExit('not started')"))
    assert (again.json, again.code) == (first, 0)
    assert "nothing has changed" in again.err
    more = tmp_path / "more.csv"
    more.write_text("text,label\nhow much is it,price\n")
    acme("import", "acme", more)
    assert acme("train", "acme", "--json", launch=trainer(does_it)).json["job"] != first["job"]


WAITS_FOR_CANCEL = """
from data.store import jobs
store, job = claimed()
say("phase", phase="train")
while True:
    time.sleep(0.02)
    with store.begin() as tx:
        if jobs.heartbeat(tx, job).cancel_requested:
            jobs.acknowledge_cancel(tx, job)
            break
say("failed", error={"code": "job_cancelled", "message": "The job was cancelled."})
sys.exit(1)
"""


def interrupt_soon() -> None:
    """What Ctrl-C does, once the child has surely begun."""
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(1.5, signal.pthread_kill, (main, signal.SIGINT)).start()


def test_ctrl_c_cancels_the_job(acme, trainer):
    interrupt_soon()
    ran = acme("train", "acme", "--json", launch=trainer(WAITS_FOR_CANCEL))
    assert (ran.code, ran.json["error"]["code"]) == (1, "job_cancelled")
    assert "Cancelling" in ran.err
    assert acme("jobs", "--json").json["jobs"][0]["state"] == "cancelled"


def test_ctrl_c_ends_what_is_no_job(attune, trainer):
    interrupt_soon()
    ran = attune("worker", "--json", launch=trainer("say('phase', phase='train')\ntime.sleep(60)"))
    assert (ran.code, ran.json) == (0, {"worker": "stopped"})


def test_a_worker_without_the_train_extra_says_what_it_leaves_undone(attune, trainer, monkeypatch):
    monkeypatch.setattr(child, "find_spec", lambda name: None)
    limited = (
        "assert '--attended' in sys.argv\nsay('limited', kinds=['import'], missing=['torch'])\nsay('done', result={})"
    )
    ran = attune("worker", "--json", launch=trainer(limited))
    assert (ran.code, ran.json) == (0, {"worker": "stopped"})
    assert "imports logs only" in ran.err
    assert 'pip install "attune[train]"' in ran.err


def test_an_experiment_hands_everything_on(attune, trainer, log, tmp_path):
    body = "say('done', report={'task': 'intent', 'accuracy': 0.5, 'arguments': sys.argv[1:]})"
    out = tmp_path / "out"
    flags = ["--task", "intent", "--out", out, "--seed", "2", "--per-class", "5", "--recipe", "full", "--base", "b"]
    ran = attune("experiment", log, log, *flags, "--unlabelled", log, "--json", launch=trainer(body), at=None)
    assert ran.code == 0
    arguments = ran.json["arguments"]
    assert arguments[:1] + arguments[-3:] == ["experiment", "--", str(log), str(log)]
    given = dict(zip(arguments[1:-3:2], arguments[2:-3:2], strict=True))
    assert given == {"--task": "intent", "--out": str(out), "--seed": "2", "--per-class": "5", "--recipe": "full",
                     "--base": "b", "--unlabelled": str(log)}  # fmt: skip
    bare = attune("experiment", log, log, *flags[:4], "--json", launch=trainer(body), at=None).json["arguments"]
    assert not {"--seed", "--base"} & set(bare), "the recipe decides what nobody asked for"
    assert list(out.iterdir()) == [], "nothing was said, so no log is left"
    assert "0.5000" in attune("experiment", log, log, *flags, launch=trainer(body), at=None).out


def test_an_experiment_on_what_is_not_there(attune, trainer, log, tmp_path):
    flags = ["--task", "intent", "--out", tmp_path / "out"]
    assert attune("experiment", log, tmp_path / "gone", *flags, launch=trainer(NOTHING), at=None).code == 1
    assert attune("experiment", log, tmp_path, *flags, launch=trainer(NOTHING), at=None).code == 2
    assert attune("experiment", log, log, "--task", "intent", "--out", log, launch=trainer(NOTHING), at=None).code == 2
    failed = trainer("say('failed', error={'code': 'usage_invalid', 'message': 'No such task.'})")
    assert attune("experiment", log, log, *flags, launch=failed, at=None).code == 2


def test_without_the_train_extra_training_verbs_say_so(acme, monkeypatch, log, tmp_path):
    monkeypatch.setattr(child, "find_spec", lambda name: None)
    for arguments in (
        ["train", "acme"],
        ["demo", "--no-serve"],
        ["experiment", log, log, "--task", "intent", "--out", tmp_path / "out"],
    ):
        ran = acme(*arguments, "--json")
        assert (ran.code, ran.json["error"]["code"]) == (1, "train_extra_missing")
        assert 'pip install "attune[train]"' in ran.err
    assert [job["kind"] for job in acme("jobs", "--json").json["jobs"]] == ["import"], "nothing was asked for"


def test_errors_keep_their_code_and_kind():
    assert isinstance(error_of({"code": "recipe_invalid", "message": "m"}), UsageError)
    assert not isinstance(error_of({"code": "not_found", "message": "m"}), (UsageError, NotFound))
    assert error_of(None).code == "job_failed"
    assert json.loads(json.dumps(error_of({"ids": {"run": 1}}).to_wire()))["ids"] == {"run": 1}
