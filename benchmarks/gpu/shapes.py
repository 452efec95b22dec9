"""What is measured: a network's shape and the sizes of the work put to it. Weights are random: they move no figure."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """A QLoRA training: the adapter, and rows a micro-batch of `sequence` tokens."""

    name: str
    rank: int
    targets: tuple[str, ...]
    sequence: int
    rows: int


@dataclass(frozen=True)
class Shape:
    """A network and the work: texts are (count, tokens)."""

    config: dict[str, Any]
    headlines: tuple[int, int]
    passages: tuple[int, int]
    few: int  # texts for `generate`, one at a time; eight times as many in batches
    square: int  # width of the matrix product that is the ceiling
    copied: int  # bytes copied on the device
    written: tuple[int, ...]  # batches of explanations
    new_tokens: int  # of an explanation
    small_budget: int  # tokens of a batch where memory is short
    recipes: tuple[Recipe, ...]
    rounds: int


ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
ALL_LINEAR = (*ATTENTION, "gate_proj", "up_proj", "down_proj")

SHAPES = {
    "mistral7b": Shape(
        config={
            "vocab_size": 32768,
            "sliding_window": None,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
        },
        headlines=(1024, 45),
        passages=(128, 512),
        few=8,
        square=8192,
        copied=2**31,
        written=(1, 32, 256),
        new_tokens=48,
        small_budget=2048,
        recipes=(Recipe("r16, 512 tokens", 16, ATTENTION, 512, 2), Recipe("r32, 1024 tokens", 32, ALL_LINEAR, 1024, 4)),
        rounds=3,
    ),
    "tiny": Shape(
        config={
            "vocab_size": 512,
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 1024,
            "sliding_window": None,
        },
        headlines=(12, 20),
        passages=(4, 60),
        few=2,
        square=128,
        copied=2**16,
        written=(1, 3),
        new_tokens=4,
        small_budget=256,
        recipes=(Recipe("r16, 512 tokens", 4, ATTENTION, 96, 2), Recipe("r32, 1024 tokens", 8, ALL_LINEAR, 96, 2)),
        rounds=1,
    ),
}
"""`mistral7b` is Mistral-7B-v0.3 (what is not named is Transformers' default, which is that model's)."""
