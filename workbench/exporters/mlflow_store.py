"""Runs in MLflow's form, added to a folder or to a server, by MLflow's own client."""

from __future__ import annotations

import logging
import os
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from workbench.exporters.figures import Figures, hyperparameters
from workbench.exporters.job import Job
from workbench.library.run_folder import RunRecord
from workbench.messages import Count, Message, WorkbenchError

EXPERIMENT = "CIFAR Workbench"
_BATCH = 1_000  # the most that MLflow takes at once
_STATUS = {"finished": "FINISHED", "failed": "FAILED"}  # else KILLED

log = logging.getLogger("workbench")


def write(job: Job) -> None:
    """Add each run with its parameters, metrics and weights, and read every metric back."""
    client, address = _client(job.target)
    try:
        found = client.get_experiment_by_name(EXPERIMENT)
        experiment = found.experiment_id if found else client.create_experiment(EXPERIMENT)
        figures = [Figures(record) for record in job.records]
        total, done = sum(one.count for one in figures), 0
        for one in figures:
            done = _add(client, experiment, one, job, done, total)
    except (WorkbenchError, OSError):
        raise
    except Exception as error:
        from mlflow.exceptions import MlflowException

        if not isinstance(error, MlflowException):
            raise
        log.warning("%s: MLflow refused the runs", address, exc_info=error)
        raise WorkbenchError(
            "{address}: MLflow did not take the runs ({reason}).",
            address=address,
            reason=str(error).splitlines()[0][:200],
        ) from None
    job.said.append(
        Message(
            "Read again with MLflow's client: {points:value|values} of {runs:run|runs}, the last "
            "of each metric the same.",
            points=Count(total),
            runs=Count(len(figures)),
        )
    )


def _client(target: str) -> tuple[Any, str]:
    # MLflow reports how it is used unless it is told not to, and refuses folders by default.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        logging.getLogger("mlflow").setLevel(logging.ERROR)
        address = target if "://" in target else Path(target).as_uri()
        try:
            return MlflowClient(tracking_uri=address), address
        except MlflowException as error:
            raise WorkbenchError(
                "{address}: is no place that MLflow can write to ({reason}).",
                address=address,
                reason=str(error).splitlines()[0][:200],
            ) from None


def _add(client: Any, experiment: str, one: Figures, job: Job, done: int, total: int) -> int:
    from mlflow.entities import Metric, Param

    run = one.run
    made = client.create_run(
        experiment,
        start_time=int(1_000 * one.began),
        run_name=run.label,
        tags={"cifar_workbench.run": run.id, **{f"tag.{tag}": "" for tag in run.tags}},
    )
    name = made.info.run_id
    try:
        client.log_batch(name, params=[Param(k, str(v)) for k, v in _parameters(run).items()])
        counts: Counter[str] = Counter()
        last: dict[str, float] = {}
        batch: list[Metric] = []
        for point in one.points():
            batch.append(Metric(point.name, point.value, int(1_000 * point.at), point.step))
            counts[point.name] += 1
            last[point.name] = point.value
            done += 1
            if len(batch) == _BATCH:
                job.look()
                client.log_batch(name, metrics=batch)
                job.progress(done, total)
                batch = []
        end = int(1_000 * (one.began + run.seconds))
        for key, value in one.final().items():
            batch.append(Metric(key, value, end, len(one.losses)))
            counts[key] += 1
            last[key] = value
        client.log_batch(name, metrics=batch)
        for weights in filter(None, (run.weights, run.best_weights)):
            client.log_artifact(name, str(run.folder / weights), "weights")
        client.set_terminated(name, _STATUS.get(run.status, "KILLED"), end)
        _require_read_back(client, name, counts, last)
    except BaseException:
        client.delete_run(name)  # half a run is none
        raise
    job.progress(done, total)
    return done


def _parameters(run: RunRecord) -> dict[str, Any]:
    facts = {"preset": run.preset or "", "data": run.data.get("name", ""), "device": run.device}
    return {**hyperparameters(run), **facts}


def _require_read_back(
    client: Any, name: str, counts: Counter[str], last: dict[str, float]
) -> None:
    for key, count in counts.items():
        history = client.get_metric_history(name, key)
        same = bool(history) and (history[-1].value == last[key] or last[key] != last[key])
        if len(history) != count or not same:
            raise WorkbenchError(
                "{run}: MLflow does not give back the same values of {metric}, so the run was "
                "taken out again.",
                run=name,
                metric=key,
            )
