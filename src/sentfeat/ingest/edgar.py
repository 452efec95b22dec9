"""SEC filings of the universe's companies: which form, which items, and when exactly they were accepted.

The acceptance time comes from the filing's SGML header, whose clock is New York's. The submissions JSON marks its own
times with Z, but for many filers they are New York time too; with the JSON alone, the later reading counts.
"""

import json
from typing import Any

import pandas as pd

from sentfeat.config import EdgarSource
from sentfeat.errors import ConfigError, SourceError
from sentfeat.ingest.filings.header import late_bound_time, parse_header, public_time
from sentfeat.ingest.http import Fetcher
from sentfeat.ingest.source import FIRST_VISIT, Harvest, Visit, item_frame
from sentfeat.sessions import Window
from sentfeat.universe import Universe


class EdgarFilings:
    """The recent filings of each company; see config.EdgarSource. Raises ConfigError without a contact to declare."""

    live = True

    def __init__(self, settings: EdgarSource, universe: Universe, fetcher: Fetcher | None = None) -> None:
        if "@" not in settings.user_agent:
            raise ConfigError(
                f"source {settings.name}: the SEC wants to know who reads; "
                f'set user_agent = "Your Name you@example.com", got {settings.user_agent!r}'
            )
        self.name, self.required, self._settings, self._universe = settings.name, settings.required, settings, universe
        self.delay = pd.Timedelta(minutes=settings.delay_minutes)
        self._fetcher = fetcher or Fetcher(settings.name, user_agent=settings.user_agent)

    def fingerprint(self) -> str:
        """A live source is always read."""
        return ""

    def fetch(self, window: Window, visit: Visit = FIRST_VISIT) -> Harvest:
        """See Source. Raises SourceError if no company's list of filings could be read."""
        listed = self._universe.listed(window.until.tz_localize(None).normalize()).dropna(subset="cik")
        items: list[dict[str, Any]] = []
        problems: list[str] = []
        ciks = sorted(set(listed["cik"].astype(int)))
        for cik in ciks:
            try:
                items += [item for item in self._filings(cik, window) if window.after < item["published_at"]]
            except SourceError as error:
                problems.append(str(error))
        if ciks and len(problems) == len(ciks):
            raise SourceError(problems[0])
        problem = f"{len(problems)} companies could not be read, the first: {problems[0]}" if problems else None
        inside = [item for item in items if item["published_at"] <= window.until]
        return Harvest(item_frame(inside), None if problems else window, problem=problem)

    def _filings(self, cik: int, window: Window) -> list[dict[str, Any]]:
        body = self._fetcher.get(f"{self._settings.data_url}/submissions/CIK{cik:010d}.json")
        try:
            recent = pd.DataFrame(json.loads(body)["filings"]["recent"])
        except (ValueError, KeyError) as error:
            raise SourceError(f"source {self.name}: the filings of CIK {cik} are not in the known form") from error
        # a day's slack: the JSON's clock may be up to five hours early
        near = pd.to_datetime(recent["acceptanceDateTime"], utc=True) > window.after - pd.Timedelta(days=1)
        chosen = recent[near & recent["form"].isin(self._settings.forms)]
        return [self._item(cik, row) for row in chosen.to_dict("records")]

    def _item(self, cik: int, row: dict[str, Any]) -> dict[str, Any]:
        accession = row["accessionNumber"]
        folder = f"{self._settings.archives_url}/edgar/data/{cik}/{accession.replace('-', '')}"
        try:
            header = self._fetcher.get(f"{folder}/{accession}-index-headers.html").decode("latin-1")
            published = accepted_at(header)
        except SourceError:
            published = None
        items = row.get("items") or ""
        title = f"{row['form']} {row.get('primaryDocDescription') or ''} {items}".strip()
        return {
            "kind": "filing",
            "publisher": "SEC",
            "url": f"{folder}/{row['primaryDocument']}",
            "title": title,
            "text": title,
            "published_at": published if published is not None else later_reading(row["acceptanceDateTime"]),
            "published_raw": row["acceptanceDateTime"],
            "cik": cik,
            "form": row["form"],
            "accession": accession,
            "section": items or None,
        }


def accepted_at(header: str) -> pd.Timestamp | None:
    """When a filing became public, UTC, by its SGML header; None if the header gives no acceptance time."""
    public = public_time(parse_header(header))
    return public.at if public is not None and public.basis == "header" else None


def later_reading(acceptance: str) -> pd.Timestamp:
    """The submissions JSON's time, UTC, read as New York's clock: later than its Z would have it, never too early."""
    return late_bound_time(acceptance).at
