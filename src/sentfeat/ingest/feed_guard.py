"""What is refused before a feed parser sees it: what is no feed, and what would cost minutes or gigabytes to read.

feedparser needs about ten seconds a megabyte, never gives up, and takes an HTML page for a feed without items.
"""

import re

MAX_BYTES = 3_000_000  # feeds of newspapers are below 1 MB
MAX_DEPTH = 1_000
MAX_ENTITY_BYTES = 100_000  # what a document's own entities may add to it

_HTML = re.compile(rb"\s*(?>(?:<!--.*?-->\s*)*)<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL)
_OPAQUE = re.compile(rb"<!\[CDATA\[.*?\]\]>|<!--.*?-->", re.DOTALL)
_TAG = re.compile(rb"<(/?)[A-Za-z_][^<>]*?(/?)>")
_ENTITY = re.compile(rb"<!ENTITY\s+([\w.-]+)\s+[\"']([^\"'<>]*)[\"']")


def unfit(body: bytes) -> str | None:
    """Why these bytes are not to be parsed as a feed, None if they may be."""
    if len(body) > MAX_BYTES:
        return f"has {len(body):,} bytes; feeds over {MAX_BYTES:,} are refused"
    if not body.strip():
        return "is empty"
    markup = body.replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf")  # UTF-16 becomes readable enough
    if body.startswith(b"\x1f\x8b"):
        return "is gzip data without saying so"
    if _HTML.match(markup):
        return f"is no RSS or Atom feed but an HTML page (it begins {body[:40]!r})"
    if (added := entity_bytes(markup)) > MAX_ENTITY_BYTES:
        return f"declares entities that add {added:,} bytes; over {MAX_ENTITY_BYTES:,} it is refused as an entity bomb"
    if depth(markup) > MAX_DEPTH:
        return f"nests its elements more than {MAX_DEPTH:,} deep; refused"
    return None


def entity_bytes(markup: bytes) -> int:
    """How many bytes a document's own entities come to when they are replaced, nested ones included."""
    declared = dict(_ENTITY.findall(markup))
    sizes: dict[bytes, int] = {}
    for name, value in declared.items():  # an entity is declared before those that use it
        sizes[name] = len(value) + sum(sizes[inner] * value.count(b"&%b;" % inner) for inner in sizes)
    return sum(sizes[name] * markup.count(b"&%b;" % name) for name in sizes)


def depth(markup: bytes) -> int:
    """How deep elements are nested at most, by counting tags; unclosed ones count on."""
    level = deepest = 0
    for closing, alone in _TAG.findall(_OPAQUE.sub(b"", markup)):
        level += -1 if closing else 0 if alone else 1
        deepest = max(deepest, level)
    return deepest
