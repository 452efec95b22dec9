"""A session unlike those before it is told, an ordinary one is not."""

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


def test_with_too_few_sessions_before_nothing_is_said_of_drift():
    frame = rows()
    few = frame[frame["session"] >= DAYS[-10]].copy()
    few.loc[few["session"] == DAYS[-1], "sent_mean"] = 0.99
    assert not breaches(few)
