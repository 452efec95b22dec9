"""Small feature tables to publish, for tests that are not about how rows come about."""

import pandas as pd
from typer.testing import CliRunner

from sentfeat.cli import app
from sentfeat.publish import Shelf, announce
from sentfeat.sessions import known_at, tradable_at
from sentfeat.tables import FEATURES

LAG = pd.Timedelta(minutes=15)


def feature_rows(session: pd.Timestamp, cutoff: str = "pre_open", **columns: object) -> pd.DataFrame:
    """Rows of one session with one security per value of the columns given (default: two, with an item each)."""
    days = pd.DatetimeIndex([session])
    columns = columns or {"n_news": [1, 1]}
    frame = pd.DataFrame(columns).reindex(columns=FEATURES.names)
    tickers = [f"T{number}" for number in range(len(frame))]
    filled = frame.assign(
        session=session,
        ticker=tickers,
        security_id=[f"id-{ticker}" for ticker in tickers],
        cutoff=cutoff,
        known_at=known_at(days, cutoff, LAG)[0],
        tradable_at=tradable_at(days)[0],
        sources_ok_share=1.0,
    )
    filled["coverage_ok"] = frame["coverage_ok"].fillna(True)
    return filled


def publish(shelf: Shelf, session: pd.Timestamp, at: pd.Timestamp, **columns: object) -> None:
    """Publish such rows as a night at `at` (UTC) does."""
    rows = feature_rows(session, str(shelf.cutoff), **columns)
    settings = {"lag_minutes": LAG.total_seconds() / 60}
    shelf.publish(session, rows, {"input_hash": str(at), "published_at": at.isoformat(), "settings": settings})
    announce(shelf.lake, shelf.model, shelf.cutoff, session)


def run_sentfeat(*arguments: str):
    """The command in this process; its errors are raised."""
    return CliRunner().invoke(app, arguments, catch_exceptions=False)
