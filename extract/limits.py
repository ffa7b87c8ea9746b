"""What one file may cost: none may hold up a scan of millions, or kill its reader."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread

CPU_SECONDS = 30  # an enhanced file of 100,000 frames takes a sixth of it
ELEMENT_BYTES = 256 << 20  # one element that is kept; per-frame groups of 100,000 frames are a tenth of it
HEADER_BYTES = 128 << 20  # what is read of a file whose structure is in doubt
INFLATED_BYTES = 64 << 20  # what is inflated of a deflated data set
ELEMENTS = 1 << 21  # kept of one sequence, items included


class LimitError(Exception):
    """A file asks for more than a limit allows; the argument names the limit."""


class _ExpiredError(BaseException):
    """Raised wherever the code happens to be; no `except Exception` may swallow it."""


_armed = False


def _expire(signum: int, frame: object) -> None:
    if _armed:
        raise _ExpiredError


@contextmanager
def cpu_limit(seconds: float = CPU_SECONDS) -> Iterator[None]:
    """Bound the processor time of a block, user and system; a network share that stalls costs none.

    Raises LimitError. Only the main thread of a process is bounded, on systems that have the signal (not Windows).
    """
    global _armed
    if not hasattr(signal, "setitimer") or current_thread() is not main_thread():
        yield
        return
    if signal.getsignal(signal.SIGPROF) is not _expire:
        signal.signal(signal.SIGPROF, _expire)  # for good: a late signal finds a handler
    try:
        try:
            _armed = True
            # Again every second, in case it hits where Python drops exceptions.
            signal.setitimer(signal.ITIMER_PROF, seconds, 1)
            yield
        finally:
            _armed = False
            signal.setitimer(signal.ITIMER_PROF, 0)
    except _ExpiredError:
        signal.setitimer(signal.ITIMER_PROF, 0)
        raise LimitError(f"more than {seconds:g} s of processor time") from None
