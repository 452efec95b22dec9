"""Public sets of text: read, checked, split by near-duplicate group, counted."""
