"""The universe file: what is read as what, and which periods are refused."""

import pandas as pd
import pytest

from sentfeat.config import FeatureSettings
from sentfeat.errors import ConfigError
from sentfeat.features.coverage import Reading
from sentfeat.features.items import INPUT_COLUMNS
from sentfeat.features.table import Build, Inputs
from sentfeat.sessions import Cutoff
from sentfeat.tables import COVERAGE
from sentfeat.universe import Universe, read_universe
from tests.conftest import ROOT

HEAD = "security_id,ticker,name,aliases,sector,cik,valid_from,valid_to"
META = "F,META,Meta Platforms,Facebook,Tech,1326801,2022-06-09,"


def read(tmp_path, *rows: str) -> Universe:
    path = tmp_path / "universe.csv"
    path.write_text("\n".join([HEAD, *rows]) + "\n")
    return read_universe(str(path))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ["F,FB,Facebook,,Tech,1326801,2012-05-18,2022-06-09", META],
            "security_id F has two rows at once: F FB from 2012-05-18 to 2022-06-09; F META from 2022-06-09 on",
        ),
        (["F,FB,Facebook,,Tech,1326801,2012-05-18,", META], "F FB from 2012-05-18 on; F META from 2022-06-09 on"),
        (
            [META, "G,META,Roundhill,,Tech,,2021-06-30,2022-12-30"],
            "ticker META has two rows at once: G META from 2021-06-30 to 2022-12-30; F META from 2022-06-09 on",
        ),
        (["F,FB,Facebook,,Tech,,2012-05-18,2012-05-17"], "valid_to lies before valid_from in F FB from 2012-05-18 to"),
        (["F,FB,Facebook,,Tech,,9999-12-31,"], "valid_to lies before valid_from in F FB from 9999-12-31 on"),
        (["F,FB,Facebook,,Tech,1.5,2012-05-18,"], "cannot safely cast"),
        (["F, ,Facebook,,Tech,,2012-05-18,"], "column ticker: 1 empty cells"),
    ],
)
def test_contradicting_rows_are_named(tmp_path, rows, message):
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, *rows)


def test_an_empty_file_is_an_error_of_the_configuration(tmp_path):
    (tmp_path / "universe.csv").write_text("")
    with pytest.raises(ConfigError, match="universe.csv: No columns"):
        read_universe(str(tmp_path / "universe.csv"))


def test_rows_that_follow_each_other_are_taken(tmp_path):
    universe = read(
        tmp_path,
        META,
        "F,FB,Facebook,,Tech,1326801,2012-05-18,2022-06-08",
        "G,FB,Another,,Tech,,2022-06-09,2022-06-09",
        "H,FB,Third,,Tech,,2022-06-10,",
    )
    days = pd.to_datetime(pd.Series(["2022-06-08", "2022-06-09", "2022-06-10"]))
    located = universe.locate(pd.Series(["FB"] * 3), days)
    assert universe.frame["security_id"].loc[located].tolist() == ["F", "G", "H"]


def test_spaces_around_cells_and_aliases_are_no_part_of_them(tmp_path):
    spaced = read(tmp_path, " F , META, Meta Platforms ,Facebook | FB Inc, Tech, 1326801 , 2022-06-09,  ")
    assert spaced.hash == read(tmp_path, META.replace("Facebook", "Facebook|FB Inc")).hash


def test_text_that_looks_like_numbers_is_text(tmp_path):
    row = read(tmp_path, "1,3,3,360,45,0000066740,1990-01-02,").frame.iloc[0]
    assert row[["security_id", "ticker", "name", "aliases", "sector"]].tolist() == ["1", "3", "3", "360", "45"]
    assert row["cik"] == 66740


def test_the_shipped_universe_is_read_whole():
    frame = read_universe(str(ROOT / "data" / "universe.csv")).frame
    assert len(frame) == len((ROOT / "data" / "universe.csv").read_text().splitlines()) - 1
    assert frame[["security_id", "ticker", "name", "valid_from", "valid_to"]].notna().all(axis=None)


def test_dates_far_off_mean_an_open_period(tmp_path):
    """Built into a table they are the same rows as with open ends."""
    session = pd.Timestamp("2026-11-20")
    universe = read(tmp_path, "A,AA,Alpha,,Tech,1,0001-01-01,9999-12-31", "B,BB,Beta,,Tech,2,1990-01-02,")
    assert universe.listed(session)["ticker"].tolist() == ["AA", "BB"]
    items = pd.DataFrame({name: [] for name in INPUT_COLUMNS}).astype({"available_at": "datetime64[us, UTC]"})
    inputs = Inputs(items, COVERAGE.empty(), {"news": Reading(required=True)}, universe)
    rows = Build(inputs, session, session, Cutoff.PRE_OPEN, FeatureSettings()).frame
    assert rows["ticker"].tolist() == ["AA", "BB"]
