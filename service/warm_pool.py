"""Threads for requests, of which the one that rested least is asked first.

The standard pool passes work round among all of its threads. Here few requests keep to few threads, whose memory,
database connection and processor cache are still warm (figures: docs/benchmarks.md).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
Task = Callable[[], None]


class WarmPool(Executor):
    """At most `most` threads, started when they are first needed. Tasks wait in the order they came."""

    def __init__(self, most: int, name: str = "request") -> None:
        self._most = most
        self._name = name
        self._lock = threading.Lock()
        self._resting: list[_Rest] = []
        self._waiting: deque[tuple[Future[Any], Task]] = deque()
        self._threads: list[threading.Thread] = []
        self._ended = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have `fn` called in a thread. Raises RuntimeError once the pool is shut down."""
        future: Future[T] = Future()

        def task() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)

        with self._lock:
            if self._ended:
                raise RuntimeError("no task can be added to a pool that was shut down")
            if self._resting:
                self._resting.pop().wake(task)
            elif len(self._threads) < self._most:
                self._start(task)
            else:
                self._waiting.append((future, task))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks; what waits is still done, or cancelled."""
        with self._lock:
            self._ended = True
            dropped = [future for future, _ in self._waiting] if cancel_futures else []
            if cancel_futures:
                self._waiting.clear()
            while self._resting:
                self._resting.pop().wake(None)
            threads = tuple(self._threads)
        for future in dropped:
            future.cancel()
        if wait:
            for thread in threads:
                thread.join()

    def _start(self, task: Task) -> None:
        # Daemons: who still holds a thread when the grace is over must not keep the process from ending.
        thread = threading.Thread(
            target=self._work, args=(task,), name=f"{self._name}-{len(self._threads)}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _work(self, first: Task) -> None:
        rest = _Rest()
        task: Task | None = first
        while task is not None:
            task()
            task = self._next(rest) or rest.wait()

    def _next(self, rest: _Rest) -> Task | None:
        """What waits for a thread; None after lying down on top of those who rest, or at the end."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()[1]
            if self._ended:
                rest.wake(None)
            else:
                self._resting.append(rest)
            return None


class _Rest:
    """Where one thread waits for its next task."""

    def __init__(self) -> None:
        self._asleep = threading.Lock()
        self._asleep.acquire()
        self._task: Task | None = None

    def wake(self, task: Task | None) -> None:
        """Give the thread a task, or None to end it."""
        self._task = task
        self._asleep.release()

    def wait(self) -> Task | None:
        self._asleep.acquire()
        task, self._task = self._task, None
        return task
