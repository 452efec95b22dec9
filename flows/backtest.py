"""Measure whether the published features improve a price-only model, and write the report.

python -m flows.backtest --config data/sample.toml [--start 2022-01-03] [--end 2024-12-30]
"""

from typing import Annotated

import typer
from prefect import flow
from prefect.artifacts import create_markdown_artifact

from flows import steps
from flows.steps import Day, Target, one_line_errors, run_command
from sentfeat.pipeline import BacktestReport, published_range


@flow(name="backtest", flow_run_name="backtest {start} to {end}")
def backtest(
    config: str, start: Day | None = None, end: Day | None = None, overrides: list[str] | None = None
) -> BacktestReport:
    """Backtest the published sessions from `start` to `end` (default: all of them)."""
    target = Target.of(config, overrides)
    first, last = published_range(target.project, start, end)
    command = f"python -m flows.backtest --config {config} --start {first.date()} --end {last.date()}"
    report = steps.backtest(target, first, last, command)
    create_markdown_artifact(
        key="backtest-verdict", markdown=f"**{report.verdict}**\n\n{report.summary}\n\n{report.path}"
    )
    return report


def main(
    config: Annotated[str, typer.Option(help="configuration file")],
    start: Annotated[str | None, typer.Option(help="first session, YYYY-MM-DD")] = None,
    end: Annotated[str | None, typer.Option(help="last session, YYYY-MM-DD")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="override, KEY=VALUE; may be repeated")] = None,
) -> None:
    """Backtest the published features."""
    with one_line_errors():
        first, last = published_range(Target.of(config, set_).project, start, end)  # before a server starts
        report = backtest(config, str(first.date()), str(last.date()), set_)
        typer.echo(f"{report.verdict}: {report.summary}\nreport: {report.path}")


if __name__ == "__main__":
    run_command(main)
