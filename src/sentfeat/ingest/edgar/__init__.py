"""SEC filings of the universe's companies: which form, public when exactly, and their sections with verdicts.

    EdgarFilings.fetch          live: what became public since the last poll        polling.py over listings.py
    EdgarFilings.past.fetch     afterwards, from the filers' own lists              registers.py over listings.py
    reading.py                  one filing: header, main document, sections, passages

The acceptance time comes from the SGML header, whose clock is New York's. docs/edgar.md has the rules.
"""

from collections.abc import Iterable
from functools import partial

import pandas as pd

from sentfeat.config import EdgarSource
from sentfeat.errors import AbsentError, ConfigError, SourceError
from sentfeat.ingest.edgar.listings import Listed
from sentfeat.ingest.edgar.polling import find_new
from sentfeat.ingest.edgar.reading import read_filing
from sentfeat.ingest.edgar.registers import Registers
from sentfeat.ingest.edgar.site import Site
from sentfeat.ingest.http import Fetcher
from sentfeat.ingest.source import FIRST_VISIT, Harvest, Visit, item_frame
from sentfeat.sessions import Window
from sentfeat.universe import Universe, new_york_day

PATIENCE = 5  # filings that cannot be read one after the other: the site is down
DATED_LATER = pd.Timedelta(days=5)  # between acceptance and the date that a filing carries lies a long weekend at most


class EdgarFilings:
    """The filings of each company as they come; see config.EdgarSource. Raises ConfigError without a contact."""

    live = True

    def __init__(self, settings: EdgarSource, universe: Universe, fetcher: Fetcher | None = None) -> None:
        if "@" not in settings.user_agent or not settings.user_agent.isascii():
            raise ConfigError(
                f"source {settings.name}: the SEC wants to know who reads; "
                f'set user_agent = "Your Name you@example.com" in plain ASCII, got {settings.user_agent!r}'
            )
        self.name, self.required = settings.name, settings.required
        self.delay = pd.Timedelta(minutes=settings.delay_minutes)
        self.past = PastFilings(self)
        self._settings, self._universe = settings, universe
        self._fetcher = fetcher or Fetcher(settings.name, user_agent=settings.user_agent)
        self._registers = Registers(settings.forms)

    def fingerprint(self) -> str:
        """A live source is always read."""
        return ""

    def fetch(self, window: Window, visit: Visit = FIRST_VISIT) -> Harvest:
        """See Source. Raises SourceError if the list of current filings could not be read."""
        site, filers = self._site(visit), self.filers(window)
        found = find_new(site, window, self._settings.forms)
        rows = [row for row in found.rows if row.cik in filers]
        harvest = self.harvest(rows, window, visit, found.problems)
        covered = Window(max(window.after, found.since), window.until)
        return harvest if harvest.covered is None else Harvest(harvest.items, covered, problem=harvest.problem)

    def filers(self, window: Window) -> dict[int, str]:
        """CIK and name of the companies listed at any time in the window."""
        first, last = new_york_day(pd.Series(list(window)))
        frame = self._universe.frame.dropna(subset="cik")
        frame = frame[(frame["valid_from"] <= last) & (frame["valid_to"] >= first)]
        return dict(zip(frame["cik"].astype(int), frame["name"], strict=True))

    def listed(self, cik: int, window: Window, visit: Visit) -> tuple[Listed, ...]:
        """A filer's own list; see Registers."""
        return self._registers.rows(self._site(visit), cik, window, visit.now)

    def harvest(self, rows: Iterable[Listed], window: Window, visit: Visit, problems: Iterable[str] = ()) -> Harvest:
        """The listed filings that became public in the window, but for those that the lake has.

        The window is covered if each could be read, or will never be; what cannot be read now leaves it open, so that
        the next reading comes back for it.
        """
        site, filers, held, trouble = self._site(visit), self.filers(window), visit.held(), Trouble(problems)
        items = []
        for row in {row.accession: row for row in rows if row.accession not in held}.values():
            try:
                read = read_filing(site, row, filers[row.cik], window, partial(self.listed, row.cik, window, visit))
            except SourceError as error:
                trouble.failure(error)
                if trouble.is_hopeless:
                    break
                continue
            trouble.success(read.problem)
            items += read.rows
        return Harvest(item_frame(items), None if trouble.failed else window, problem=trouble.summary)

    def _site(self, visit: Visit) -> Site:
        return Site(self._settings, self._fetcher, visit.tape)


class PastFilings:
    """The same filings read afterwards from the filers' lists: an archive, graded by when they were published."""

    live = False
    past = None

    def __init__(self, filings: EdgarFilings) -> None:
        self._filings = filings
        self.name, self.required, self.delay = filings.name, filings.required, filings.delay

    def fingerprint(self) -> str:
        """What is filed stays filed."""
        return ""

    def fetch(self, window: Window, visit: Visit = FIRST_VISIT) -> Harvest:
        """See Source. Raises SourceError if no filer's list could be read."""
        near = (window.after - DATED_LATER).date(), (window.until + DATED_LATER).date()
        rows, trouble = list[Listed](), Trouble()
        for cik in sorted(self._filings.filers(window)):
            try:
                listed = self._filings.listed(cik, window, visit)
            except AbsentError as error:  # a wrong CIK in the universe: no later try will find it
                trouble.success(str(error))
                continue
            except SourceError as error:
                trouble.failure(error)
                if trouble.is_hopeless:
                    raise
                continue
            trouble.success()
            rows += [row for row in listed if row.filed is None or near[0] <= row.filed <= near[1]]
        harvest = self._filings.harvest(rows, window, visit, trouble.notes)
        return Harvest(harvest.items, None, problem=harvest.problem) if trouble.failed else harvest


class Trouble:
    """What went wrong in a long reading, and when to give up."""

    def __init__(self, notes: Iterable[str] = ()) -> None:
        self.notes, self.failed, self._in_a_row = list(notes), 0, 0

    def failure(self, error: SourceError) -> None:
        """Something could not be read now."""
        self.notes.append(str(error))
        self.failed += 1
        self._in_a_row += 1

    def success(self, note: str | None = None) -> None:
        """Something could be read, with a note of what is wrong with it."""
        self.notes += [note] if note else []
        self._in_a_row = 0

    @property
    def is_hopeless(self) -> bool:
        """Whether the site is down rather than a page broken."""
        return self._in_a_row >= PATIENCE

    @property
    def summary(self) -> str | None:
        """The first note and how many there are; None without any."""
        more = f" (and {len(self.notes) - 1} more)" if len(self.notes) > 1 else ""
        return f"{self.notes[0]}{more}" if self.notes else None
