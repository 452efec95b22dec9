"""A full-submission text file, taken apart: its header and its documents, from 1995 to today.

    submission = read_submission(raw)
    submission.main.body        the 10-K itself, HTML or plain text

The markup is SGML in name only: closing tags may be missing, and `.nc` files put everything on one line.
"""

import re

import msgspec

from sentfeat.ingest.filings.header import Header, parse_header

_OPEN = re.compile(r"<DOCUMENT>", re.IGNORECASE)
_CLOSE = re.compile(r"</DOCUMENT>", re.IGNORECASE)
_TEXT = re.compile(r"<TEXT>", re.IGNORECASE)
_TEXT_END = re.compile(r"</TEXT>\s*$", re.IGNORECASE)
_WRAPPER = re.compile(r"^\s*<(XBRL|XML|PDF)>|</(XBRL|XML|PDF)>\s*$", re.IGNORECASE)
_LABEL = re.compile(r"<(TYPE|SEQUENCE|FILENAME|DESCRIPTION)>[ \t]*([^<\r\n]*)", re.IGNORECASE)


class Document(msgspec.Struct, frozen=True):
    """One document of a submission. type: its form or exhibit number, as 10-K or EX-99.1; body: its own markup."""

    type: str
    sequence: int | None
    filename: str
    description: str
    body: str


class Submission(msgspec.Struct, frozen=True):
    """A header and the documents in their order."""

    header: Header
    documents: tuple[Document, ...]

    @property
    def main(self) -> Document | None:
        """The document that is the filing itself: of the submission's form, else the first; None without any."""
        form = (self.header.form or "").removesuffix("/A")
        own = [d for d in self.documents if form and d.type.removesuffix("/A") == form]
        return next(iter(own or self.documents), None)


def read_submission(raw: bytes | str) -> Submission:
    """The header and all documents of a full-submission file."""
    text = raw if isinstance(raw, str) else decode(raw)
    _, *parts = _OPEN.split(text)
    return Submission(parse_header(text), tuple(_document(part) for part in parts))


def decode(raw: bytes) -> str:
    """Bytes of a filing as text: UTF-8 where it is that, else Windows-1252, which never fails here."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _document(part: str) -> Document:
    closing = _CLOSE.search(part)
    part = part[: closing.start()] if closing else part
    text = _TEXT.search(part)
    head, body = (part[: text.start()], part[text.end() :]) if text else (part[:2_000], "")
    labels = {name.upper(): value.strip() for name, value in _LABEL.findall(head)}
    sequence = labels.get("SEQUENCE", "")
    return Document(
        type=labels.get("TYPE", ""),
        sequence=int(sequence) if sequence.isdigit() else None,
        filename=labels.get("FILENAME", ""),
        description=labels.get("DESCRIPTION", ""),
        body=_unwrapped(_TEXT_END.sub("", body)),
    )


def _unwrapped(body: str) -> str:
    return _WRAPPER.sub("", body).strip("\r\n")
