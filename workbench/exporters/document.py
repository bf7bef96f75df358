"""The written report as an export: the same document that ``cifar-workbench report`` writes."""

from __future__ import annotations

from workbench.exporters.job import Job, with_ending
from workbench.report.document import write_report


def write(job: Job) -> None:
    """Write one page on all runs, with their curves inside."""
    path = with_ending(job.folder, ".html")
    write_report(job.stage.file(path), job.records, job.known)
    job.progress(1, 1)
