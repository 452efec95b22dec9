"""The loss that the engine's scores imply: over the answer words alone, at the one position that is asked.

The whole vocabulary would cost as much as a layer of a small model and teach nothing more, other words being never
scored. Sentiment is one of three words, a softmax; each of twelve risks holds or not, a sigmoid each. A batch may have
both.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from sentfeat.categories import RISKS
from sentfeat.score.prompt import LABELS, PromptEncoder
from training.guards import FiniteLoss


class LabelTrainer(FiniteLoss):
    """A trainer for `training.label_rows`; its evaluation gives the loss alone.

    Matrix products run in half precision (bf16 on a CPU too, where it is faster); weights and logits stay fp32.
    """

    loss_is_scaled_for_ga = False  # it is the mean over a micro-batch

    def __init__(self, *, encoder: PromptEncoder, token_dropout: float, **trainer: Any) -> None:
        super().__init__(data_collator=collate, **trainer)
        self.answer_ids = torch.tensor([*encoder.label_ids, *encoder.risk_ids], device=self.args.device)
        self.token_dropout = token_dropout

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        ids = self.hide_tokens(inputs["input_ids"]) if model.training else inputs["input_ids"]
        network = self.accelerator.unwrap_model(model).get_base_model()
        half = torch.float16 if self.args.fp16 else torch.bfloat16
        with torch.autocast(self.args.device.type, dtype=half):
            hidden = network.model(ids, use_cache=False).last_hidden_state
        asked = hidden[torch.arange(len(ids), device=ids.device), inputs["last"]]
        logits = asked.float() @ network.lm_head.weight[self.answer_ids].float().T
        losses = answer_losses(logits, inputs["targets"], inputs["is_risk"])
        loss = (losses * inputs["weight"]).mean()
        return (loss, {"logits": logits}) if return_outputs else loss

    def prediction_step(self, model, inputs, prediction_loss_only, ignore_keys=None):
        with torch.no_grad():
            return self.compute_loss(model, self._prepare_inputs(inputs)), None, None

    def hide_tokens(self, ids: torch.Tensor) -> torch.Tensor:
        """The ids with some replaced by the unknown token."""
        hidden = torch.rand(ids.shape, device=ids.device) < self.token_dropout
        return ids.masked_fill(hidden, self.processing_class.unk_token_id or 0)


def answer_losses(logits: torch.Tensor, targets: torch.Tensor, is_risk: torch.Tensor) -> torch.Tensor:
    """Loss of each row, (n,) in nats: cross-entropy over LABELS, or binary cross-entropies over RISKS, summed.

    `logits` and `targets` are (n, 3 + 12), the columns of the other task unused; (n, 3) where no risks are asked.
    """
    risk, sentiment = is_risk, ~is_risk
    labels = slice(0, len(LABELS))
    losses = torch.zeros_like(logits[:, 0])
    losses[sentiment] = cross_entropy(logits[sentiment, labels], targets[sentiment, labels], reduction="none")
    if risk.any():
        risks = slice(len(LABELS), len(LABELS) + len(RISKS))
        each = binary_cross_entropy_with_logits(logits[risk, risks], targets[risk, risks], reduction="none")
        losses[risk] = each.sum(dim=1)
    return losses


def collate(rows: Sequence[dict]) -> dict[str, torch.Tensor]:
    """A batch, padded on the right: no mask is needed, for no token sees what comes after it."""
    ids = [torch.tensor(row["input_ids"]) for row in rows]
    targets = torch.zeros(len(rows), len(LABELS) + len(RISKS))
    for at, row in enumerate(rows):
        start = 0 if len(row["targets"]) == len(LABELS) else len(LABELS)
        targets[at, start : start + len(row["targets"])] = torch.tensor(row["targets"])
    return {
        "input_ids": torch.nn.utils.rnn.pad_sequence(ids, batch_first=True),
        "last": torch.tensor([len(row) - 1 for row in ids]),
        "targets": targets,
        "is_risk": torch.tensor([len(row["targets"]) == len(RISKS) for row in rows]),
        "weight": torch.tensor([row["weight"] for row in rows]),
    }
