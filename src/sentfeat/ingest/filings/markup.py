"""HTML and inline XBRL to paragraphs.

Blocks end paragraphs, two line breaks do, one is kept as a newline. A table of figures becomes one paragraph of
tab-separated rows; a table that only sets text in place (bullets, a number beside its heading) becomes paragraphs.
"""

import re
from collections.abc import Iterator

from lxml import etree, html

from sentfeat.ingest.filings.plain import plain_paragraphs

_BLOCKS = frozenset(
    "address article blockquote body center dd div dl dt fieldset footer form h1 h2 h3 h4 h5 h6 header hr li main ol p"
    " section table tbody td tfoot th thead tr ul".split()
)
_SKIPPED = frozenset("head script style title noscript ix:header ix:hidden select".split())
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\r\n\f\u00a0\u2000-\u200a\u202f\u3000]+")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\ufeff]")
# left open, as they often are, these nest deeper than the parser goes on
_INLINE = re.compile(r"</?(?:font|b|i|u|strong|em|small|big)(?:\s(?![^>]*display)[^>]*)?>", re.IGNORECASE)
_BREAK = "\v"
_FIGURE = re.compile(r"[-–—$€£%()\d.,\s*]*\d[-–—$€£%()\d.,\s*]*|[-–—]+|N/?A", re.IGNORECASE)
_LETTERED = re.compile(r"[A-Za-z]{2}")
_LONG_CELL = 1_500
# numeric references 128-159 mean Windows-1252 in every browser, control characters in XML
_WINDOWS = {code: bytes([code]).decode("cp1252", errors="ignore") for code in range(0x80, 0xA0)}


def html_paragraphs(body: str) -> list[str]:
    """The paragraphs of an HTML document in reading order."""
    root = _parse(body)
    return [] if root is None else list(_paragraphs(root))


def _parse(body: str) -> html.HtmlElement | None:
    parser = html.HTMLParser(huge_tree=True, remove_comments=True, remove_pis=True, encoding="utf-8")
    try:
        return html.document_fromstring(_INLINE.sub("", body).encode("utf-8", errors="replace"), parser=parser)
    except etree.ParserError:
        return None


def _paragraphs(root: html.HtmlElement) -> Iterator[str]:
    """One pass over the tree without recursion: unclosed fonts nest thousands deep."""
    pieces: list[str] = []
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        tag = element.tag
        if event == "start":
            if tag in _SKIPPED or _HIDDEN.search(element.get("style", "")):
                walk.skip_subtree()
                continue
            if tag in _BLOCKS:
                yield from _flushed(pieces)
            if tag == "pre" or (tag == "table" and not _is_frame(element)):
                yield from plain_paragraphs(_pre_text(element)) if tag == "pre" else _table(element)
                walk.skip_subtree()
                continue
            pieces.append(_BREAK if tag == "br" else element.text or "")
        else:
            if tag in _BLOCKS or tag == "pre":
                yield from _flushed(pieces)
            elif tag in ("sup", "td"):
                pieces.append(" ")
            if element is not root:
                pieces.append(element.tail or "")
    yield from _flushed(pieces)


def _flushed(pieces: list[str]) -> list[str]:
    """The paragraphs gathered so far, and the list emptied."""
    text = "".join(pieces)
    pieces.clear()
    return [p for part in re.split(rf"\s*{_BREAK}\s*{_BREAK}[\s{_BREAK}]*", text) if (p := _tidy(part))]


def _tidy(text: str) -> str:
    lines = (_SPACE.sub(" ", line).strip() for line in text.translate(_WINDOWS).split(_BREAK))
    return _INVISIBLE.sub("", "\n".join(line for line in lines if line))


def _is_frame(table: html.HtmlElement) -> bool:
    """Whether a table holds other tables or long text: then it is layout, and its cells are blocks like others."""
    if next((t for t in table.iterdescendants("table")), None) is not None:
        return True
    return any(len("".join(cell.itertext())) > _LONG_CELL for cell in table.iterdescendants("td", "th"))


def _table(table: html.HtmlElement) -> list[str]:
    rows = [cells for row in table.iterdescendants("tr") if (cells := _cells(row))]
    if _is_data(rows):
        return ["\n".join("\t".join(cells) for cells in rows)]
    return [" ".join(cells) for cells in rows]


def _cells(row: html.HtmlElement) -> list[str]:
    texts = (_cell_text(cell) for cell in row.iterchildren("td", "th"))
    return [text for text in texts if text]


def _cell_text(cell: html.HtmlElement) -> str:
    pieces: list[str] = []
    walk = etree.iterwalk(cell, events=("start", "end"))
    for event, element in walk:
        if event == "start":
            if element.tag in _SKIPPED or _HIDDEN.search(element.get("style", "")):
                walk.skip_subtree()
                continue
            pieces.append((" " if element.tag in _BLOCKS or element.tag == "br" else "") + (element.text or ""))
        elif element is not cell:
            pieces.append((" " if element.tag in _BLOCKS else "") + (element.tail or ""))
    return _tidy("".join(pieces))


def _is_data(rows: list[list[str]]) -> bool:
    """Figures in a fifth of the cells, or a grid of words three wide."""
    cells = [cell for row in rows for cell in row]
    if len(rows) < 2 or not cells:
        return False
    figures = sum(bool(_FIGURE.fullmatch(cell)) for cell in cells)
    worded = sum(bool(_LETTERED.search(cell)) for cell in cells)
    wide = sum(len(row) >= 3 for row in rows)
    return (figures > 0.2 * len(cells) and worded < 0.8 * len(cells)) or wide > 0.5 * len(rows)


def _pre_text(element: html.HtmlElement) -> str:
    return "".join(element.itertext()).translate(_WINDOWS).replace("\u00a0", " ")
