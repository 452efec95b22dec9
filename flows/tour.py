"""The whole machine once, in one process: backfill, the nightly flow for the last session, the backtest.

    python -m flows.tour --config data/sample.toml --start 2022-01-03 --end 2024-12-31

This is what `make run` runs on the sample market.
"""

import time
from typing import Annotated

import typer

from flows.backfill import backfill
from flows.backtest import backtest
from flows.nightly import nightly
from flows.steps import ConfigFile, Overrides, Target, one_line_errors, require_written, run_command
from sentfeat.pipeline import plan_range
from sentfeat.reader import read_features
from sentfeat.sessions import sessions_between, shift, utc_now

SHOWN = ["session", "ticker", "n_news", "sent_mean", "sent_ewma_3", "buzz_abn", "coverage_ok"]


def main(
    config: ConfigFile,
    start: Annotated[str, typer.Option(help="first session, YYYY-MM-DD")],
    end: Annotated[str, typer.Option(help="last session, YYYY-MM-DD")],
    set_: Overrides = None,
) -> None:
    """Backfill, nightly and backtest, one after the other."""
    with one_line_errors():
        require_written(start, end)
        plan_range(Target.of(config, set_).project, start, end, utc_now())  # before a server starts
        _tour(config, start, end, set_)


def _tour(config: str, start: str, end: str, overrides: list[str] | None) -> None:
    began = time.monotonic()
    last = sessions_between(start, end)[-1]
    filled = backfill(config, start, str(shift(last, -1).date()), overrides)
    night = nightly(config, str(last.date()), overrides)
    report = backtest(config, start, str(last.date()), overrides)
    project = Target.of(config, overrides).project
    features = read_features(lake=project.lake)
    typer.echo(f"\nbackfill  {filled.line()}\nnightly   {night.line()}")
    typer.echo(f"features  {project.lake.location(project.shelf(project.config.backtest.cutoff).folder)}")
    typer.echo(f"          {len(features):,} rows; the last ones:\n{features[SHOWN].tail(5).to_string(index=False)}")
    typer.echo(f"backtest  {report.verdict}: {report.summary}\n          {report.path}")
    if not (filled.is_new or night.is_new) and report.reused:
        typer.echo("nothing was new: every table and the report were reused")
    typer.echo(f"done in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    run_command(main)
