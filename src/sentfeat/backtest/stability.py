"""Where the gain of the primary comparison comes from: by group of rows, by family of columns, by age of the text."""

import datetime as dt

import numpy as np
import pandas as pd

from sentfeat.backtest.arms import PRICE, PRIMARY
from sentfeat.backtest.inference import clark_west_series, mean_test, rank_ic
from sentfeat.backtest.ridge import fit_arms, predict
from sentfeat.backtest.walk import Walk, primary_t

LAGS = (-1, 0, 1, 2, 3, 5, 10)
FAMILIES = {
    "sent_ewma_": "tone, memory",
    "sent_surprise": "tone, memory",
    "sent_mom": "tone, memory",
    "sent_": "tone, this window",
    "news_risk_": "risks in news",
    "filing_": "tone of filings",
    "rf_risk_": "risks in filings",
    "rf_drisk_": "risks in filings",
    "rf_": "risk-factor text",
    "lm_": "word lists",
    "f8k_": "8-K items",
    "days_since_": "time since filings",
}


def group_table(walk: Walk, seen_until: dt.date | None = None) -> pd.DataFrame:
    """The primary comparison on parts of the test rows: by, part, n_rows, n_sessions, ic_gain (low, high), t, p.

    `seen_until`: the last day of text that the model's base was trained on; the table is split there. "Without the
    largest contributor" leaves out the security with the largest summed Clark-West term.
    """
    rows = [_row("all", "all rows", walk, np.ones(walk.panel.present.shape, dtype=bool))]
    years = walk.panel.sessions.year.to_numpy()[:, None]
    rows += [_row("year", str(year), walk, years == year) for year in np.unique(years[walk.tested])]
    for by, group in walk.panel.groups.items():
        if len(group.labels) > 1:
            rows += [_row(by, label, walk, group.codes == code) for code, label in enumerate(group.labels)]
    if seen_until is not None:
        after = np.asarray(walk.panel.sessions > pd.Timestamp(seen_until))[:, None]
        rows.append(_row("model's text", f"up to {seen_until}", walk, ~after))
        rows.append(_row("model's text", f"after {seen_until}", walk, after))
    largest = _largest(walk)
    ticker = walk.panel.tickers.loc[walk.panel.securities[largest]]
    rows.append(_row("one left out", f"without {ticker}", walk, np.arange(len(walk.panel.securities))[None] != largest))
    frame = pd.DataFrame(rows)
    return frame[frame["n_rows"] > 0].reset_index(drop=True)


def _row(by: str, part: str, walk: Walk, mask: np.ndarray) -> dict[str, object]:
    panel, span = walk.panel, walk.tested
    rows = (panel.present & mask)[span]
    small, large = (walk.forecasts[arm][span] for arm in (PRIMARY.baseline, PRIMARY.augmented))
    test = mean_test(clark_west_series(panel.target[span], small, large, rows))
    gain = mean_test(rank_ic(large, panel.target[span], rows) - rank_ic(small, panel.target[span], rows))
    low, high = gain.interval
    return {
        "by": by,
        "part": part,
        "n_rows": int(rows.sum()),
        "n_sessions": test.n,
        "ic_gain": gain.mean,
        "ic_low": low,
        "ic_high": high,
        "t": test.t,
        "p": test.p,
    }


def _largest(walk: Walk) -> int:
    """The security with the largest sum of Clark-West terms."""
    panel, span = walk.panel, walk.tested
    small, large = (walk.forecasts[arm][span] for arm in (PRIMARY.baseline, PRIMARY.augmented))
    terms = np.where(panel.present[span], 2 * (panel.target[span] - small) * (large - small), 0.0)
    return int(terms.sum(axis=0).argmax())


def family_table(walk: Walk) -> pd.DataFrame:
    """Each family of columns taken out of the largest arm, and added alone to prices, at the block's own penalty.

    family, columns, t_without, t_alone: the primary t of the arm that is left, and of that family alone.
    """
    panel = walk.panel
    family = tuple(b if b == PRICE else family_of(c, b) for c, b in zip(panel.columns, panel.block_of, strict=True))
    known = {f: walk.penalties[b] for f, b in zip(family, panel.block_of, strict=True)}
    names = [f for f in dict.fromkeys(family) if f != PRICE]
    arms = {f"without {f}": (PRICE, *(o for o in names if o != f)) for f in names}
    arms |= {f"alone {f}": (PRICE, f) for f in names}
    weights, _ = fit_arms(walk.gram, walk.cross, arms, family, (1.0,), known)

    def t(arm: str) -> float:
        forecast = predict(walk.design, walk.gram, weights[arm], walk.folds)
        return primary_t(walk, panel.target, walk.forecasts | {PRIMARY.augmented: forecast})

    rows = [(f, family.count(f), t(f"without {f}"), t(f"alone {f}")) for f in names]
    return pd.DataFrame(rows, columns=["family", "columns", "t_without", "t_alone"])


def family_of(column: str, block: str) -> str:
    """The family of a text column: by the longest prefix that fits, else its block."""
    fitting = [prefix for prefix in FAMILIES if column.startswith(prefix)]
    return FAMILIES[max(fitting, key=len)] if fitting else block


def lag_table(walk: Walk) -> pd.DataFrame:
    """Mean rank IC of tone with y1 by age: lag (in sessions; -1 is the next session's tone), interval, t, n.

    An honest signal fades with age. Tone of the next session knows this session's news and so often looks spectacular:
    it shows what a shift by one session would pretend.
    """
    panel = walk.panel
    tone, rows = panel.values[..., panel.latent], []
    for lag in LAGS:
        old = np.full(tone.shape, np.nan)
        if lag >= 0:
            old[lag:] = tone[: len(tone) - lag]
        else:
            old[:lag] = tone[-lag:]
        test = mean_test(rank_ic(old, panel.target, panel.present))
        rows.append((lag, test.mean, *test.interval, test.t, test.n))
    return pd.DataFrame(rows, columns=["lag", "ic", "low", "high", "t", "n_sessions"])
