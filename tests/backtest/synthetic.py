"""A small market with a planted effect: features and bars as the tables declare them, from one seed.

The effect is the correlation of latent tone with standardised y1 on rows with news; `price_effect` is the correlation
of the last overnight return with y1, `echo` that of tone with the last overnight return.
"""

import numpy as np
import pandas as pd

from sentfeat.sessions import Cutoff, known_at, sessions_between, tradable_at
from sentfeat.tables import FEATURES


def market(
    seed: int,
    *,
    securities: int = 24,
    sessions: int = 500,
    effect: float = 0.0,
    price_effect: float = 0.0,
    coverage: float = 0.3,
    echo: float = 0.0,
    basis: str = "raw",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(features, prices). The first 30 sessions have bars only."""
    random = np.random.default_rng(seed)
    days = sessions_between("2019-01-02", "2026-06-30")[:sessions]
    shape = len(days), securities
    tone = np.where(random.random(shape) < coverage, random.standard_normal(shape), np.nan)
    overnight = random.standard_normal(shape)
    before = np.vstack([np.zeros(securities), overnight[:-1]])
    tone = echo * before + np.sqrt(1 - echo**2) * tone
    noise = random.standard_normal(shape)
    signal = effect * np.nan_to_num(tone) + price_effect * before
    share = np.where(np.isfinite(tone), effect**2, 0) + price_effect**2
    y = signal + np.sqrt(1 - share) * noise
    ids = [f"S{number:03d}" for number in range(securities)]
    return _features(tone, days, ids, random), _prices(y, overnight, days, ids, random, basis)


def _prices(y, overnight, days, ids, random, basis) -> pd.DataFrame:
    market_move = 0.006 * random.standard_normal((len(days), 1))
    intraday, night = 0.012 * y + market_move, 0.006 * overnight
    close = np.log(50) + np.cumsum(intraday + night, axis=0)
    start, wiggle = close - intraday, 0.004 * np.abs(random.standard_normal((2, *close.shape)))
    fields = {
        "open": np.exp(start),
        "high": np.exp(np.maximum(start, close) + wiggle[0]),
        "low": np.exp(np.minimum(start, close) - wiggle[1]),
        "close": np.exp(close),
        "volume": np.exp(13 + 0.3 * random.standard_normal(close.shape)),
    }
    index = pd.MultiIndex.from_product([days, ids], names=["session", "security_id"])
    frame = pd.DataFrame({name: values.ravel() for name, values in fields.items()}, index=index).reset_index()
    return frame.assign(price_basis=basis)


def _features(tone, days, ids, random) -> pd.DataFrame:
    index = pd.MultiIndex.from_product([days, ids], names=["session", "security_id"])
    score = pd.Series(np.tanh(tone / 2).ravel(), index=index)
    has = score.notna()
    n = pd.Series(np.where(has, 1 + random.poisson(1.5, len(has)), 0), index=index)
    wide = score.unstack()
    frame = pd.DataFrame(index=index)
    for name in [name for name in FEATURES.names if name.startswith("sent_")]:
        frame[name] = score + 0.1 * random.standard_normal(len(score))
    for half_life in (1, 3, 10):
        smooth = wide.fillna(0.0).ewm(halflife=half_life).mean()
        frame[f"sent_ewma_{half_life}"] = smooth.stack()
    frame = frame.assign(sent_mean=score, has_news=has.astype("boolean"), n_news=n.astype("Int32"), buzz=np.log1p(n))
    frame = frame.assign(n_clusters=n.astype("Int32"), n_sources=np.minimum(n, 2).astype("Int32"))
    frame = frame.assign(rel_mean=np.where(has, random.random(len(has)), np.nan), novelty_mean=frame["sent_mean"].abs())
    frame["buzz_abn"] = (n.unstack() - n.unstack().rolling(60, min_periods=40).mean().shift(1)).stack(future_stack=True)
    frame["sessions_since_news"] = _since(has.unstack()).stack(future_stack=True).astype("Int32")
    frame = frame.reset_index()
    opens = pd.Series(tradable_at(days), index=days)
    known = pd.Series(known_at(days, Cutoff.PRE_OPEN, pd.Timedelta(minutes=15)), index=days)
    frame = frame.assign(
        ticker=frame["security_id"],
        sector="Tech",
        cutoff="pre_open",
        known_at=frame["session"].map(known),
        tradable_at=frame["session"].map(opens),
        coverage_ok=True,
        sources_ok_share=1.0,
        pit_grade_worst="B",
    )
    return frame[frame["session"] >= days[30]].reindex(columns=FEATURES.names).reset_index(drop=True)


def _since(has: pd.DataFrame) -> pd.DataFrame:
    count = pd.DataFrame(np.arange(len(has))[:, None] + 0.0 * has, index=has.index, columns=has.columns)
    return count - count.where(has).ffill()
