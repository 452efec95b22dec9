"""SEC filings of the universe's companies: which form, which items, and when exactly they were accepted.

The acceptance time comes from the filing's SGML header, whose clock is New York's. The submissions JSON marks its own
times with Z, but for many filers they are New York time too; with the JSON alone, the later reading counts.
"""

import json
import re
from typing import Any

import pandas as pd

from sentfeat.config import EdgarSource
from sentfeat.errors import ConfigError, SourceError
from sentfeat.ingest.http import Fetcher
from sentfeat.ingest.source import Harvest, item_frame
from sentfeat.sessions import NEW_YORK, Window
from sentfeat.universe import Universe

SECONDS_BETWEEN_REQUESTS = 0.12  # the SEC allows ten a second
EARLIEST_HOUR = 6  # a filing dated after its acceptance is disseminated from 06:00 of that date
_ACCEPTED = re.compile(r"<ACCEPTANCE-DATETIME>\s*(\d{14})")
_FILED = re.compile(r"FILED AS OF DATE:\s*(\d{8})")


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
        self._fetcher = fetcher or Fetcher(
            settings.name, user_agent=settings.user_agent, min_interval=SECONDS_BETWEEN_REQUESTS
        )

    def fingerprint(self) -> str:
        """A live source is always read."""
        return ""

    def fetch(self, window: Window) -> Harvest:
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
            "kind": "filing_item",
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
    """When a filing became public, UTC, by its SGML header; None if the header does not say."""
    accepted = _ACCEPTED.search(header)
    if accepted is None:
        return None
    at = pd.Timestamp(accepted[1]).tz_localize(NEW_YORK, ambiguous=False)
    filed = _FILED.search(header)
    if filed is not None and pd.Timestamp(filed[1]).date() > at.date():
        at = (pd.Timestamp(filed[1]) + pd.Timedelta(hours=EARLIEST_HOUR)).tz_localize(NEW_YORK)
    return at.tz_convert("UTC")


def later_reading(acceptance: str) -> pd.Timestamp:
    """The submissions JSON's time, UTC, read as New York's clock: later than its Z would have it, never too early."""
    digits = pd.Timestamp(acceptance).tz_localize(None)
    return digits.tz_localize(NEW_YORK, ambiguous=False, nonexistent="shift_forward").tz_convert("UTC")
