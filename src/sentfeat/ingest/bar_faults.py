"""Bars that contradict their neighbours, and dividends or splits that the prices do not show.

    scale_break            a stretch on another scale than what is around it: an unadjusted split, one applied twice,
                           pence for pounds
    repeated_values        the very prices and volume of the bar before: a stale answer
    dividend_not_in_price  a dividend whose day hardly lowered the price: a wrong unit, or none was paid
    dividend_unit          a dividend that is another one of its security a hundred times over, or its hundredth
    dividend_twice         a dividend that was paid days before
    adjustment_mismatch    adjusted closes that do not move by the dividend of the day, or that move without one

The first two need prices alone, the others what Yahoo sends along with them. The thresholds were set on real faults
and their repairs; `python -m benchmarks.price_faults` counts what they find and what they blame wrongly.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

PRICES = ["open", "high", "low", "close"]
PRICE_FAULTS = ("scale_break", "repeated_values")
UNIT = 100.0
SPLITS = (2.0, 3.0, 4.0, 5.0, 10.0, 20.0, 50.0)  # looked for where none is on record, and then only there and back
NEAR = 0.12  # how far the logarithm of a step may be from that of a factor, as a share of it
NEAR_RECORDED = 0.3  # beside a split on record the price may really move as well
BESIDE = 30  # bars around it that count as beside
QUIET = 6.0  # usual daily moves that a step has to exceed
LONGEST = 40  # bars of a stretch that no record explains
BIG, FALL = 0.08, 0.15  # from this share of the price on, a dividend lowers it by this much of itself at least
SAME = 0.05  # dividends this close, relatively, are the same
SOON = 7  # bars
ADJUSTMENT, ADJUSTMENT_SHARE = 0.004, 0.25  # what an adjusted close may be off: of the price, and of the dividend


def find_faults(bars: pd.DataFrame) -> pd.Series:
    """The fault of each bar, None for none. bars: one security's, by session, with open, high, low, close and volume;
    perhaps adjusted_close, dividend (per share, 0 for none) and split (new shares for an old one, 0 for none)."""
    faults = pd.Series(None, index=bars.index, dtype=object)
    priced = bars[(bars[PRICES] > 0).all(axis=1)]
    if len(priced) < 3:
        return faults
    if {"dividend", "adjusted_close"} <= set(bars):
        for reason, found in _dividend_faults(priced):
            faults[found.index[found]] = reason
    changes = priced[[*PRICES, "volume"]].diff().abs().sum(axis=1, skipna=False)
    faults[changes.index[(changes == 0) & (priced["volume"] > 0)]] = "repeated_values"
    faults[priced.index[_off_scale(priced)]] = "scale_break"
    return faults


def _off_scale(bars: pd.DataFrame) -> np.ndarray:
    """Which bars stand on another scale than their neighbours."""
    steps = np.diff(np.log(bars["close"].to_numpy(dtype=float)))
    usual = 1.4826 * np.median(np.abs(steps - np.median(steps)))
    sizes = np.where(np.abs(steps) > QUIET * usual, np.abs(steps), 0.0)
    bad = np.zeros(len(bars), dtype=bool)
    if not sizes.any():
        return bad
    if "split" in bars:
        recorded = bars["split"].fillna(0.0).to_numpy(dtype=float)
        for at in np.flatnonzero((recorded > 0) & (recorded != 1)):
            beside = np.abs(np.arange(len(steps)) - at) <= BESIDE
            bad |= _stretches(_like(sizes * beside, recorded[at], NEAR_RECORDED), steps, one_way=True)
    bad |= _stretches(_like(sizes, UNIT, NEAR), steps, one_way=True)
    overnight = np.abs(np.log(bars["open"].to_numpy(dtype=float)[1:] / bars["close"].to_numpy(dtype=float)[:-1]))
    for factor in SPLITS:  # a crash by half happens within a day, another scale between two
        alike = np.intersect1d(_like(sizes, factor, NEAR), _like(overnight, factor, NEAR))
        bad |= _stretches(alike, steps, one_way=False)
    return bad


def _like(sizes: np.ndarray, factor: float, near: float) -> np.ndarray:
    """The steps of about that factor, up or down."""
    size = abs(np.log(factor))
    return np.flatnonzero((sizes > 0) & (np.abs(sizes - size) < near * size))


def _stretches(hits: np.ndarray, steps: np.ndarray, *, one_way: bool) -> np.ndarray:
    """The bars between a step and the step back; with `one_way`, after a step for good, those on its shorter side."""
    bad = np.zeros(len(steps) + 1, dtype=bool)
    at = 0
    while at < len(hits):
        here = int(hits[at])
        back = next((int(h) for h in hits[at + 1 :] if steps[h] * steps[here] < 0), None)
        if back is not None and (one_way or back - here <= LONGEST):
            bad[here + 1 : back + 1] = True
            at = int(np.searchsorted(hits, back))
        elif one_way:
            shorter = slice(None, here + 1) if 2 * (here + 1) <= len(bad) else slice(here + 1, None)
            bad[shorter] = True
        at += 1
    return bad


def _dividend_faults(bars: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    """(reason, which bars) of dividends and adjusted closes."""
    before = bars["close"].shift()
    paid = bars["dividend"].fillna(0.0)
    share = (paid / before).fillna(0.0)
    factor = bars["adjusted_close"] / bars["close"]
    moved = 1 - factor.shift() / factor  # what the adjustment takes off the past
    off = (moved - share).abs()
    yield "adjustment_mismatch", (off > ADJUSTMENT) & (off > ADJUSTMENT_SHARE * np.maximum(share, moved.abs()))
    fall = 1 - bars[["open", "close"]].max(axis=1) / before
    yield "dividend_not_in_price", (share > BIG) & (fall < FALL * share)
    amounts = paid[paid > 0].to_numpy()
    ratios = amounts[:, None] / amounts[None, :]
    units = np.any([(abs(ratios / unit - 1) < SAME).any(axis=1) for unit in (UNIT, 1 / UNIT)], axis=0)
    unusual = abs(np.log10(amounts / np.median(amounts))) > 1 if len(amounts) else units
    yield "dividend_unit", (paid > 0) & paid.isin(amounts[units & unusual])
    place = np.flatnonzero(paid > 0)
    twice = (np.diff(place, prepend=-SOON - 1) <= SOON) & (abs(amounts / np.roll(amounts, 1) - 1) < 0.25)
    yield "dividend_twice", pd.Series(np.isin(np.arange(len(bars)), place[twice]), index=bars.index)
