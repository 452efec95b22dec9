"""Two versions of rows, cell by cell."""

import numpy as np
import pandas as pd

from sentfeat.cells import changed_cells
from sentfeat.features.table import typed
from sentfeat.tables import FEATURES


def rows(**changes) -> pd.DataFrame:
    frame = pd.DataFrame({"security_id": ["1", "2"], "ticker": ["AA", "BB"], "n_news": [3, None]} | changes)
    frame["session"] = pd.Timestamp("2026-03-02")
    return typed(frame.reindex(columns=FEATURES.names))


def test_null_equals_null_and_differs_from_any_value():
    assert changed_cells(rows(), rows()).empty
    changed = changed_cells(rows(sent_mean=[0.5, None]), rows(sent_mean=[None, 0.0], n_news=[3, 0]))
    assert changed[["ticker", "column"]].to_numpy().tolist() == [
        ["AA", "sent_mean"],
        ["BB", "n_news"],
        ["BB", "sent_mean"],
    ]
    assert changed["before"].tolist()[0] == 0.5
    assert pd.isna(changed["after"].tolist()[0])


def test_numbers_are_compared_exactly_and_a_missing_row_is_said():
    first, second = rows(sent_mean=[0.1, 0.2]), rows(sent_mean=[0.1, np.nextafter(0.2, 1)])
    assert changed_cells(first, second)["ticker"].tolist() == ["BB"]
    gone = changed_cells(first, first.iloc[:1])
    assert gone[["ticker", "column", "before", "after"]].to_numpy().tolist() == [["BB", "row", True, False]]
