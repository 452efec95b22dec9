"""Each filer's list of filings, read as far back as is asked for and remembered as long as it is complete."""

import datetime as dt
from collections.abc import Collection

import msgspec
import pandas as pd

from sentfeat.ingest.edgar.listings import Listed, read_older, read_submissions
from sentfeat.ingest.edgar.site import Site
from sentfeat.ingest.filings.header import late_bound_time
from sentfeat.ingest.filings.lineage import amended_filing, prior_filing
from sentfeat.ingest.filings.outline import is_periodic
from sentfeat.sessions import Window

REACH = dt.timedelta(days=500)  # how far before a filing the one of the year before may lie


class Kin(msgspec.Struct, frozen=True):
    """The accessions of a filing's relatives; None where there is none."""

    amends: str | None = None
    prior: str | None = None


class _Register(msgspec.Struct, frozen=True):
    rows: tuple[Listed, ...]
    since: dt.date
    read_at: pd.Timestamp


class Registers:
    """The lists of all filers of a source, of the wanted forms."""

    def __init__(self, forms: Collection[str]) -> None:
        self._forms, self._held = forms, dict[int, _Register]()

    def rows(self, site: Site, cik: int, window: Window, now: pd.Timestamp) -> tuple[Listed, ...]:
        """A filer's filings up to `window` and from REACH before it. Raises SourceError if its list cannot be read."""
        since = window.after.date() - REACH
        held = self._held.get(cik)
        if held is None or held.since > since or held.read_at < window.until:
            held = self._held[cik] = _Register(tuple(self._read(site, cik, since)), since, now)
        return held.rows

    def _read(self, site: Site, cik: int, since: dt.date) -> list[Listed]:
        rows, older = read_submissions(site.submissions(f"CIK{cik:010d}.json"), cik)
        for page in older:
            if page.last >= since:
                rows += read_older(site.submissions(page.name), cik)
        return [row for row in rows if row.base in self._forms]


def kin_of(listed: Listed, rows: Collection[Listed]) -> Kin:
    """What `listed` amends and follows among a filer's `rows`, which need not have it yet."""
    known = {row.accession: row for row in (listed, *rows)}  # the list's own row where there are both
    alike = [row for row in known.values() if is_periodic(row.form) == is_periodic(listed.form)]
    frame = pd.DataFrame(
        {
            "accession": [row.accession for row in alike],
            "cik": [row.cik for row in alike],
            "form": [row.form for row in alike],
            "period": pd.to_datetime([row.period for row in alike]),
            "public_at": [_public_at(row) for row in alike],
        }
    )
    mine = frame["accession"] == listed.accession
    if listed.form.endswith("/A"):
        return Kin(amends=amended_filing(frame)[mine].iloc[0])
    return Kin(prior=prior_filing(frame)[mine].iloc[0]) if is_periodic(listed.form) else Kin()


def _public_at(row: Listed) -> pd.Timestamp:
    """Good enough for an order: filings of one form lie weeks apart."""
    return late_bound_time(row.accepted or str(row.filed), row.filed).at
