"""Commands that read the tables."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sentfeat import publish, schema, tables
from sentfeat.cells import compare_models
from sentfeat.cli.shared import Lake, cell, console, print_grid, write_frame
from sentfeat.dictionary import page, section
from sentfeat.errors import ConfigError
from sentfeat.reader import current_model, open_lake, read_features
from sentfeat.sessions import Cutoff
from sentfeat.spreadsheet import frame_without_formulas
from sentfeat.whole import write_whole

ALL = "all"
SHOWN = "session,ticker,n_news,sent_mean,sent_ewma_3,buzz_abn"
ModelName = Annotated[str | None, typer.Option("--model", help="default: the one that CURRENT.json names")]
At = Annotated[Cutoff, typer.Option("--cutoff", help="pre_open or evening")]


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def features(
    ticker: Annotated[list[str] | None, typer.Option(help="may be repeated; default: all")] = None,
    last: Annotated[int, typer.Option(help="how many rows, counted from the end; 0: all")] = 20,
    columns: Annotated[str, typer.Option(help="comma-separated, or all")] = SHOWN,
    cutoff: At = Cutoff.PRE_OPEN,
    model: ModelName = None,
    as_of: Annotated[str | None, typer.Option(help="the table as readers saw it at that time, UTC")] = None,
    format: Annotated[Format, typer.Option(help="table, or csv or json for other programs")] = Format.TABLE,
    output: Annotated[Path | None, typer.Option(help="a file for csv or json; default: the terminal")] = None,
    lake: Lake = None,
) -> None:
    """The newest feature rows, to look at or to take elsewhere."""
    wanted = tables.FEATURES.names if columns == ALL else [name.strip() for name in columns.split(",")]
    unknown = [name for name in wanted if name not in tables.FEATURES.names]
    if unknown:
        raise ConfigError(f"no feature column {', '.join(unknown)}; `sentfeat dictionary` lists them")
    rows = read_features(tickers=ticker, cutoff=cutoff, model=model, as_of=as_of, lake=lake)
    rows = rows.tail(last or len(rows))[wanted]
    if format == Format.TABLE:
        print_grid(wanted, [[cell(value) for value in row] for row in rows.itertuples(index=False)])
        return
    if format == Format.CSV:
        text = frame_without_formulas(rows).to_csv(index=False)
    else:
        text = rows.to_json(orient="records", lines=True, date_format="iso")
    if output is None:
        sys.stdout.write(text)
    else:
        try:
            write_whole(output, text.encode())
        except OSError as error:
            raise ConfigError(f"cannot write {output}: {error.strerror}; give --output another place") from error
        console.print(f"wrote {len(rows):,} rows to {output}")


def export_features(
    folder: Annotated[Path, typer.Argument(help="where the files go, one a year")],
    year: Annotated[list[int] | None, typer.Option(help="may be repeated; default: all")] = None,
    cutoff: At = Cutoff.PRE_OPEN,
    model: ModelName = None,
    lake: Lake = None,
) -> None:
    """Published rows as one Parquet file a year, sorted by session and ticker: quick to load, easy to hand on."""
    opened = open_lake(lake)
    named = model or current_model(opened)
    years = sorted({day.year for day in publish.Shelf(opened, named, cutoff).sessions()})
    for wanted in year or years:
        if wanted not in years:
            raise ConfigError(f"no published session in {wanted}; there are {', '.join(map(str, years)) or 'none'}")
        rows = read_features(f"{wanted}-01-01", f"{wanted}-12-31", cutoff=cutoff, model=named, lake=opened)
        path = folder / f"features_{named}_{cutoff}_{wanted}.parquet"
        write_frame(rows, path, tables.FEATURES)
        console.print(f"wrote {len(rows):,} rows of {rows['session'].nunique()} sessions to {path}")


def models(
    use: Annotated[str | None, typer.Option(help="make this model the readers' default")] = None,
    compare: Annotated[list[str] | None, typer.Option(help="give it twice: two models, column by column")] = None,
    cutoff: At = Cutoff.PRE_OPEN,
    lake: Lake = None,
) -> None:
    """The models with published features side by side: list them, compare two, switch the readers' default."""
    opened = open_lake(lake)
    if compare:
        if len(compare) != 2:
            raise ConfigError(f"--compare takes two models, got {len(compare)}: --compare A --compare B")
        first, second = (read_features(cutoff=cutoff, model=name, lake=opened) for name in compare)
        found = compare_models(first, second)
        print_grid(list(found.columns), [[cell(value) for value in row] for row in found.itertuples(index=False)])
        return
    if use:
        publish.switch_model(opened, use)
    current = current_model(opened)
    print_grid(
        ["model", "readers' default", *(f"newest {each}" for each in Cutoff)],
        [
            [name, "yes" if name == current else "", *(newest.get(each, "-") for each in Cutoff)]
            for name, newest in publish.models(opened).items()
        ],
    )


def dictionary(
    table: Annotated[str, typer.Argument(help=f"{', '.join(tables.TABLES)}, or all")] = "features",
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Markdown instead of a table")] = False,
) -> None:
    """What the columns of a table mean, their units, and when they are null."""
    if table not in tables.TABLES and table != ALL:
        raise ConfigError(f"no table {table!r}; there are {', '.join(tables.TABLES)}")
    chosen = list(tables.TABLES.values()) if table == ALL else [tables.TABLES[table]]
    rows = {each.name: schema.dictionary(each) for each in chosen}
    if as_json:
        typer.echo(json.dumps(rows if table == ALL else rows[table], indent=1))
    elif as_markdown:
        typer.echo(page() if table == ALL else section(chosen[0]), nl=False)
    else:
        for each in chosen:
            console.print(f"{each.name}: {each.meaning}")
            print_grid(list(rows[each.name][0]), [list(row.values()) for row in rows[each.name]])
