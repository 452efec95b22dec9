"""The GPU bench end to end on a CPU, with a network of 0.1M parameters: every path, no figure."""

import json
import time

import pytest
import torch

from benchmarks.gpu.__main__ import main
from benchmarks.gpu.bench import Bench
from benchmarks.gpu.model import linear_parameters
from benchmarks.gpu.shapes import SHAPES
from sentfeat.score.engine import Engine


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("gpu") / "gpu.json"
    main(["--shape", "tiny", "--device", "cpu", "--out", str(out)])
    return json.loads(out.read_text())


def rows(run, part):
    return {row["what"]: row for row in run["rows"] if row["part"] == part}


def test_every_part_is_measured(run):
    assert set(rows(run, "ceilings")) == {"float32 product, 128 wide", "copy on the device"}
    for kind in ("headlines", "passages"):
        for side in (
            "engine, float32",
            "engine, float32, with risks",
            "engine, float32, prefix read each time",
            "engine, nf4_float32",
            "engine, nf4_float32, with risks",
            "engine, nf4_float32, batches of 256 tokens",
            "generate, one at a time",
            "generate, batch 32",
        ):
            row = rows(run, "scoring")[f"{kind}, {side}"]
            assert row["texts_per_second"] > 0
            assert row["share_of_ceiling"] > 0
    assert len(rows(run, "explanations")) == 2
    assert len(rows(run, "training")) == 8
    assert not [row for row in run["rows"] if row["note"] in ("out of memory", "no time left")]


def test_the_engine_is_right_in_both_forms(run):
    found = [float(row["note"].split()[-1]) for row in rows(run, "checks").values()]
    assert len(found) == 3
    assert max(found) < 1e-4


def test_reading_the_prefix_each_time_costs_its_tokens(run):
    scoring = rows(run, "scoring")
    shared, each = (scoring[f"headlines, engine, float32{end}"] for end in ("", ", prefix read each time"))
    tokens = [row["tokens_per_second"] * row["seconds"] for row in (shared, each)]
    assert tokens[1] > tokens[0] * 1.2


def test_parts_after_the_time_is_up_say_so():
    bench = Bench(SHAPES["tiny"], "cpu", torch.float32, until=time.monotonic() - 1)
    bench.run({"scoring": lambda: pytest.fail("no time for this")})
    assert bench.rows[0]["note"] == "no time left"


def test_a_part_that_does_not_fit_is_a_row_and_not_the_end():
    bench = Bench(SHAPES["tiny"], "cpu", torch.float32, until=time.monotonic() + 60)

    def crowded():
        raise torch.OutOfMemoryError("CUDA out of memory")

    bench.run({"training": crowded, "checks": lambda: bench.add("checks", "reached")})
    assert [row["note"] for row in bench.rows] == ["out of memory", None]


def test_linear_weights_are_what_the_layers_hold(tiny_bundle):
    network = Engine.load(tiny_bundle, device="cpu", check=False)._model.network
    held = sum(
        module.weight.numel() for module in network.model.layers.modules() if isinstance(module, torch.nn.Linear)
    )
    assert linear_parameters(network) == held
