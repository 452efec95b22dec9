"""Tests are registered on the lake before they are run, so that a report can say how many were tried on this data."""

from typing import Any

from sentfeat.hashing import digest
from sentfeat.store import Lake

FOLDER = "trials/backtest"


def register(lake: Lake, plan: dict[str, Any]) -> tuple[str, int]:
    """The plan's hash and its number among all different plans registered here; the same plan keeps its number.

    `plan` holds everything that is chosen: target, universe, columns, learners, metric, rule of the verdict, settings.
    """
    name = digest(*(f"{key}={plan[key]}" for key in sorted(plan)))[:16]
    path = f"{FOLDER}/{name}.json"
    held = lake.get_json(path)
    if held is None:
        held = {"number": 1 + len(lake.files(FOLDER, ".json")), "plan": plan}
        lake.put_json(path, held)
    return name, int(held["number"])
