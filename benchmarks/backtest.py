"""How long a full report takes, how that grows with the rows, and what a placebo costs against scikit-learn.

    python -m benchmarks.backtest growth [--share 0.25 1 4]     a report on synthetic panels of the archive's size
    python -m benchmarks.backtest placebo                       one placebo, ours and refitted by scikit-learn

The archive has 85 securities and 1,750 sessions; a share of 4 is four times the securities. Columns: price, volume,
tone and some fifty of filings. Each size runs in a process of its own, so that its peak memory is its own.
"""

import argparse
import resource
import subprocess
import sys
import time

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sentfeat.backtest import Context, run
from sentfeat.backtest.arms import PRICE, PRIMARY
from sentfeat.backtest.intake import accept
from sentfeat.backtest.placebo import dealt, make_deals
from sentfeat.backtest.refit import Refitter, refitted_t
from sentfeat.backtest.ridge import fit_arms
from sentfeat.backtest.walk import Walk, walk_forward
from sentfeat.config import BacktestSettings
from tests.backtest.synthetic import market

SECURITIES, SESSIONS, FILING_COLUMNS = 85, 1750, 50


def panel_tables(share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features and prices of `share` times the archive's securities."""
    features, prices = market(0, securities=round(SECURITIES * share), sessions=SESSIONS, effect=0.03)
    random = np.random.default_rng(1)
    quarter = features["session"].dt.to_period("Q").astype(str) + features["security_id"]
    codes = pd.factorize(quarter)[0]
    held = random.standard_normal((codes.max() + 1, FILING_COLUMNS))[codes]
    names = [f"rf_made_{number}" for number in range(FILING_COLUMNS)]
    return pd.concat([features, pd.DataFrame(held, columns=names, index=features.index)], axis=1), prices


def one_report(share: float) -> None:
    """Run one full report and print its cost by step."""
    features, prices = panel_tables(share)
    began, last = time.perf_counter(), [time.perf_counter()]

    def say(step: str, done: int, total: int) -> None:
        if done == total:
            print(f"    {step}: {time.perf_counter() - last[0]:.0f} s", flush=True)
            last[0] = time.perf_counter()

    result = run(features, prices, BacktestSettings(), Context(progress=say))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    seconds = time.perf_counter() - began
    rows = result.verdict["data"]["rows"]
    print(f"share {share:g}: {rows:,} rows, {seconds:.0f} s, {peak:.2f} GiB at most, {result.verdict['verdict']}")


def one_placebo() -> None:
    """The same permuted placebo by both ways: CPU seconds each, and the largest difference of their forecasts."""
    settings = BacktestSettings()
    features, prices, _ = accept(*panel_tables(1))
    with threadpool_limits(1):
        walk = walk_forward(features, prices, settings)
        refitter = Refitter.of(walk)
        text = dealt(refitter.text, make_deals(walk.panel, refitter.text), 0, 0)
        began = time.process_time()
        refitted_t(walk, refitter, text, settings)
        ours = time.process_time() - began
        sums = refitter.sums(text)
        larger = {arm: blocks for arm, blocks in walk.arms.items() if arm != PRIMARY.baseline}
        weights, penalties = fit_arms(
            sums.gram, sums.cross, larger, walk.panel.block_of, settings.alphas, {PRICE: walk.penalties[PRICE]}
        )
        forecast = sums.forecast(weights[PRIMARY.augmented])
        began = time.process_time()
        reference = by_scikit_learn(walk, text.raw, penalties)
        theirs = time.process_time() - began
    rows = np.isfinite(reference)
    print(f"largest difference of {rows.sum():,} forecasts: {np.abs(forecast - reference)[rows].max():.1e}")
    print(f"one placebo, penalties tuned anew: {ours:.2f} s of CPU")
    print(f"scikit-learn, one fit a fold with those penalties: {theirs:.1f} s of CPU, {theirs / ours:.0f} x")


def by_scikit_learn(walk: Walk, text: np.ndarray, penalties: dict[str, np.ndarray]) -> np.ndarray:
    """(T, N) forecasts of the largest arm, every fold fitted on its rows from scratch."""
    panel = walk.panel
    count = panel.block_of.count(PRICE)
    columns = len(panel.block_of) - count
    original = np.isfinite(panel.values[..., count:])
    values = np.concatenate([panel.values[..., :count], np.where(original, text[..., :columns], np.nan)], axis=2)
    forecast = np.full(panel.present.shape, np.nan)
    session = np.nonzero(panel.present)[0]
    rows, target = values[panel.present], panel.target[panel.present]
    for number, fold in enumerate(walk.folds):
        if not fold.counts:
            continue
        seen, asked = session < fold.train_stop, (session >= fold.test_start) & (session < fold.test_stop)
        scaler = StandardScaler().fit(rows[seen])
        root = np.sqrt([penalties[block][number] for block in panel.block_of])
        train, test = (demeaned(np.nan_to_num(scaler.transform(rows[s])), session[s]) / root for s in (seen, asked))
        model = Ridge(alpha=1.0, fit_intercept=False).fit(train, target[seen])
        grid = np.full(panel.present.shape, np.nan)
        grid[panel.present] = np.where(asked, 0.0, np.nan)
        grid[np.isfinite(grid)] = model.predict(test)
        forecast = np.where(np.isfinite(grid), grid, forecast)
    return forecast


def demeaned(rows: np.ndarray, session: np.ndarray) -> np.ndarray:
    """Less the mean of the row's session."""
    _, at, counts = np.unique(session, return_inverse=True, return_counts=True)
    sums = np.add.reduceat(rows, np.concatenate([[0], np.cumsum(counts)[:-1]]), axis=0)
    return rows - (sums / counts[:, None])[at]


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["growth", "placebo", "report"])
    parser.add_argument("--share", type=float, nargs="+", default=[0.25, 1.0, 4.0])
    arguments = parser.parse_args()
    if arguments.what == "placebo":
        one_placebo()
    elif arguments.what == "report":
        one_report(arguments.share[0])
    else:
        for share in arguments.share:
            subprocess.run([sys.executable, "-m", "benchmarks.backtest", "report", "--share", str(share)], check=True)


if __name__ == "__main__":
    main()
