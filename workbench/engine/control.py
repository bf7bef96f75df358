"""Stop, cancel and pause: what a person asks of a run, from any thread. Free of torch."""

from __future__ import annotations

import threading

from workbench.messages import Message


class RunControl:
    """Asked between steps by the run, set by whoever started it. Thread-safe.

    Stop keeps what was reached, cancel discards it; both also end a pause. Neither can be
    taken back.
    """

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._cancel = threading.Event()
        self._go = threading.Event()
        self._go.set()
        self._threads: int | None = None
        self.why: Message | None = None
        # A pause that crosses a stop must not leave the run waiting for ever.
        self._pausing = threading.Lock()

    def stop(self, why: Message | None = None) -> None:
        """End the run and keep it; ``why`` is kept with it, where somebody else than a person
        decided that."""
        with self._pausing:
            if not self._stop.is_set():
                self.why = why
            self._stop.set()
            self._go.set()

    def cancel(self) -> None:
        self._cancel.set()
        self.stop()

    def pause(self) -> None:
        with self._pausing:
            if not self._stop.is_set():
                self._go.clear()

    def resume(self) -> None:
        self._go.set()

    def use_threads(self, threads: int) -> None:
        """Ask the run to go on with another number of the CPU's ``threads``."""
        self._threads = threads

    def take_threads(self) -> int | None:
        """The number that was asked for since the last call; ``None`` where none was."""
        threads, self._threads = self._threads, None
        return threads

    @property
    def asked(self) -> bool:
        """Return whether anything was asked for that the run has not come to."""
        return self.stopping or self.paused or self._threads is not None

    @property
    def stopping(self) -> bool:
        """True once stop or cancel was asked for."""
        return self._stop.is_set()

    @property
    def cancelled(self) -> bool:
        return self._cancel.is_set()

    @property
    def paused(self) -> bool:
        return not self._go.is_set()

    def wait_while_paused(self) -> None:
        """Block until :meth:`resume`, :meth:`stop` or :meth:`cancel`."""
        self._go.wait()
