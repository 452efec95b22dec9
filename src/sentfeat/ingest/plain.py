"""Plain text out of whatever a source delivers: no markup, no characters that act instead of being read."""

import re

import lxml.etree
import lxml.html
import lxml.html.defs

# Control characters but tab and line ends; what reorders or hides other characters (bidirectional marks and overrides,
# zero-width, soft hyphen, tags); halves of surrogate pairs, which no encoder takes.
ACTIVE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9]*)(?=[\s/>])")
HIDDEN = ("script", "style", "template", "noscript", "iframe", "object")


def without_active_characters(text: str) -> str:
    """`text` less the characters that only act: they would change what a reader, a terminal or a model sees."""
    return ACTIVE.sub("", text)


def holds_html(text: str) -> bool:
    """Whether a tag of HTML or a comment is in it: `<XOM.N>` and "5 < 6" are text."""
    return "<!--" in text or any(name.lower() in lxml.html.defs.tags for name in TAG.findall(text))


def plain_line(text: str, *, is_html: bool = False) -> str:
    """A title as one line of plain text; its entities are decoded only if it is meant as HTML, or holds tags."""
    if is_html or holds_html(text):
        return text_of_html(text)
    return " ".join(without_active_characters(text).split())


def text_of_html(markup: str) -> str:
    """What a browser would show of a fragment, on one line, entities decoded once."""
    if not markup.strip():
        return ""
    try:
        fragment = lxml.html.fragment_fromstring(f"<div>{without_active_characters(markup)}</div>", create_parent="div")
    except lxml.etree.ParserError:  # nothing but comments
        return ""
    for element in fragment.xpath("|".join(f".//{name}" for name in HIDDEN)):
        element.drop_tree()
    return " ".join(fragment.text_content().split())
