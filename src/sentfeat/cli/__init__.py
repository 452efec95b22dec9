"""The `sentfeat` command: read sources, score, predict, read tables. Flows run as `python -m flows.<name>`."""

import logging
import sys

import typer

from sentfeat.cli import auditing, doctor, measuring, operating, reading, scoring, sources, testing
from sentfeat.errors import SentfeatError

COMMANDS = (
    scoring.predict,
    scoring.score,
    scoring.export,
    doctor.doctor,
    measuring.evaluate,
    testing.backtest,
    reading.features,
    reading.dictionary,
    reading.models,
    reading.export_features,
    auditing.explain,
    auditing.diff,
    auditing.leakcheck,
    operating.status,
    operating.monitor,
    operating.prune,
    operating.migrate,
    sources.ingest,
    sources.relink,
)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
for command in COMMANDS:
    app.command()(command)


def main() -> None:
    """Run the command; sentfeat's own errors become one line on stderr and exit code 1."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        app()
    except SentfeatError as error:
        sys.exit(f"error: {error}")
    except ModuleNotFoundError as error:
        hint = (
            "pip install 'sentfeat[score]' to score texts, 'sentfeat[ray]' on a cluster, "
            "'sentfeat[evaluate]' to measure models, 'sentfeat[backtest]' to test features, "
            "'sentfeat[sources]' to read feeds, Yahoo and filings"
        )
        sys.exit(f"error: {error.name} is not installed; the base package only reads: {hint}")
