"""``python -m workbench`` and the command ``cifar-workbench``.

Imports next to nothing, so that Ctrl-C is looked after before the rest is imported.
"""

from __future__ import annotations

INTERRUPTED = 130

try:
    import os
    import signal
    import sys
except KeyboardInterrupt:
    raise SystemExit(INTERRUPTED) from None


def main() -> int:
    """Run the command of ``sys.argv``; the exit code (see :func:`workbench.cli.main`)."""
    # Else it is ignored, and stays so.
    is_heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_heard:
        # While modules are imported nothing is written yet: an exception there would only be a
        # traceback, or be swallowed.
        signal.signal(signal.SIGINT, _leave)
    from workbench.cli import main as run_command

    try:
        if is_heard:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return run_command()
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        if is_heard:
            signal.signal(signal.SIGINT, _leave)  # while Python ends


def _leave(*_: object) -> None:
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
