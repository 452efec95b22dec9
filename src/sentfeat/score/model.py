"""A network ready to score: it reads a text once, and its head is cut to the rows of the answers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache

from sentfeat.score.prompt import PromptEncoder, Task


@dataclass(frozen=True)
class Past:
    """What reading left behind: keys and values (rows, heads, width, size) layer by layer, and tokens (rows,)."""

    layers: list[tuple[torch.Tensor, torch.Tensor]]
    lengths: torch.Tensor

    def of(self, rows: np.ndarray, lengths: np.ndarray) -> "Past":
        """The chosen `rows`, of which the last part read has `lengths` tokens; what stands behind is hidden."""
        at = torch.from_numpy(rows)
        chosen = [(keys[at.to(keys.device)], values[at.to(keys.device)]) for keys, values in self.layers]
        return Past(chosen, self.lengths[at] + torch.from_numpy(lengths))


class LabelModel:
    """Reads a text once and answers questions about it, each by the logits of its answers' words.

    What all prompts of `encoder` begin with is read here, once. Masks are explicit and have the same form with and
    without padding: with a plain mask of ones, attention would take another kernel and give other last bits.
    """

    def __init__(self, network: Any, encoder: PromptEncoder) -> None:
        head = network.lm_head.weight.detach()
        answer_ids: dict[Task, tuple[int, ...]] = {"sentiment": encoder.label_ids, "risk": encoder.risk_ids}
        self._body = network.model
        self._rows = {task: head[list(ids)].float() for task, ids in answer_ids.items()}
        self.device = head.device
        nothing = Past([], torch.zeros(1, dtype=torch.long))
        begin = torch.tensor([encoder.head_ids])
        self._shared = Past(self._run(begin, nothing)[1], torch.tensor([begin.shape[1]]))

    def read(self, ids: np.ndarray) -> Past:
        """What (rows, width) token ids of texts leave behind; its `lengths` are still those of the shared beginning."""
        before = self._shared.of(np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids), dtype=np.int64))
        return Past(self._run(torch.from_numpy(ids), before)[1], before.lengths)

    def ask(self, past: Past, ids: np.ndarray, last: np.ndarray, task: Task) -> np.ndarray:
        """Logits (rows, answers) float32 of questions (rows, width) that follow `past` and end in columns `last`."""
        hidden, _ = self._run(torch.from_numpy(ids), past)
        final = hidden[torch.arange(len(ids)), torch.from_numpy(last)].float()
        return (final[:, None] * self._rows[task]).sum(dim=-1).cpu().numpy()

    @torch.inference_mode()
    def _run(self, ids: torch.Tensor, past: Past) -> tuple[torch.Tensor, list[tuple[torch.Tensor, torch.Tensor]]]:
        """Hidden states of `ids` (rows, width) behind `past`, and all keys and values."""
        rows, width = ids.shape
        held = past.layers[0][0].shape[2] if past.layers else 0
        before = (torch.arange(held) < past.lengths[:, None])[:, None].expand(rows, width, held)
        here = torch.ones(width, width, dtype=torch.bool).tril().expand(rows, width, width)
        found = self._body(
            input_ids=ids.to(self.device),
            attention_mask=torch.cat([before, here], dim=-1)[:, None].to(self.device),
            position_ids=(past.lengths[:, None] + torch.arange(width)).to(self.device),
            past_key_values=DynamicCache(past.layers),
            use_cache=True,
            return_dict=True,
        )
        return found.last_hidden_state, [(layer.keys, layer.values) for layer in found.past_key_values.layers]
