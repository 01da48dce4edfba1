"""What happens to the store when others race, processes die, disks fill and bytes rot."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from data import files
from data.errors import LeaseLost, StorageFull, StoreCorrupt, StoreUnavailable
from data.profile import BotProfile
from data.settings import Settings
from data.store import Store, bots, jobs, open_store, releases, uploads
from data.store.uploads import NewUpload

PROFILE = BotProfile(name="Acme")


@pytest.fixture
def bot(store: Store) -> str:
    with store.begin() as tx:
        return bots.create(tx, "acme", PROFILE).id


def together(workers: int, work: Callable[[int], None]) -> None:
    """Run `work(0..n-1)` in threads that start at the same moment; raise what any of them raised."""
    barrier = threading.Barrier(workers)

    def one(number: int) -> None:
        barrier.wait()
        work(number)

    with ThreadPoolExecutor(workers) as pool:
        for future in [pool.submit(one, number) for number in range(workers)]:
            future.result()


def relaxed(store: Store) -> Store:
    """The same store, without waiting for the disk: races are the same, tests are faster."""
    if store.engine.dialect.name == "sqlite":
        from sqlalchemy import event

        event.listen(store.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        store.engine.dispose()
    return store


def test_no_update_is_lost_that_reads_before_it_writes(store: Store, bot: str) -> None:
    fast = relaxed(store)

    def work(_: int) -> None:
        for _ in range(100):
            with fast.begin() as tx:
                releases.reserve(tx, bot)

    together(4, work)
    with store.read() as tx:
        assert [release.number for release in releases.list_for(tx, bot)] == list(range(1, 401))


def test_profiles_saved_at_once_all_get_a_version(store: Store, bot: str) -> None:
    fast = relaxed(store)

    def work(_: int) -> None:
        for _ in range(10):
            with fast.begin() as tx:
                bots.save_profile(tx, bot, PROFILE)

    together(4, work)
    with store.read() as tx:
        assert bots.profile(tx, bot)[0] == 41


def test_the_same_wish_uttered_at_once_is_one_job_and_one_upload(store: Store, bot: str) -> None:
    found = []

    def work(_: int) -> None:
        with store.begin() as tx:
            upload, _made = uploads.create(tx, bot, NewUpload("a", "01" * 32, 1))
            found.append((upload.id, jobs.enqueue(tx, "import", {}, bot, "key").id))

    together(8, work)
    assert len(set(found)) == 1


def test_twenty_threads_that_race_for_ten_jobs_own_each_once(store: Store) -> None:
    fast = relaxed(store)
    with fast.begin() as tx:
        wanted = {jobs.enqueue(tx, "train", {}).id for _ in range(10)}
    owned: list[str] = []

    def work(number: int) -> None:
        with fast.begin() as tx:
            job = jobs.claim(tx, f"w{number}", lease_seconds=60)
        if job is not None:
            owned.append(job.id)

    together(20, work)
    # Where rows are locked one by one, a claim may pass over all of them while others decide: ask once more.
    while len(owned) < len(wanted):
        work(99)
    assert Counter(owned) == Counter(wanted)


WORKER = """
import sys, time
from pathlib import Path
from data.store import jobs, open_store
url, home, name, start = sys.argv[1:]
with open_store(url, home=Path(home), busy_seconds=30) as store:
    while not Path(start).exists():
        time.sleep(0.005)
    idle = 0
    while idle < 3:
        with store.begin() as tx:
            job = jobs.claim(tx, name, lease_seconds=60)
        if job is None:
            idle += 1
            time.sleep(0.02)
            continue
        with store.begin() as tx:
            jobs.finish(tx, job, {"by": name})
        print(job.id, flush=True)
"""


def child(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("workers", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_processes_that_race_for_jobs_own_each_once(store: Store, store_url: str, tmp_path: Path, workers: int) -> None:
    with store.begin() as tx:
        wanted = {jobs.enqueue(tx, "train", {}).id for _ in range(30)}
    start = tmp_path / "start"
    racers = [child(WORKER, store_url, str(store.home), f"w{n}", str(start)) for n in range(workers)]
    start.touch()
    done = [line for racer in racers for line in racer.communicate(timeout=120)[0].split()]
    assert [racer.returncode for racer in racers] == [0] * workers
    assert Counter(done) == Counter(wanted)
    with store.read() as tx:
        assert {job.state for job in jobs.list_all(tx)} == {"succeeded"}


PUBLISHER = """
import os, sys
from pathlib import Path
from data.store import bots, open_store, releases
from data.store.releases import NewRelease, Promotion
url, home, bot = sys.argv[1:]
with open_store(url, home=Path(home)) as store, store.begin() as tx:
    releases.reserve(tx, bot)
    releases.publish(tx, bot, 1, NewRelease("ab" * 32, {"x": "y" * 200_000}, {"decision": "promote"}))
    releases.promote(tx, bot, Promotion(1, 0, "ann", "because"))
    print("written", flush=True)
    sys.stdin.readline()
"""


def test_a_kill_in_the_middle_of_a_publish_leaves_nothing_half(store: Store, store_url: str, bot: str) -> None:
    publisher = subprocess.Popen(
        [sys.executable, "-c", PUBLISHER, store_url, str(store.home), bot],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert publisher.stdout is not None
    assert publisher.stdin is not None
    assert publisher.stdout.readline() == "written\n"
    publisher.send_signal(signal.SIGKILL)
    publisher.wait()
    publisher.stdout.close()
    publisher.stdin.close()
    assert store.integrity() == []
    with store.begin() as tx:
        assert releases.list_for(tx, bot) == []
        assert releases.live(tx, bot).version == 0
        assert releases.reserve(tx, bot) == 1


COMMITTER = """
import sys
from pathlib import Path
from data.store import open_store, releases
url, home, bot = sys.argv[1:]
with open_store(url, home=Path(home), busy_seconds=30) as store:
    while True:
        with store.begin() as tx:
            number = releases.reserve(tx, bot)
        print(number, flush=True)
"""


def test_what_was_acknowledged_survives_kill_9(store: Store, store_url: str, bot: str) -> None:
    for _ in range(3):
        committer = child(COMMITTER, store_url, str(store.home), bot)
        assert committer.stdout is not None
        for _ in range(5):
            last = committer.stdout.readline()
        committer.kill()
        told = [int(number) for number in [last, *committer.communicate()[0].split()]]
        with store.read() as tx:
            kept = {release.number for release in releases.list_for(tx, bot)}
        assert set(told) <= kept
    assert store.integrity() == []


def test_a_stopped_process_that_wakes_after_its_lease_writes_nothing(store: Store, clock) -> None:
    """The zombie's view is its claim of long ago; the heir has finished meanwhile."""
    with store.begin() as tx:
        jobs.enqueue(tx, "train", {})
        zombie = jobs.claim(tx, "zombie", lease_seconds=5)
    assert zombie is not None
    clock.turn(6)
    with store.begin() as tx:
        heir = jobs.claim(tx, "heir", lease_seconds=5)
        assert heir is not None
        jobs.finish(tx, heir, {"by": "heir"})

    def write_late() -> None:
        with store.begin() as tx:
            bots.create(tx, "written-by-a-zombie", PROFILE)
            jobs.check_fence(tx, zombie)

    with pytest.raises(LeaseLost):
        write_late()
    with store.read() as tx:
        assert jobs.get(tx, heir.id).result == {"by": "heir"}
        assert bots.list_all(tx) == []


# SQLite: the file is ours to spoil.


def test_a_locked_database_is_unavailable_after_a_bounded_wait(sqlite_store: Store) -> None:
    blocker = sqlite3.connect(sqlite_store.home / "attune.db", isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    try:
        for ask in (sqlite_store.begin, sqlite_store.read):
            with pytest.raises(StoreUnavailable, match="busy"), ask():
                pass
        with pytest.raises(StoreUnavailable):
            open_store(f"sqlite:///{sqlite_store.home / 'attune.db'}", home=sqlite_store.home, busy_seconds=0.1)
    finally:
        blocker.close()
    with sqlite_store.begin() as tx:
        bots.create(tx, "acme", PROFILE)


def test_a_reader_that_does_not_end_makes_the_commit_unavailable_and_nothing_is_written(sqlite_store: Store) -> None:
    reader = sqlite3.connect(sqlite_store.home / "attune.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM bots").fetchall()
    if reader.execute("PRAGMA journal_mode").fetchone() == ("wal",):
        reader.close()
        pytest.skip("with a write-ahead log readers do not hold up writers")
    with pytest.raises(StoreUnavailable), sqlite_store.begin() as tx:
        bots.create(tx, "acme", PROFILE)
    reader.close()
    with sqlite_store.begin() as tx:
        assert bots.list_all(tx) == []


def test_a_full_disk_is_told_as_such_and_the_store_goes_on(sqlite_store: Store) -> None:
    big = PROFILE.model_copy(update={"persona": "x" * 4000})
    with sqlite_store.begin() as tx:
        bot = bots.create(tx, "acme", PROFILE).id

    def fill() -> None:
        with sqlite_store.begin() as tx:
            pages = tx.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            tx.connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}").close()
            for _ in range(20):
                bots.save_profile(tx, bot, big)

    with pytest.raises(StorageFull, match="full"):
        fill()
    sqlite_store.engine.dispose()
    with sqlite_store.begin() as tx:
        assert bots.save_profile(tx, bot, big) == 2
    assert sqlite_store.integrity() == []


@pytest.fixture
def filled(sqlite_store: Store) -> Path:
    """A closed database of some pages."""
    with sqlite_store.begin() as tx:
        bot = bots.create(tx, "acme", PROFILE).id
        for _ in range(20):
            bots.save_profile(tx, bot, PROFILE.model_copy(update={"persona": "x" * 3000}))
    sqlite_store.close()
    return sqlite_store.home / "attune.db"


def reopen(file: Path) -> None:
    with open_store(f"sqlite:///{file}", home=file.parent) as store, store.read() as tx:
        bot = bots.get(tx, "acme")
        assert bots.profile(tx, bot.id)[0] == 21


@pytest.mark.parametrize("seed", range(8))
def test_a_corrupt_page_is_never_taken_for_a_fresh_start(filled: Path, seed: int) -> None:
    size = filled.stat().st_size
    # Page 1 holds the header and the schema; the others are picked from all over the file.
    page = 0 if seed == 0 else (seed * 7919) % (size // 4096)
    with filled.open("r+b") as file:
        file.seek(page * 4096)
        file.write(bytes((seed * 31 + i * 7) % 256 for i in range(4096)))
    before = filled.read_bytes()
    with pytest.raises(StoreCorrupt, match="backup"):
        reopen(filled)
    assert filled.read_bytes() == before


@pytest.mark.parametrize("keep", [1, 100, 4096, 3 * 4096 + 5])
def test_a_truncated_database_is_corrupt(filled: Path, keep: int) -> None:
    os.truncate(filled, keep)
    before = filled.read_bytes()
    with pytest.raises(StoreCorrupt):
        reopen(filled)
    assert filled.read_bytes() == before


def test_an_emptied_database_beside_kept_files_is_corrupt(filled: Path) -> None:
    (filled.parent / "blobs").mkdir()
    os.truncate(filled, 0)
    with pytest.raises(StoreCorrupt):
        reopen(filled)
    assert filled.stat().st_size == 0


def test_a_database_that_vanishes_while_in_use_is_not_made_anew(sqlite_store: Store) -> None:
    sqlite_store.engine.dispose()
    (sqlite_store.home / "attune.db").unlink()
    with pytest.raises(StoreUnavailable), sqlite_store.begin():
        pass
    assert not (sqlite_store.home / "attune.db").exists()


def test_something_else_than_a_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "attune.db"
    file.write_bytes(b"dear diary, " * 1000)
    with pytest.raises(StoreCorrupt):
        open_store(f"sqlite:///{file}", home=tmp_path)
    assert file.read_bytes() == b"dear diary, " * 1000


STEPS = """
import sys
from pathlib import Path
from data.files import Blobs, publish_folder
home = Path(sys.argv[1])
blobs = Blobs(home)
with blobs.scratch() as work:
    (work / "a").write_bytes(b"a" * 10_000)
    (work / "manifest.json").write_text("{}")
    publish_folder(work, home / "releases" / "acme" / "1")
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("call", ["fsync", "rename,renameat,renameat2", "mkdir"])
def test_a_kill_at_any_step_of_publishing_a_folder_leaves_all_or_nothing(tmp_path: Path, call: str) -> None:
    for when in range(1, 30):
        home = tmp_path / str(when)
        home.mkdir()
        killed = subprocess.run(
            ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"inject={call}:signal=KILL:when={when}",
             sys.executable, "-B", "-c", STEPS, str(home)],
            capture_output=True, check=False,
        )  # fmt: skip
        final = home / "releases" / "acme" / "1"
        if final.exists():
            assert sorted(path.name for path in final.iterdir()) == ["a", "manifest.json"]
            assert (final / "a").stat().st_size == 10_000
        if killed.returncode == 0:
            assert final.exists()
            break
    else:
        pytest.fail("publishing never came to its end")


def test_a_full_disk_keeps_no_half_blob(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        """A stream on a disk that fills up."""

        def read(self, size: int, /) -> bytes:
            raise OSError(28, "No space left on device")

    blobs = files.Blobs(tmp_path)
    with pytest.raises(StorageFull):
        blobs.put(Full(), max_bytes=10)
    assert list(tmp_path.glob("blobs/*/*")) == list((tmp_path / "tmp").iterdir()) == []


def test_settings_and_store_agree_on_where_the_database_lies(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "some home #1 %41")
    with open_store(settings.store_url, home=settings.home) as store, store.begin() as tx:
        bots.create(tx, "acme", PROFILE)
    assert (settings.home / "attune.db").stat().st_size > 0
