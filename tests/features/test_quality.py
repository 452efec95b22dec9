"""A session unlike those before it is told, an ordinary one is not."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from sentfeat.config import QualitySettings
from sentfeat.features.quality import find_breaches
from sentfeat.sessions import sessions_between
from sentfeat.tables import FEATURES

DAYS = sessions_between("2026-01-02", "2026-05-29")[:80]


def rows() -> pd.DataFrame:
    """80 sessions of 60 securities with noise in two columns, nothing elsewhere."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(index=range(len(DAYS) * 60), columns=FEATURES.names)
    frame["session"] = np.repeat(DAYS, 60)
    frame["sent_mean"] = np.where(rng.random(len(frame)) < 0.3, np.nan, rng.uniform(-1, 1, len(frame)))
    frame["n_news"] = rng.poisson(2, len(frame))
    return frame


def breaches(frame: pd.DataFrame) -> set[tuple[str, str]]:
    last = frame["session"] == DAYS[-1]
    return {(b.column, b.check.split()[0]) for b in find_breaches(frame[last], frame[~last], QualitySettings())}


def test_an_ordinary_session_breaks_nothing_whether_compared_with_read_or_with_built_rows():
    frame = rows()
    assert not breaches(frame)
    assert not list(find_breaches(frame, frame.iloc[:0], QualitySettings()))


@pytest.mark.parametrize(
    ("column", "change", "check"),
    [
        ("sent_mean", lambda x: x.abs(), "PSI"),
        ("sent_mean", lambda x: x.where(np.arange(len(x)) % 4 == 0), "null"),
        ("sent_mean", lambda x: x + 1, "cells"),
        ("n_news", lambda x: -x - 1, "cells"),
        ("n_news", lambda x: x + 3, "PSI"),
    ],
)
def test_what_is_wrong_with_a_session_is_named(column, change, check):
    frame = rows()
    last = frame["session"] == DAYS[-1]
    frame.loc[last, column] = change(frame.loc[last, column])
    assert (column, check) in breaches(frame)


def test_what_comes_later_changes_no_verdict():
    """A session that drifts, then others that lie there as well: told whether they are built with it or not."""
    frame = rows()
    frame.loc[frame["session"] >= DAYS[60], "sent_mean"] = frame["sent_mean"].abs() ** 0.2
    before, last = frame["session"] < DAYS[60], frame["session"] == DAYS[60]
    alone = list(find_breaches(frame[last], frame[before], QualitySettings()))
    together = [b for b in find_breaches(frame, frame.iloc[:0], QualitySettings()) if b.session == DAYS[60]]
    assert alone == together
    assert ("sent_mean", "PSI") in {(breach.column, breach.check) for breach in alone}


def test_drift_is_the_stability_index_over_the_deciles_of_the_trailing_values():
    """Once more by counting: 60 sessions before, ties and empty cells among them."""
    frame = rows()
    last = frame["session"] == DAYS[-1]
    frame.loc[last, "sent_mean"] = frame["sent_mean"].abs()
    frame.loc[last, "n_news"] = frame["n_news"] + 3
    found = {b.column: b.value for b in find_breaches(frame[last], frame[~last], QualitySettings()) if b.check == "PSI"}
    assert set(found) == {"sent_mean", "n_news"}
    for column, value in found.items():
        usual, seen = (frame.loc[part, column].dropna().astype(float).tolist() for part in (
            frame["session"].isin(DAYS[-61:-1]), last))  # fmt: skip
        edges = [-math.inf, *sorted(set(np.quantile(usual, [level / 10 for level in range(1, 10)]))), math.inf]
        psi = 0.0
        for low, high in itertools.pairwise(edges):
            p, q = ((sum(low <= x < high for x in part) + 0.5) / (len(part) + (len(edges) - 1) / 2)
                    for part in (seen, usual))  # fmt: skip
            psi += (p - q) * math.log(p / q)
        assert value == pytest.approx(psi)


def test_with_too_few_sessions_before_nothing_is_said_of_drift():
    frame = rows()
    few = frame[frame["session"] >= DAYS[-10]].copy()
    few.loc[few["session"] == DAYS[-1], "sent_mean"] = 0.99
    assert not breaches(few)
