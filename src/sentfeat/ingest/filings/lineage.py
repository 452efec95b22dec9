"""Which filing an amendment amends, and which earlier filing of the same form a filing is to be compared with.

Both work on a frame of filings, one a row:

    accession   text     unique
    cik         integer  filer
    form        text     10-K, 10-K/A, ...
    period      datetime period of report, NaT where the header gives none
    public_at   datetime when it became public, UTC

and look only backwards: what is public later is never linked.
"""

import pandas as pd

from sentfeat.errors import DataError

COLUMNS = ("accession", "cik", "form", "period", "public_at")
SAME_FORM = {"10-K405": "10-K", "10-KT": "10-K", "10-QT": "10-Q"}  # a box that was ticked; a year cut short


def amended_filing(filings: pd.DataFrame) -> pd.Series:
    """The accession that each amendment amends; null for originals and for amendments of what is not in the frame.

    It is the latest original of the same filer, form and period of report that was public before the amendment. An
    amendment without a period is not paired: nothing says which one it means. Index as `filings`. Raises DataError if
    a column is missing or an accession comes twice.
    """
    frame = _checked(filings)
    originals = frame[~frame["amends"]]
    return _latest_before(frame[frame["amends"]].dropna(subset="period"), originals, ["cik", "base", "period"], filings)


def prior_filing(filings: pd.DataFrame) -> pd.Series:
    """The accession of the filer's filing before, of the same form and an earlier period; null where there is none.

    Amendments are neither compared nor compared with. The prior of a 10-K is the 10-K of the year before, if both
    are in the frame; the latest one that was public by then counts, and for an unknown period the latest one at all.
    Index as `filings`. Raises as amended_filing.
    """
    frame = _checked(filings)
    originals = frame[~frame["amends"]]
    pairs = originals.merge(originals, on=["cik", "base"], suffixes=("", "_prior"))
    known = pairs["period"].notna() & pairs["period_prior"].notna()
    earlier = ~known | (pairs["period_prior"] < pairs["period"])
    return _last(pairs[earlier & (pairs["public_at_prior"] < pairs["public_at"])], filings)


def _checked(filings: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in COLUMNS if name not in filings]
    if missing:
        raise DataError(f"a frame of filings needs the columns {', '.join(COLUMNS)}; missing: {', '.join(missing)}")
    twice = filings.loc[filings["accession"].duplicated(), "accession"]
    if len(twice):
        raise DataError(f"a frame of filings has one row for each accession; {twice.iloc[0]} comes twice: drop one")
    frame = filings[list(COLUMNS)].copy()
    frame["amends"] = frame["form"].str.endswith("/A")
    frame["base"] = frame["form"].str.removesuffix("/A").replace(SAME_FORM)
    return frame


def _latest_before(later: pd.DataFrame, earlier: pd.DataFrame, by: list[str], filings: pd.DataFrame) -> pd.Series:
    pairs = later.merge(earlier, on=by, suffixes=("", "_prior"))
    return _last(pairs[pairs["public_at_prior"] < pairs["public_at"]], filings)


def _last(pairs: pd.DataFrame, filings: pd.DataFrame) -> pd.Series:
    """Of each accession's candidates the one public last; ties go to the higher accession."""
    ordered = pairs.sort_values(["public_at_prior", "accession_prior"], kind="stable")
    latest = ordered.drop_duplicates("accession", keep="last").set_index("accession")["accession_prior"]
    return filings["accession"].map(latest).astype(object).where(lambda s: s.notna(), None)
