"""Which security is an item about? By the source's own tags, by the filer's CIK, or by name (docs/linking.md)."""

from sentfeat.ingest.link.links import Linked, link
from sentfeat.ingest.link.matcher import NameMatcher

__all__ = ["Linked", "NameMatcher", "link"]
