"""Steps of QLoRA training: both recipes, rows padded or packed, activations kept or computed again."""

from typing import Any

import torch
from peft import LoraConfig, get_peft_model

from benchmarks.gpu.bench import Bench
from benchmarks.gpu.shapes import Recipe
from sentfeat.score.bundle import Bundle
from sentfeat.score.load import load_network
from sentfeat.score.precision import Precision

ROW = 80  # tokens of a short row on average: instruction, headline, question, answer
ROWS_SEEN = 9_000 * 3  # instruction pairs by epochs
ACCUMULATED = 4  # micro-batches a step


def measure(bench: Bench, bundle: Bundle) -> None:
    """A row a combination."""
    for recipe in bench.shape.recipes:
        for packed in (False, True):
            for recomputed in (True, False):
                what = f"{recipe.name}, {'packed' if packed else 'padded'}, recompute {'on' if recomputed else 'off'}"
                with bench.attempt("training", what):
                    _measure(bench, bundle, recipe, what, packed=packed, recomputed=recomputed)


def _measure(bench: Bench, bundle: Bundle, recipe: Recipe, what: str, *, packed: bool, recomputed: bool) -> None:
    model = _model(bench, bundle, recipe, recomputed)
    optimiser = _optimiser(bench, model)
    batch, tokens = _batch(bench, recipe, packed)

    def step() -> None:
        for _ in range(ACCUMULATED):
            (model(**batch, use_cache=False).loss / ACCUMULATED).backward()
        optimiser.step()
        optimiser.zero_grad()

    peak = bench.peak_gb(step)
    seconds = bench.interleave({what: step})[what]
    rate = ACCUMULATED * tokens / seconds
    hours = ROWS_SEEN * ROW / rate / 3600
    note = f"{hours:.2g} h for {ROWS_SEEN:,} rows of {ROW} tokens"
    bench.add("training", what, tokens_per_second=rate, peak_gb=peak, seconds=seconds, note=note)


def _model(bench: Bench, bundle: Bundle, recipe: Recipe, recomputed: bool) -> Any:
    precision = Precision(bench.device, bench.dtype, False, "to be trained")
    bare = type(bundle)(bundle.path, bundle.passport, bundle.base, None)
    settings = LoraConfig(
        r=recipe.rank, lora_alpha=2 * recipe.rank, lora_dropout=0.05, target_modules=list(recipe.targets)
    )
    network = load_network(bare, precision).train()
    if recomputed:
        network.gradient_checkpointing_enable({"use_reentrant": False})
        network.enable_input_require_grads()
    model = get_peft_model(network, settings)
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()  # small steps vanish in half precision
    return model


def _optimiser(bench: Bench, model: Any) -> torch.optim.Optimizer:
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    if not bench.is_cuda:
        return torch.optim.AdamW(trained, lr=2e-4)
    from bitsandbytes.optim import PagedAdamW8bit

    return PagedAdamW8bit(trained, lr=2e-4)


def _batch(bench: Bench, recipe: Recipe, packed: bool) -> tuple[dict[str, torch.Tensor], int]:
    """A micro-batch and its tokens, padding not counted.

    Padded rows are as long as the longest of them. Packed ones are full, and their positions begin anew with each text,
    by which Transformers keeps the texts apart.
    """
    if packed:
        ids = torch.randint(10, 200, (recipe.rows, recipe.sequence), device=bench.device)
        places = (torch.arange(recipe.sequence, device=bench.device) % ROW).expand(recipe.rows, -1)
        return {"input_ids": ids, "position_ids": places, "labels": ids}, ids.numel()
    lengths = torch.linspace(ROW // 2, ROW + ROW // 2, recipe.rows, device=bench.device).long()
    ids = torch.randint(10, 200, (recipe.rows, int(lengths.max())), device=bench.device)
    real = torch.arange(ids.shape[1], device=bench.device) < lengths[:, None]
    batch = {"input_ids": ids, "attention_mask": real.long(), "labels": ids.masked_fill(~real, -100)}
    return batch, int(lengths.sum())
