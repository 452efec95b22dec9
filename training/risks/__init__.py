"""Passages of filings and headlines with risk labels: drawn, read twice, labelled by rule, compared."""
