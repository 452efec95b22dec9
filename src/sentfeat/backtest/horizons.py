"""Filings over longer spans: B3 against B0 on the return from the open to a close weeks later."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from sentfeat.backtest import inference
from sentfeat.backtest.arms import DESCRIPTION, FILINGS, text_columns
from sentfeat.backtest.walk import walk_forward
from sentfeat.config import BacktestSettings
from sentfeat.errors import DataError


def filing_horizons(features: pd.DataFrame, prices: pd.DataFrame, settings: BacktestSettings) -> list[dict[str, Any]]:
    """For each horizon the Clark-West test, gain in rank IC and in R2 of filings; nothing where there are no filings.

    Labels overlap, so the purge is the horizon + 1 and the HAC lags are at least the horizon. A horizon for which the
    data are too short says so under `skipped`.
    """
    blocks = text_columns(features.columns)
    filings = [name for name, block in blocks.items() if block == FILINGS and features[name].notna().any()]
    if not filings:
        return []
    kept = features[[name for name in features.columns if name in DESCRIPTION] + filings]
    return [_one(kept, prices, settings, horizon) for horizon in settings.filing_horizons]


def _one(features: pd.DataFrame, prices: pd.DataFrame, settings: BacktestSettings, horizon: int) -> dict[str, Any]:
    try:
        walk = walk_forward(features, prices, settings, horizon)
    except DataError as error:
        return {"horizon": horizon, "skipped": str(error)}
    panel, span = walk.panel, walk.tested
    present, target = panel.present[span], panel.target[span]
    small, large = (walk.forecasts[arm][span] for arm in ("B0", "B3"))
    series = inference.clark_west_series(target, small, large, present)
    gain = inference.rank_ic(large, target, present) - inference.rank_ic(small, target, present)
    return {
        "horizon": horizon,
        "skipped": None,
        "name": "B3 vs B0",
        "clark_west": asdict(inference.mean_test(series, horizon)),
        "ic_gain": asdict(inference.mean_test(gain, horizon)),
        "r2_gain_bp": inference.r2_gain_bp(target, small, large, present),
        "rows": int(present.sum()),
        "independent_spans": int(np.ceil(len(present) / horizon)),
    }
