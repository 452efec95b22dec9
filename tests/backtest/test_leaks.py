"""Leaks that a table carries inside, whatever its clock columns say."""

import numpy as np
import pandas as pd
import pytest

from sentfeat.backtest import run
from sentfeat.backtest.leaks import own_scale, plausible, scaling_mark
from sentfeat.backtest.panel import build_panel
from sentfeat.backtest.probes import FAILED, PASSED


@pytest.fixture(scope="module")
def tables(planted_tables):
    return planted_tables


@pytest.fixture(scope="module")
def outcome(tables) -> pd.Series:
    """The open-to-close return of each feature row."""
    features, prices = tables
    bars = prices.assign(gain=np.log(prices["close"] / prices["open"]))[["session", "security_id", "gain"]]
    return features[["session", "security_id"]].merge(bars, how="left")["gain"]


def test_a_clean_table_raises_no_alarm(tables, settings):
    panel = build_panel(*tables, settings)
    assert plausible(panel, {}, settings.implausible_ic).status == PASSED
    assert own_scale(tables[0]).status == PASSED


@pytest.mark.parametrize("make", [lambda r: r, lambda r: -r, lambda r: r.clip(-0.01, 0.01), lambda r: (r > 0) * 1.0])
def test_the_outcome_among_the_features_is_found_whatever_its_shape(tables, outcome, settings, make):
    features = tables[0].assign(alpha=make(outcome))
    probe = plausible(build_panel(features, tables[1], settings), {}, settings.implausible_ic)
    assert probe.status == FAILED
    assert "column alpha" in probe.detail


def test_the_outcome_under_noise_or_its_size_alone_is_found_too(tables, outcome, settings):
    noise = outcome.std() * np.random.default_rng(0).standard_normal(len(outcome))
    for column in (outcome + noise, outcome.abs()):
        panel = build_panel(tables[0].assign(alpha=column), tables[1], settings)
        assert plausible(panel, {}, settings.implausible_ic).status == FAILED


def test_the_outcome_among_the_features_makes_the_backtest_invalid(tables, outcome, settings):
    verdict = run(tables[0].assign(alpha=outcome), tables[1], settings).verdict
    assert verdict["verdict"] == "INVALID"
    assert "Nothing knows the outcome too well: FAILED (largest: column alpha" in verdict["reason"]


SCALED = {
    "z": lambda v, f: (v - v.mean()) / v.std(),
    "population z": lambda v, f: (v - v.mean()) / v.std(ddof=0),
    "z by security": lambda v, f: v.groupby(f["security_id"]).transform(lambda x: (x - x.mean()) / x.std()),
    "stretched": lambda v, f: (v - v.min()) / (v.max() - v.min()),
    "rank": lambda v, f: v.rank(method="first", pct=True),
}
HONEST = {
    "z by session": lambda v, f: v.groupby(f["session"]).transform(lambda x: (x - x.mean()) / x.std()),
    "population z by session": lambda v, f: v.groupby(f["session"]).transform(lambda x: (x - x.mean()) / x.std(ddof=0)),
    "rank by session": lambda v, f: v.groupby(f["session"]).rank(pct=True),
    "expanding z": lambda v, f: (v - v.expanding(100).mean()) / v.expanding(100).std(),
    "a flag": lambda v, f: (v > 0).astype(float).where(v.notna()),
    "a bounded score": lambda v, f: v.clip(0, 1),
}


@pytest.mark.parametrize("how", SCALED)
def test_scaling_over_the_whole_sample_leaves_a_mark(tables, how):
    features = tables[0]
    scaled = features.assign(sent_mean=SCALED[how](features["sent_mean"], features))
    assert scaling_mark(scaled, "sent_mean")
    assert own_scale(scaled).status == FAILED


@pytest.mark.parametrize("how", HONEST)
def test_honest_scaling_leaves_none(tables, how):
    features = tables[0]
    assert scaling_mark(features.assign(sent_mean=HONEST[how](features["sent_mean"], features)), "sent_mean") is None


def test_full_sample_scaling_makes_the_backtest_invalid(tables, settings):
    features = tables[0]
    tone = [name for name in features if name.startswith("sent_")]
    scaled = features.assign(**{name: (features[name] - features[name].mean()) / features[name].std() for name in tone})
    verdict = run(scaled, tables[1], settings).verdict
    assert verdict["verdict"] == "INVALID"
    assert "No column is scaled by the whole sample: FAILED" in verdict["reason"]
