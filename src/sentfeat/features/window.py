"""What the items of one window say together: the tone, volume and risk columns of a row.

Everything here is a sum over the items of one `cell`, a number for session and security; FEATURES in tables.py states
each column's meaning and when it is null. Sums are made by bincount, one item after the other: pandas' grouped sums can
differ in the last bit with what else is in the frame, and then no rebuilt row equals the published one.
"""

import numpy as np
import pandas as pd

from sentfeat.categories import RISKS
from sentfeat.features.items import CHANCES, RISK_CHANCES

GRADES = "ABC"
NEWS_RISKS = tuple(f"news_risk_{risk}" for risk in RISKS)


def summarise(items: pd.DataFrame, previous_close: np.ndarray) -> pd.DataFrame:
    """The window columns, one row per `cell` that has items.

    items: those of with_quantities, with `cell`. previous_close: (n,), the close before each item's session, UTC.
    """
    scored = items["tone"].notna().to_numpy()
    overnight = (items["available_at"] > pd.DatetimeIndex(previous_close)).to_numpy()
    parts = {
        "sent_overnight": items[scored & overnight],
        "sent_intraday": items[scored & ~overnight],
        "sent_novel": items[scored & items["is_first"].to_numpy()],
    }
    columns = [
        _volume(items),
        _tone(items[scored]),
        _risks(items[scored]),
        *(weighted_mean(part, "tone").rename(name) for name, part in parts.items()),
    ]
    return pd.concat(columns, axis=1)


def weighted_mean(items: pd.DataFrame, value: str) -> pd.Series:
    """sum(w x) / sum(w) by cell; no row where sum(w) is 0."""
    sums = _sums(items, w=items["weight"], wx=items["weight"] * items[value])
    sums = sums[sums["w"] > 0]
    return sums["wx"] / sums["w"]


def worst_grade(grades: pd.Series, cells: pd.Series) -> pd.Series:
    """The position in GRADES of the worst timing grade by cell."""
    return grades.map(GRADES.index).astype("int64").groupby(cells).max()


def _volume(items: pd.DataFrame) -> pd.DataFrame:
    publishers = items[["cell", "publisher"]].drop_duplicates().groupby("cell").size()
    groups = items.groupby("cell")
    return pd.DataFrame(
        {
            "n_news": groups.size(),
            "n_clusters": groups["leads"].sum(),
            "n_sources": publishers,
            "worst": worst_grade(items["pit_grade"], items["cell"]),
        }
    )


def _tone(scored: pd.DataFrame) -> pd.DataFrame:
    negative, neutral, positive = scored[list(CHANCES)].to_numpy(dtype=float).T
    counts = _sums(scored, n=1.0, positive=positive > np.maximum(negative, neutral),
                   negative=negative > np.maximum(positive, neutral), w=scored["weight"],
                   ws=scored["weight"] * scored["tone"])  # a tie is neutral  # fmt: skip
    polar = counts["positive"] + counts["negative"]
    net = counts["positive"] - counts["negative"]
    groups = scored.groupby("cell")
    means = _sums(scored, **{name: scored[name] for name in ("confidence", "relevance", "novelty")})
    means = means.divide(counts["n"], axis=0)
    return pd.DataFrame(
        {
            "sent_mean": weighted_mean(scored, "tone"),
            "sent_sum": counts["ws"],
            "sent_net_share": net / counts["n"],
            "sent_min": groups["tone"].min(),
            "sent_max": groups["tone"].max(),
            "sent_disp": _dispersion(scored, counts),
            "sent_disagree": (1 - net.abs() / polar)[polar >= 2],
            "sent_conf_mean": means["confidence"],
            "rel_mean": means["relevance"],
            "novelty_mean": means["novelty"],
        }
    )


def _risks(scored: pd.DataFrame) -> pd.DataFrame:
    """sum(w p) / sum(w) of each risk over the items that have an answer for it."""
    known = scored[scored[RISK_CHANCES[0]].notna()]
    weighted = {name: known[name] * known["weight"] for name in RISK_CHANCES}
    sums = _sums(known, w=known["weight"], **weighted)
    sums = sums[sums["w"] > 0]
    return sums[list(RISK_CHANCES)].divide(sums["w"], axis=0).set_axis(NEWS_RISKS, axis=1)


def _dispersion(scored: pd.DataFrame, counts: pd.DataFrame) -> pd.Series:
    """Weighted standard deviation of tone about its weighted mean, where there are two scored items or more."""
    usable = counts[(counts["n"] >= 2) & (counts["w"] > 0)]
    mean = usable["ws"] / usable["w"]
    deviation = scored["tone"].to_numpy() - mean.reindex(scored["cell"]).to_numpy()
    squares = _sums(scored, wd=scored["weight"] * deviation**2)["wd"]
    return np.sqrt(squares.reindex(usable.index) / usable["w"])


def _sums(items: pd.DataFrame, **values: object) -> pd.DataFrame:
    """The values (n,) added up by cell, in the order of the items."""
    codes, cells = pd.factorize(items["cell"], sort=True)
    each = {name: np.broadcast_to(np.asarray(value, dtype=float), len(items)) for name, value in values.items()}
    sums = {name: np.bincount(codes, weights=value, minlength=len(cells)) for name, value in each.items()}
    return pd.DataFrame(sums, index=pd.Index(cells, name="cell"))
