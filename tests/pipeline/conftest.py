"""A small sample market in a folder of its own."""

from pathlib import Path

import pandas as pd
import pytest

from sentfeat.pipeline import (
    Project,
    build_features,
    ingest_window,
    open_project,
    plan_range,
    score_window,
    update_prices,
)
from sentfeat.pipeline.summary import RunSummary

SAMPLE = """
lake = "lake"
[[sources]]
kind = "sample"
name = "sample"
seed = 3
companies = 6
start = 2023-01-03
end = 2023-05-31
[prices]
kind = "sample"
"""
NOW = pd.Timestamp("2024-01-02 12:00", tz="UTC")


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "sample.toml"
    path.write_text(SAMPLE)
    return path


@pytest.fixture
def project(config) -> Project:
    return open_project(config)


def run(project: Project, start: str, end: str, now: pd.Timestamp = NOW) -> RunSummary:
    """What the flows do, without Prefect."""
    plan = plan_range(project, start, end, now)
    return RunSummary(
        lake=project.config.lake,
        ingested=[
            report for chunk in plan.chunks for report in ingest_window(project, chunk.span, now, poll=chunk.poll)
        ],
        prices=update_prices(project, plan.first, plan.last, now),
        scored=[score_window(project, chunk.span, kinds=chunk.score) for chunk in plan.chunks if chunk.score],
        built=build_features(project, plan.first, plan.last, plan.cutoffs, now),
    )


def content(project: Project) -> dict[str, str]:
    """Every published session's content hash."""
    lake = project.lake
    return {path: lake.get_json(path)["content_hash"] for path in lake.files("manifests", ".json")}
