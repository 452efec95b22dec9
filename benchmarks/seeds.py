"""Does the verdict keep its word? Yes where an effect is planted, no where none is, over many seeded markets.

    python -m benchmarks.seeds null price shrunk echo --seeds 1000 --out seeds.jsonl     the primary test alone
    python -m benchmarks.seeds planted --seeds 20 --out seeds.jsonl                      the whole verdict
    python -m benchmarks.seeds table --out seeds.jsonl

One JSON line a seed; a seed that has its line is not run again, so a killed run goes on where it was.

    null     nothing moves prices
    price    the last overnight return does, strongly (correlation 0.15 with y1); the text knows nothing
    shrunk   as price, and the baseline is badly tuned: the only penalty offered is far too large
    echo     as price, and tone repeats the last overnight return with noise: news of what prices know already
    planted  tone moves prices (correlation 0.10 with y1 on rows with news); `power` lines hold the power predicted
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint
from threadpoolctl import threadpool_limits

from sentfeat.backtest import run
from sentfeat.backtest.arms import PRIMARY
from sentfeat.backtest.design import make_cross
from sentfeat.backtest.intake import accept
from sentfeat.backtest.pieces import Pieces
from sentfeat.backtest.power import power_at
from sentfeat.backtest.ridge import fit_arms, predict
from sentfeat.backtest.walk import primary_t, walk_forward
from sentfeat.config import BacktestSettings
from tests.backtest.synthetic import market

CRITICAL = 1.6449  # one-sided 5 %
EFFECT = 0.10
MARKETS: dict[str, dict[str, float]] = {
    "null": {},
    "price": {"price_effect": 0.15},
    "shrunk": {"price_effect": 0.15},
    "echo": {"price_effect": 0.15, "echo": 0.7},
    "planted": {"effect": EFFECT},
}
SIZES = {"planted": {"securities": 24, "sessions": 750}}
SMALL = {"securities": 24, "sessions": 500}
SETTINGS = BacktestSettings(trees=False, power_draws=1, bootstrap_draws=100)
TOO_LARGE = BacktestSettings(trees=False, alphas=(1e6,))


def tables(kind: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features and prices of one market."""
    return accept(*market(seed, **SIZES.get(kind, SMALL), **MARKETS[kind]))[:2]


def primary_line(kind: str, seed: int) -> dict[str, object]:
    """The primary test alone."""
    walk = walk_forward(*tables(kind, seed), TOO_LARGE if kind == "shrunk" else SETTINGS)
    t = primary_t(walk, walk.panel.target, walk.forecasts)
    return {"kind": kind, "seed": seed, "t": t, "yes": t > CRITICAL}


def verdict_line(kind: str, seed: int) -> dict[str, object]:
    """The whole verdict, all placebos included."""
    verdict = run(*tables(kind, seed), SETTINGS).verdict
    yes = verdict["verdict"] in ("INFORMATIVE BUT NOT TRADABLE", "ADDS VALUE NET OF COST")
    t, p = verdict["comparisons"][0]["clark_west"]["t"], verdict["placebo"]["p"]
    return {"kind": kind, "seed": seed, "t": t, "placebo_p": p, "verdict": verdict["verdict"], "yes": yes}


def predicted_power(draws: int = 200) -> dict[str, object]:
    """The power that the panel of seed 0 predicts for the planted effect."""
    walk = walk_forward(*tables("planted", 0), SETTINGS)
    panel, folds = walk.panel, walk.folds

    def statistic(target: np.ndarray) -> float:
        cross = make_cross(walk.design, walk.gram, target, folds)
        weights, _ = fit_arms(walk.gram, cross, walk.arms, panel.block_of, SETTINGS.alphas)
        both = (PRIMARY.baseline, PRIMARY.augmented)
        return primary_t(walk, target, {arm: predict(walk.design, walk.gram, weights[arm], folds) for arm in both})

    found = power_at(panel, statistic, EFFECT, draws, SETTINGS.seed, Pieces())
    return {"kind": "power", "seed": 0, "effect": EFFECT, "power": float((found > CRITICAL).mean()), "draws": draws}


def work(kinds: list[str], seeds: range, done: set[tuple[str, int]]) -> Iterator[dict[str, object]]:
    """The lines that are not there yet."""
    if "planted" in kinds and ("power", 0) not in done:
        yield predicted_power()
    for seed in seeds:
        for kind in kinds:
            if (kind, seed) not in done:
                yield verdict_line(kind, seed) if kind == "planted" else primary_line(kind, seed)


def table(lines: pd.DataFrame) -> str:
    """Share of yes by kind, with the 95 % upper bound (Clopper-Pearson, one-sided), in Markdown."""
    rows = ["| market | seeds | yes | share | 95 % upper bound |", "| --- | ---: | ---: | ---: | ---: |"]
    for kind, part in lines[lines["kind"] != "power"].groupby("kind", sort=False):
        count, total = int(part["yes"].sum()), len(part)
        upper = proportion_confint(count, total, alpha=0.1, method="beta")[1]
        rows.append(f"| {kind} | {total:,} | {count} | {count / total:.3f} | {upper:.3f} |")
    for line in lines[lines["kind"] == "power"].itertuples():
        rows.append(f"\nPredicted power at an effect of {line.effect:g}: {line.power:.3f} ({line.draws:.0f} draws)")
    return "\n".join(rows)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="+", choices=[*MARKETS, "table"])
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first seed: parts of a table can be made apart")
    parser.add_argument("--out", type=Path, default=Path("seeds.jsonl"))
    arguments = parser.parse_args()
    held = [json.loads(line) for line in arguments.out.read_text().splitlines()] if arguments.out.exists() else []
    if arguments.what == ["table"]:
        print(table(pd.DataFrame(held)))
        return
    done = {(line["kind"], line["seed"]) for line in held}
    with arguments.out.open("a") as file, threadpool_limits(1):
        for line in work(arguments.what, range(arguments.first, arguments.first + arguments.seeds), done):
            file.write(json.dumps(line, default=bool) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
