"""Which security is an item about? By the source's own tags, by the filer's CIK, or by name (docs/linking.md)."""

from sentfeat.ingest.link.links import WITHDRAWN, Linked, link, newest_links
from sentfeat.ingest.link.matcher import NameMatcher

__all__ = ["WITHDRAWN", "Linked", "NameMatcher", "link", "newest_links"]
