"""Export runs or weight files: checks what was asked for, writes, and puts the files into place
once they are proved. Opens without torch."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench import paths
from workbench.exporters.job import Job, Progress, Source, Stage
from workbench.exporters.registry import Exporter, exporter_named
from workbench.library.run_folder import RunRecord
from workbench.library.safe_file import reason_of
from workbench.messages import Cancelled, Message, WorkbenchError
from workbench.spec.registry import resolve

log = logging.getLogger("workbench")


@dataclass(frozen=True)
class Exported:
    """What came of an export: the files, and sentences on what was checked and assumed."""

    files: tuple[Path, ...]
    said: tuple[Message, ...]


def export(
    things: Sequence[RunRecord | Path],
    format_name: str,
    target: str | Path,
    *,
    best: bool = False,
    force: bool = False,
    known: Sequence[RunRecord] = (),
    images: str | None = None,
    progress: Progress = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> Exported:
    """Export runs, or weight files, to ``target``.

    Args:
        things: runs and paths of weight files; one or more.
        format_name: of :data:`~workbench.exporters.registry.EXPORTERS`.
        target: a file, a folder, or the address of a server, as the format has it.
        best: the weights of the best epoch in place of the last one's.
        force: files that are there may be replaced.
        known: runs among which repeats with other seeds are looked for.
        images: data whose test images a network is checked on; by default those that it was
            trained on.
        progress: hears how far it is.
        stop: is asked often; makes it raise :class:`Cancelled`.

    Raises :class:`WorkbenchError` with one sentence; nothing is written then.
    """
    exporter = exporter_named(format_name)
    if missing := exporter.missing:
        raise WorkbenchError(missing)
    sources = [_source(thing, exporter, best) for thing in things]
    stage = Stage(force)
    job = Job(sources, _target(exporter, target), stage, known, images, progress, stop)
    try:
        resolve(exporter.write)(job)
        job.look()
        stage.commit()
    except (WorkbenchError, Cancelled):
        raise
    except OSError as error:
        raise WorkbenchError(
            "{path}: cannot be written or read ({reason}).",
            path=error.filename or target,
            reason=reason_of(error),
        ) from None
    except Exception as error:
        log.exception("The export failed")
        raise WorkbenchError(
            "Unexpected error ({kind}); the log file has the details: {log}",
            kind=type(error).__name__,
            log=paths.log_file(),
        ) from None
    finally:
        stage.discard()
    return Exported(stage.files, tuple(job.said))


def _target(exporter: Exporter, target: str | Path) -> str:
    text = str(target)
    if exporter.target == "store" and "://" in text:
        return text
    path = paths.expanded(text).absolute()
    if exporter.target == "folder" and path.exists() and not path.is_dir():
        raise WorkbenchError(
            "{path}: is a file; {label} takes a folder.", path=path, label=exporter.label
        )
    return f"{path}{os.sep}" if text.endswith(("/", os.sep)) else str(path)


def _source(thing: RunRecord | Path, exporter: Exporter, best: bool) -> Source:
    if isinstance(thing, Path):
        if not exporter.takes_weights:
            raise WorkbenchError(
                "{path}: is a weight file, and {label} is made from a whole run; name a run.",
                path=thing,
                label=exporter.label,
            )
        return Source(None, thing)
    if thing.status == "running":
        raise WorkbenchError(
            "{name} is still training; export it when it has ended.", name=thing.label
        )
    name = thing.best_weights if best else thing.weights
    if exporter.takes_weights and name is None:
        raise WorkbenchError(_no_weights(thing, best))
    return Source(thing, thing.folder / name if name else None)


def _no_weights(run: RunRecord, best: bool) -> Message:
    if best:
        return Message("{name} has no weights of a best epoch.", name=run.label)
    if run.status == "interrupted":
        return Message(
            "{name} was interrupted and has no weights yet; resume it, or give up resuming it.",
            name=run.label,
        )
    return Message("{name} has no weights of its last epoch.", name=run.label)
