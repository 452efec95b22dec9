"""From documents, links and scores to one row per security and session. Pure functions with finite memory."""
