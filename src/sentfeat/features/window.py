"""What the items of one window say together: the tone and volume columns of a row.

Everything here is a sum over the items of one (session, security); FEATURES in tables.py states each column's meaning
and when it is null.
"""

import numpy as np
import pandas as pd

from sentfeat.features.items import count_clusters

KEY = ["session_number", "security_id"]
GRADES = "ABC"


def summarise(items: pd.DataFrame, previous_close: pd.Series, near: float) -> pd.DataFrame:
    """One row per (session_number, security_id) that has items; `previous_close` is that of each item's session."""
    scored = items[items["tone"].notna()]
    overnight = scored["available_at"] > previous_close[scored.index]
    columns = {
        **_volume(items, near),
        **_tone(scored),
        "sent_overnight": weighted_mean(scored[overnight]),
        "sent_intraday": weighted_mean(scored[~overnight]),
        "sent_novel": weighted_mean(scored[scored["is_first"]]),
    }
    return pd.DataFrame(columns).rename_axis(KEY)


def weighted_mean(scored: pd.DataFrame) -> pd.Series:
    """sum(w s) / sum(w) by row key; no row where sum(w) is 0."""
    sums = _sums(scored, w=scored["weight"], ws=scored["weight"] * scored["tone"])
    sums = sums[sums["w"] > 0]
    return sums["ws"] / sums["w"]


def _volume(items: pd.DataFrame, near: float) -> dict[str, pd.Series]:
    groups = items.groupby(KEY)
    worst = items["pit_grade"].map(GRADES.index).groupby([items[key] for key in KEY]).max()
    clusters = groups["title"].agg(lambda titles: count_clusters(titles, near) if len(titles) > 1 else 1)
    return {
        "n": groups.size(),
        "n_clusters": clusters.astype("int64"),
        "n_sources": groups["publisher"].nunique(dropna=False),
        "pit_grade_worst": worst.map(lambda at: GRADES[int(at)]).astype(object),
    }


def _tone(scored: pd.DataFrame) -> dict[str, pd.Series]:
    p = scored[["p_negative", "p_neutral", "p_positive"]].to_numpy(dtype=float)
    label = p.argmax(axis=1) if len(p) else np.empty(0, dtype=int)
    counts = _sums(scored, n=1.0, positive=label == 2, negative=label == 0, w=scored["weight"],
                   ws=scored["weight"] * scored["tone"])  # fmt: skip
    polar = counts["positive"] + counts["negative"]
    net = counts["positive"] - counts["negative"]
    groups = scored.groupby(KEY)
    return {
        "sent_mean": weighted_mean(scored),
        "sent_sum": counts["ws"],
        "sent_net_share": net / counts["n"],
        "sent_min": groups["tone"].min(),
        "sent_max": groups["tone"].max(),
        "sent_disp": _dispersion(scored, counts),
        "sent_disagree": (1 - net.abs() / polar)[polar >= 2],
        "sent_conf_mean": groups["confidence"].mean(),
        "rel_mean": groups["relevance"].mean(),
        "novelty_mean": groups["novelty"].mean(),
    }


def _dispersion(scored: pd.DataFrame, counts: pd.DataFrame) -> pd.Series:
    """Weighted standard deviation of tone about its weighted mean, where there are two scored items or more."""
    usable = counts[(counts["n"] >= 2) & (counts["w"] > 0)]
    mean = usable["ws"] / usable["w"]
    keys = pd.MultiIndex.from_frame(scored[KEY])
    deviation = scored["tone"].to_numpy() - mean.reindex(keys).to_numpy()
    squares = _sums(scored, wd=scored["weight"] * deviation**2)["wd"]
    return np.sqrt(squares.reindex(usable.index) / usable["w"])


def _sums(scored: pd.DataFrame, **values: object) -> pd.DataFrame:
    return scored[KEY].assign(**values).groupby(KEY).sum()
