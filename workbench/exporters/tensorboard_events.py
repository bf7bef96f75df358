"""Runs as TensorBoard's event files, by TensorBoard's own writer; neither torch's nor TensorFlow.

Each run is a folder of its own, as TensorBoard wants it: ``<folder>/<run>/events.out.tfevents.…``.
"""

from __future__ import annotations

import sys
import types
from collections import Counter
from pathlib import Path

from workbench.exporters.figures import Figures, hyperparameters
from workbench.exporters.job import Job
from workbench.messages import Count, Message, WorkbenchError

# By this module TensorBoard is told to do without TensorFlow, where it is installed too.
sys.modules.setdefault("tensorboard.compat.notf", types.ModuleType("notf"))

_EVERY = 2_000
"""Points between two looks at whether the export is to end."""
STATUS = {"finished": 1, "failed": 2}
"""Numbers of ``tensorboard.hparams.Status``; of anything else 0, unknown."""


def write(job: Job) -> None:
    """Write all runs, and read every curve back."""
    runs = [Figures(record) for record in job.records]
    total, done = 2 * sum(one.count for one in runs), 0
    points = 0
    for one in runs:
        # Its name has no host, whose name TensorBoard's own would have.
        name = f"events.out.tfevents.{int(one.began)}.cifar-workbench"
        place = job.stage.file(job.folder / one.run.folder.name / name)
        counts, last = _write(place, one, job, done, total)
        done += one.count
        job.look()
        _require_read_back(place, counts, last)
        done += one.count
        job.progress(done, total)
        points += sum(counts.values())
    job.said.append(
        Message(
            "Read again with TensorBoard's reader: {points:point|points} of {runs:run|runs}, the "
            "last value of each curve the same.",
            points=Count(points),
            runs=Count(len(runs)),
        )
    )


def _write(
    place: Path, figures: Figures, job: Job, before: int, total: int
) -> tuple[Counter[str], dict[str, float]]:
    from tensorboard.compat.proto.event_pb2 import Event, SourceMetadata
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb
    from tensorboard.summary.writer.record_writer import RecordWriter

    counts: Counter[str] = Counter()
    last: dict[str, float] = {}
    run = figures.run
    with place.open("wb") as file:
        writer = RecordWriter(file)

        def add(at: float, step: int = 0, summary: Summary | None = None) -> None:
            writer.write(Event(wall_time=at, step=step, summary=summary).SerializeToString())

        def add_value(name: str, value: float, at: float, step: int) -> None:
            add(at, step, Summary(value=[Summary.Value(tag=name, simple_value=value)]))
            counts[name] += 1
            last[name] = value

        writer.write(
            Event(
                wall_time=figures.began,
                file_version="brain.Event:2",
                source_metadata=SourceMetadata(writer="CIFAR Workbench"),
            ).SerializeToString()
        )
        add(
            figures.began,
            summary=hparams_pb(
                {
                    **hyperparameters(run),
                    "preset": run.preset or "",
                    "data": str(run.data.get("name", "")),
                },
                trial_id=run.id,
                start_time_secs=figures.began,
            ),
        )
        for number, point in enumerate(figures.points()):
            if number % _EVERY == 0:
                job.look()
                job.progress(before + number, total)
            add_value(point.name, point.value, point.at, point.step)
        end = figures.began + run.seconds
        for name, value in figures.final().items():
            add_value(name, value, end, len(figures.losses))
        ended = SessionEndInfo(status=STATUS.get(run.status, 0), end_time_secs=end)
        about = metadata.create_summary_metadata(HParamsPluginData(session_end_info=ended))
        session_end = Summary()
        session_end.value.add(
            tag=metadata.SESSION_END_INFO_TAG, metadata=about, tensor=metadata.NULL_TENSOR
        )
        add(end, summary=session_end)
        writer.flush()
    return counts, last


def _require_read_back(place: Path, counts: Counter[str], last: dict[str, float]) -> None:
    import numpy as np
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    found: Counter[str] = Counter()
    ends: dict[str, float] = {}
    for event in LegacyEventFileLoader(str(place)).Load():
        for value in event.summary.value:
            if value.WhichOneof("value") == "simple_value":
                found[value.tag] += 1
                ends[value.tag] = value.simple_value
    names = list(last)
    same = np.array_equal(
        np.array([last[name] for name in names], np.float32),  # as the files hold them
        np.array([ends.get(name, np.inf) for name in names], np.float32),
        equal_nan=True,
    )
    if found != counts or not same:
        raise WorkbenchError(
            "{path}: TensorBoard does not read the same curves from it, so it was not kept.",
            path=place.parent,
        )
