"""Greedy generation in batches, for the few rows that are to be explained in words."""

from typing import Any

import torch

from sentfeat.score.prompt import PromptEncoder

ROWS = 16  # prompts side by side


@torch.inference_mode()
def generate(network: Any, encoder: PromptEncoder, prompts: list[list[int]], new_tokens: int) -> list[str]:
    """What `network` writes after each of `prompts` (token ids), up to its end mark or `new_tokens` tokens.

    Prompts of like length go together, padded on the left, where a mask hides the padding.
    """
    written = [""] * len(prompts)
    order = sorted(range(len(prompts)), key=lambda at: len(prompts[at]))
    for start in range(0, len(order), ROWS):
        members = order[start : start + ROWS]
        width = max(len(prompts[at]) for at in members)
        ids = torch.zeros(len(members), width, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, at in enumerate(members):
            ids[row, width - len(prompts[at]) :] = torch.tensor(prompts[at])
            mask[row, width - len(prompts[at]) :] = 1
        found = network.generate(
            input_ids=ids.to(network.device),
            attention_mask=mask.to(network.device),
            max_new_tokens=new_tokens,
            do_sample=False,
            pad_token_id=encoder.end_id,
            eos_token_id=encoder.end_id,
        )
        for at, row in zip(members, found[:, width:].tolist(), strict=True):
            end = row.index(encoder.end_id) if encoder.end_id in row else len(row)
            written[at] = encoder.decode(row[:end])
    return written
