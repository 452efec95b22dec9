"""Measure whether the published features improve a price-only model, and write the report.

python -m flows.backtest --config data/sample.toml [--start 2022-01-03] [--end 2024-12-30] [--latency] [--masked]
python -m flows.backtest --config data/sample.toml --table vendor.parquet      a table made elsewhere, the lake's prices

A killed run goes on where it was when the same command is given again.
"""

import shlex
from typing import Annotated

import typer
from prefect import flow
from prefect.artifacts import create_markdown_artifact

from flows import steps
from flows.alerts import WATCHED
from flows.steps import ConfigFile, Day, Overrides, Target, one_line_errors, run_command
from sentfeat.pipeline import BacktestOptions, BacktestReport, published_range


@flow(name="backtest", flow_run_name="backtest {start} to {end}", **WATCHED)
def backtest(
    config: str,
    start: Day | None = None,
    end: Day | None = None,
    overrides: list[str] | None = None,
    options: BacktestOptions | None = None,
) -> BacktestReport:
    """Backtest the sessions from `start` to `end` (default: all that are published)."""
    target, options = Target.of(config, overrides), options or BacktestOptions()
    first, last = published_range(target.project, start, end)
    command = command_line(config, (str(first.date()), str(last.date())), overrides, options)
    report = steps.backtest(target, first, last, command, options)
    create_markdown_artifact(
        key="backtest-verdict", markdown=f"**{report.verdict}**\n\n{report.summary}\n\n{report.path}"
    )
    return report


def command_line(config: str, span: tuple[str, str], overrides: list[str] | None, options: BacktestOptions) -> str:
    """The command that repeats a run."""
    words = ["python", "-m", "flows.backtest", "--config", config, "--start", span[0], "--end", span[1]]
    words += [word for override in overrides or () for word in ("--set", override)]
    words += ["--table", options.table] if options.table else []
    words += [flag for flag, on in (("--masked", options.masked), ("--latency", options.latency)) if on]
    return shlex.join(words)


def main(
    config: ConfigFile,
    start: Annotated[str | None, typer.Option(help="first session, YYYY-MM-DD")] = None,
    end: Annotated[str | None, typer.Option(help="last session, YYYY-MM-DD")] = None,
    set_: Overrides = None,
    masked: Annotated[bool, typer.Option("--masked", help="also score without names and dates, and compare")] = False,
    latency: Annotated[bool, typer.Option("--latency", help="also with text 15 minutes and an hour later")] = False,
    table: Annotated[str | None, typer.Option(help="a .parquet or .csv table made elsewhere, with a session")] = None,
) -> None:
    """Backtest the published features, or a table made elsewhere."""
    with one_line_errors():
        first, last = published_range(Target.of(config, set_).project, start, end)  # before a server starts
        options = BacktestOptions(masked, latency, table)
        report = backtest(config, str(first.date()), str(last.date()), set_, options)
        typer.echo(f"{report.verdict}: {report.summary}\nreport: {report.path}")


if __name__ == "__main__":
    run_command(main)
