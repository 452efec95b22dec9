"""Timings for the README's table: ratios, both sides in one run on the same machine."""
