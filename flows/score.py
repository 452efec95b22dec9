"""Score what has no score yet: the one stage that is worth a GPU, as a deployment of its own.

    python -m flows.score --config my.toml --after 2026-11-18T21:45Z --until 2026-11-19T21:45Z

A night whose configuration says `operations.score_deployment = "score/gpu"` starts this on the GPU machine's work pool
and waits for it; both machines read and write the same lake. Set `precision` to the GPU's: it is part of the model's
name. Scores are kept shard by shard and may be written by several at once.
"""

from typing import Annotated

import typer
from prefect import flow

from flows.alerts import WATCHED
from flows.steps import ConfigFile, Overrides, Target, one_line_errors, run_command
from sentfeat.pipeline import ScoreReport, score_window
from sentfeat.pipeline.score import SCORED_KINDS
from sentfeat.sessions import Window, as_utc


@flow(name="score", flow_run_name="score {after} to {until}", **WATCHED)
def score(
    config: str, after: str, until: str, kinds: list[str] | None = None, overrides: list[str] | None = None
) -> ScoreReport:
    """Score the texts of these kinds (default: all) that became available in (after, until], UTC unless they say
    otherwise."""
    span = Window(as_utc(after), as_utc(until))
    return score_window(Target.of(config, overrides).project, span, kinds=kinds or SCORED_KINDS)


def main(
    config: ConfigFile,
    after: Annotated[str, typer.Option(help="begin of the span, excluded, ISO 8601")],
    until: Annotated[str, typer.Option(help="end of the span, included, ISO 8601")],
    set_: Overrides = None,
) -> None:
    """Score what became available in a span."""
    with one_line_errors():
        Window(as_utc(after), as_utc(until))  # before a server starts
        report = score(config, after, until, overrides=set_)
        typer.echo(f"{report.scored} of {report.wanted} answers were new")


if __name__ == "__main__":
    run_command(main)
