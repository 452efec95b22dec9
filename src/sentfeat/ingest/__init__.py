"""From the outside world to documents, links, prices, coverage and quarantine."""
