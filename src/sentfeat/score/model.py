"""A network ready to score: it reads a text once, and its head is cut to the rows of the answers."""

from typing import Any

import numpy as np
import torch

from sentfeat.score.body import Past, body_of
from sentfeat.score.prompt import PromptEncoder, Task


class LabelModel:
    """Reads a text once and answers questions about it, each by the logits of its answers' words.

    What all prompts of `encoder` begin with is read here, once, and stands before every text.
    """

    def __init__(self, network: Any, encoder: PromptEncoder) -> None:
        head = network.lm_head.weight.detach()
        answer_ids: dict[Task, tuple[int, ...]] = {"sentiment": encoder.label_ids, "risk": encoder.risk_ids}
        self.network = network
        self.device = head.device
        self._body = body_of(network)
        self._rows = {task: head[list(ids)].float() for task, ids in answer_ids.items()}
        self._spelled = encoder.label_words if encoder.labels_share_ids else ()
        self._shared = Past([], torch.zeros(1, dtype=torch.long, device=self.device))
        if encoder.head_ids:
            self._shared = self.read(np.array([encoder.head_ids]), np.array([len(encoder.head_ids)]))

    def read(self, ids: np.ndarray, lengths: np.ndarray) -> Past:
        """What texts leave behind: token ids (rows, width), of which each row's first `lengths` (rows,) count."""
        kept = self._body.read(self._there(ids), self._shared)
        return Past(kept, self._shared.lengths + self._there(lengths))

    def ask(self, past: Past, rows: np.ndarray, ids: np.ndarray, last: np.ndarray, task: Task) -> np.ndarray:
        """Logits (rows, answers) float32 of questions (rows, width), each behind its row of `past` and ending in its
        column of `last`."""
        if not np.array_equal(rows, np.arange(len(past.lengths))):  # as most often: one question about each text
            past = past.of(self._there(rows))
        if task == "sentiment" and self._spelled:
            return self._ask_whole_words(past, ids, last)
        final = self._body.final(self._there(ids), past, self._there(last)).float()
        return (final[:, None] * self._rows[task]).sum(dim=-1).cpu().numpy()

    @torch.inference_mode()
    def _ask_whole_words(self, past: Past, ids: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Log-probabilities (rows, labels) of labels of several tokens: each token's, behind the ones before it."""
        found = np.zeros((len(ids), len(self._spelled)), dtype=np.float32)
        for begin in sorted({word[:at] for word in self._spelled for at in range(len(word))}):
            longer = np.pad(ids, ((0, 0), (0, len(begin))))
            for at, token in enumerate(begin, 1):
                longer[np.arange(len(ids)), last + at] = token
            final = self._body.final(self._there(longer), past, self._there(last + len(begin))).float()
            chances = (final @ self.network.lm_head.weight.float().T).log_softmax(dim=-1).cpu().numpy()
            for label, word in enumerate(self._spelled):
                if word[: len(begin)] == begin and len(word) > len(begin):
                    found[:, label] += chances[:, word[len(begin)]]
        return found

    def _there(self, numbers: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(numbers).to(self.device, non_blocking=True)
