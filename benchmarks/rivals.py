"""What one would write without an engine: `generate` for one prompt, for 32 at a time, and Transformers' pipeline.

All answer greedily with the cache on and stop after the label, which is one token.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import pipeline

BATCH = 32


class Generation:
    """A causal network that is asked by `generate`; token ids in, the id of each answer out."""

    def __init__(self, network: Any, pad: int) -> None:
        self._network = network
        self._pad = pad

    def one_at_a_time(self, prompts: Sequence[list[int]]) -> list[int]:
        return [self._generate([prompt])[0] for prompt in prompts]

    def batched(self, prompts: Sequence[list[int]], size: int = BATCH) -> list[int]:
        parts = [prompts[begin : begin + size] for begin in range(0, len(prompts), size)]
        return [answer for part in parts for answer in self._generate(part)]

    def write(self, prompts: Sequence[list[int]], tokens: int) -> torch.Tensor:
        """Exactly `tokens` new tokens for each prompt, (prompts, tokens)."""
        width = max(map(len, prompts))
        ids = torch.tensor([[self._pad] * (width - len(prompt)) + prompt for prompt in prompts])
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        device = self._network.device
        found = self._network.generate(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            do_sample=False,
            pad_token_id=self._pad,
        )
        return found[:, width:]

    def _generate(self, prompts: Sequence[list[int]]) -> list[int]:
        return self.write(prompts, 1)[:, 0].tolist()


class Pipeline:
    """Transformers' `text-generation` pipeline; prompts as text in, answers as text out."""

    def __init__(self, network: Any, tokenizer: Any, pad: int) -> None:
        tokenizer.padding_side, tokenizer.pad_token_id = "left", pad
        self._run = pipeline("text-generation", model=network, tokenizer=tokenizer, batch_size=BATCH)

    def __call__(self, prompts: Sequence[str]) -> list[str]:
        found = self._run(list(prompts), max_new_tokens=1, do_sample=False, return_full_text=False)
        return [answers[0]["generated_text"] for answers in found]
