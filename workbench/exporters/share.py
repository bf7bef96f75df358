"""A share: whole run folders in one ``.zip``, for another library of this program.

:mod:`workbench.library.shared_runs` says what is in it, and reads it.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace

import workbench
from workbench import paths
from workbench.exporters.job import Job, with_ending
from workbench.exporters.model_card import model_card
from workbench.library.run_folder import RunRecord, read_log, record_as_written
from workbench.library.run_writer import record_text
from workbench.library.safe_file import open_to_read
from workbench.library.shared_runs import (
    ABOUT,
    CARD,
    FORMAT,
    KIND,
    LARGEST_SHARE,
    SHARED_FILES,
    open_share,
)
from workbench.messages import Count, Message, WorkbenchError

_BLOCK = 1 << 20


def write(job: Job) -> None:
    """Write all runs into one archive, and check it as an import does."""
    path = with_ending(job.folder, ".zip")
    place = job.stage.file(path)
    names = [record.folder.name for record in job.records]
    if len({name.casefold() for name in names}) < len(names):
        raise WorkbenchError("Two of the runs have the same name; export them one by one.")
    sizes = sum(
        file.stat().st_size
        for record in job.records
        for file in map(record.folder.joinpath, _files(record))
    )
    if sizes > LARGEST_SHARE:
        raise WorkbenchError(
            "{path}: a share holds at most {limit} GB; export fewer runs at once.",
            path=path,
            limit=LARGEST_SHARE // 1_000_000_000,
        )
    done = 0
    about = {"kind": KIND, "format": FORMAT, "program": workbench.__version__, "runs": names}
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(ABOUT, json.dumps(about, indent=1))
        cards = [model_card(source, known=job.known) for source in job.sources]
        archive.writestr(CARD, "\n\n".join(cards))
        for record in job.records:
            for name in _files(record):
                text = _text(record, name)
                if text is not None:
                    archive.writestr(f"{record.folder.name}/{name}", text)
                    continue
                with (
                    open_to_read(record.folder / name, LARGEST_SHARE) as file,
                    archive.open(f"{record.folder.name}/{name}", "w", force_zip64=True) as member,
                ):
                    while block := file.read(_BLOCK):
                        job.look()
                        member.write(block)
                        done += len(block)
                        job.progress(done, sizes)
    with open_share(place) as share:
        share.check()
    job.said.append(
        Message("Checked as an import does: {runs:run|runs}.", runs=Count(len(job.records)))
    )


def _files(record: RunRecord) -> list[str]:
    weights = filter(None, (record.weights, record.best_weights))
    names = [*SHARED_FILES, *weights]
    return [name for name in names if (record.folder / name).is_file()]


def _text(record: RunRecord, name: str) -> str | None:
    """The content of ``run.json`` and ``log.txt`` without the places of this machine; ``None`` for
    what is copied as it is."""
    if name == "log.txt":
        return paths.without_places(read_log(record.folder))
    if name != "run.json":
        return None
    run = record_as_written(record.folder)
    data = {name: value for name, value in run.data.items() if name not in _PLACES}
    reason = paths.without_places(run.reason) if run.reason else run.reason
    return record_text(replace(run, data=data, reason=reason, reason_parts=None))


_PLACES = ("path", "skipped_files", "left_out")
