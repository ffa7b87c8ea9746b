"""A pool of reading processes. One that is killed takes no other file along, and no file stops a run."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any, Generic, Protocol, TypeVar

TASKS_IN_FLIGHT = 4  # per process: enough to keep them busy, few enough to bound memory
KEPT = "What was committed is kept: scan again to go on."
KILLED = "out of memory?"
MOST_KILLED = 10  # more readers killed one after another are no matter of single files

File = TypeVar("File")
Result = TypeVar("Result", covariant=True)


class ScanError(RuntimeError):
    """The scan failed; what was committed stays, and the next scan goes on from there."""


@dataclass
class Task(Generic[File]):
    """Files to read; its number is its own within the run."""

    number: int
    files: list[File] = field(default_factory=list)


class Position(Protocol):
    """The place of the file at work within its task, for the main process to see if this reader is killed."""

    value: int


class Reader(Protocol[File, Result]):
    """What reads tasks in a process of its own."""

    def read(self, task: Task[File], position: Position) -> Result:
        """Read a task's files and write their rows, keeping `position` up to date."""


class ReaderPool(Generic[File, Result]):
    """Some reading processes, each with the Reader that `make_reader` makes there.

    `blame` returns a file as its reader shall take it that has killed one: with the reason why it is not read.
    """

    def __init__(
        self, make_reader: Callable[[], Reader[File, Result]], blame: Callable[[File], File], jobs: int
    ) -> None:
        self.make_reader = make_reader
        self.blame = blame
        self.jobs = jobs
        self.killed = 0
        self.pending: dict[Future[Result], Task[File]] = {}
        # A forked process would share the parent's connections.
        self.context = get_context("spawn")
        self.position = self.context.Value("q", 0, lock=False)
        self.pool = self._pool(jobs)

    def __enter__(self) -> "ReaderPool[File, Result]":
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, task: Task[File]) -> None:
        """Hand out a task."""
        try:
            self.pending[self.pool.submit(_read, task)] = task
        except BrokenProcessPool:
            lost: Future[Result] = Future()
            lost.set_exception(BrokenProcessPool())
            self.pending[lost] = task

    def results(self, allowed: int | None = None) -> Iterator[Result]:
        """Yield results until no more than `allowed` tasks are under way (by default, enough to keep all busy).

        Raises ScanError, and what stopped a reader: psycopg.Error, PartWriteError.
        """
        allowed = self.jobs * TASKS_IN_FLIGHT if allowed is None else allowed
        while len(self.pending) > allowed:
            done, _ = wait(self.pending, return_when=FIRST_COMPLETED)
            lost = []
            for future in done:
                task = self.pending.pop(future)
                try:
                    yield future.result()
                except BrokenProcessPool:
                    lost.append(task)
            if lost:
                # All tasks under way are lost with the pool: they are done again, one after another, to find the
                # file that kills its reader, if it was a file.
                lost += self.pending.values()
                self.pending.clear()
                self.pool.shutdown(wait=True)
                for task in lost:
                    yield self._read_alone(task)
                self.pool = self._pool(self.jobs)

    def _read_alone(self, task: Task[File]) -> Result:
        while True:
            with self._pool(1) as pool:
                try:
                    result: Result = pool.submit(_read, task).result()
                    return result
                except BrokenProcessPool as error:
                    self.killed += 1
                    if self.killed > MOST_KILLED:
                        raise ScanError(
                            f"reading processes are killed again and again (out of memory?). {KEPT}"
                        ) from error
                    task.files[self.position.value] = self.blame(task.files[self.position.value])

    def _pool(self, jobs: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(jobs, self.context, _start, (self.make_reader, self.position))


_reader: Reader[Any, Any]
_position: Position


def _start(make_reader: Callable[[], Reader[Any, Any]], position: Position) -> None:
    global _reader, _position
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process ends the run
    Thread(target=_end_with_parent, daemon=True).start()
    _reader, _position = make_reader(), position


def _end_with_parent() -> None:
    """A main process that is killed takes its readers along: they would wait for tasks for ever."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _read(task: Task[Any]) -> Any:
    return _reader.read(task, _position)


def cores() -> int:
    """Return how many processes can run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
