"""In which form a network is held: merged in full or half precision, or as NF4 with its adapter beside it.

NF4 saves memory, not time: every product expands the weights again. So it is kept only where the merged network in half
precision and some room to work in do not fit.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

ROOM = 2e9  # bytes for activations beside the weights, at the least
SLACK = 1.25  # fragments, and the layer that is being merged
MOST_TOKENS, LEAST_TOKENS = 16384, 1024  # of a batch on a GPU: more gains nothing, fewer starve it
SHARE = 0.5  # of the free memory, for a batch


@dataclass(frozen=True)
class Precision:
    """Where and how a network is held, and why."""

    device: str
    dtype: torch.dtype
    merged: bool
    reason: str

    @property
    def mode(self) -> str:
        """The numeric mode as it enters a model's identity: float32, bfloat16, nf4_bfloat16, ..."""
        return f"{'' if self.merged else 'nf4_'}{str(self.dtype).removeprefix('torch.')}"


def choose_precision(base: Path, device: str | None = None, merge: bool | None = None) -> Precision:
    """The form for the base in folder `base` on `device` (default: a GPU if there is one), and why.

    `merge` decides instead of the memory; on a CPU everything is merged, as fp32, unless it says otherwise.
    """
    device, dtype, reason = choose_device(device)
    if merge is not None:
        return Precision(device, dtype, merge, f"{reason}; {'merged' if merge else 'NF4'} as asked for")
    if not device.startswith("cuda"):
        return Precision(device, dtype, True, reason)
    needed = count_parameters(base) * dtype.itemsize * SLACK + ROOM
    memory = torch.cuda.get_device_properties(device).total_memory
    size = f"merged it takes {needed / 1e9:.1f} GB of {memory / 1e9:.1f} GB"
    return Precision(device, dtype, needed <= memory, f"{reason}; {size}")


def choose_device(device: str | None) -> tuple[str, torch.dtype, str]:
    """The device to score on, its numeric mode, and the reason."""
    if device is None:
        device, reason = ("cuda", "a GPU was found") if torch.cuda.is_available() else ("cpu", "no GPU was found")
    else:
        reason = "asked for"
    if not device.startswith("cuda"):
        return device, torch.float32, reason
    has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)  # a T4 has not
    return device, torch.bfloat16 if has_bfloat16 else torch.float16, reason


def count_parameters(base: Path) -> int:
    """Weights of the network that the config in folder `base` describes; none is read."""
    config = AutoConfig.from_pretrained(base, local_files_only=True)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    with torch.device("meta"):
        return sum(weight.numel() for weight in AutoModelForCausalLM.from_config(config).parameters())


def token_budget(config: Any, free: float, itemsize: int) -> int:
    """Tokens of a batch that take a good half of `free` bytes: a power of two.

    A token leaves keys and values in every layer, and is for a while in one layer's widest states, two or three times.
    """
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    kept = 2 * config.num_hidden_layers * config.num_key_value_heads * size
    passing = 3 * (2 * config.intermediate_size + 4 * config.hidden_size)
    fits = int(SHARE * free / ((kept + passing) * itemsize))
    return min(MOST_TOKENS, max(LEAST_TOKENS, 1 << max(fits.bit_length() - 1, 0)))
