"""The SEC's sites as a handful of questions. Every answer passes through the visit's tape."""

import datetime as dt
import html

import msgspec

from sentfeat.config import EdgarSource
from sentfeat.errors import AbsentError
from sentfeat.ingest.archive import Tape
from sentfeat.ingest.edgar.listings import Listed
from sentfeat.ingest.filings.header import Header
from sentfeat.ingest.filings.submission import Submission, decode, read_submission
from sentfeat.ingest.http import Fetcher

PAGE_ROWS = 100  # the most that a page of getcurrent holds


class Paper(msgspec.Struct, frozen=True):
    """A filing as it lies on the site. header: None if only a list knows of it. body: the main document's markup, None
    if there is none to be had."""

    header: Header | None
    url: str
    body: str | None = None


class Site:
    """One visit to the SEC. Methods raise SourceError for what cannot be had now, AbsentError for what is not there."""

    def __init__(self, settings: EdgarSource, fetcher: Fetcher, tape: Tape) -> None:
        self._settings, self._fetcher, self._tape = settings, fetcher, tape

    def submissions(self, name: str) -> bytes:
        """A file of a filer's list of filings."""
        return self._get(f"{self._settings.data_url}/submissions/{name}")

    def current(self, form: str, start: int) -> bytes:
        """A page of the filings accepted lately whose form begins with `form`."""
        query = f"action=getcurrent&type={form.replace(' ', '+')}&owner=include&count={PAGE_ROWS}&start={start}"
        return self._get(f"{self._settings.current_url}?{query}&output=atom")

    def daily_index(self, day: dt.date) -> bytes:
        """The filings dated a past day, by form; it does not change any more."""
        folder = f"edgar/daily-index/{day.year}/QTR{(day.month + 2) // 3}"
        return self._get(f"{self._settings.archives_url}/{folder}/form.{day:%Y%m%d}.idx", final=True)

    def header(self, listed: Listed) -> Paper:
        """A filing's header: from its small index page, else from the full submission, which brings the body too."""
        try:
            page = self._get(f"{self._folder(listed)}/{listed.accession}-index-headers.html", final=True)
            submission = read_submission(html.unescape(decode(page)))
        except AbsentError:
            return self._whole(listed)
        main = submission.main.filename if submission.main else ""
        if submission.header.accession is None:
            return self._whole(listed)
        return Paper(submission.header, f"{self._folder(listed)}/{main}" if main else self._whole_url(listed))

    def with_body(self, paper: Paper, listed: Listed) -> Paper:
        """The same with its main document, where there is one."""
        if paper.body is not None:
            return paper
        if paper.url == self._whole_url(listed):
            return self._whole(listed)
        try:
            body = decode(self._get(paper.url, final=True))
        except AbsentError:
            return self._whole(listed)
        return msgspec.structs.replace(paper, body=_main_body(body))

    def _whole(self, listed: Listed) -> Paper:
        """From the full submission; one of the list alone where that is not there either."""
        url = self._whole_url(listed)
        try:
            submission = read_submission(self._get(url, final=True))
        except AbsentError:
            return Paper(None, url)
        return Paper(submission.header, url, submission.main.body if submission.main else None)

    def _whole_url(self, listed: Listed) -> str:
        return f"{self._folder(listed)}/{listed.accession}.txt"

    def _folder(self, listed: Listed) -> str:
        return f"{self._settings.archives_url}/edgar/data/{listed.cik}/{listed.accession.replace('-', '')}"

    def _get(self, url: str, *, final: bool = False) -> bytes:
        return self._tape.play(url, lambda: self._fetcher.get(url), final=final)


def _main_body(text: str) -> str | None:
    """The document itself: old ones come as whole submissions under the document's name."""
    if "<DOCUMENT>" not in text[:100_000]:
        return text
    submission: Submission = read_submission(text)
    return submission.main.body if submission.main else None
