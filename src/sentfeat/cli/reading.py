"""Commands that read the tables."""

import json
from typing import Annotated

import typer

from sentfeat import tables
from sentfeat.cli.shared import Lake, cell, print_grid
from sentfeat.errors import ConfigError
from sentfeat.reader import read_features


def features(
    ticker: Annotated[list[str] | None, typer.Option(help="may be repeated; default: all")] = None,
    last: Annotated[int, typer.Option(help="how many rows, counted from the end")] = 20,
    columns: Annotated[
        str, typer.Option(help="comma-separated")
    ] = "session,ticker,n_news,sent_mean,sent_ewma_3,buzz_abn",
    cutoff: Annotated[str, typer.Option(help="pre_open or evening")] = "pre_open",
    lake: Lake = None,
) -> None:
    """The newest feature rows."""
    wanted = [name.strip() for name in columns.split(",")]
    unknown = [name for name in wanted if name not in tables.FEATURES.names]
    if unknown:
        raise ConfigError(f"no feature column {', '.join(unknown)}; `sentfeat dictionary` lists them")
    rows = read_features(tickers=ticker, cutoff=cutoff, lake=lake).tail(last)[wanted]
    print_grid(wanted, [[cell(value) for value in row] for row in rows.itertuples(index=False)])


def dictionary(
    table: Annotated[str, typer.Argument(help=", ".join(tables.TABLES))] = "features",
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table")] = False,
) -> None:
    """What the columns of a table mean, their units, and when they are null."""
    if table not in tables.TABLES:
        raise ConfigError(f"no table {table!r}; there are {', '.join(tables.TABLES)}")
    rows = tables.dictionary(tables.TABLES[table])
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        print_grid(list(rows[0]), [list(row.values()) for row in rows])
