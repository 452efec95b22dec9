"""What must hold in a training: no answer is lost, losses and weights are finite, every trained tensor moves."""

from itertools import chain

import torch
from datasets import Dataset
from transformers import Trainer

from sentfeat.errors import DataError

Weights = dict[str, torch.Tensor]


class FiniteLoss(Trainer):
    """A trainer that stops at the first loss that is no number; mix it in before the trainer proper."""

    def training_step(self, *args, **kwargs) -> torch.Tensor:
        loss = super().training_step(*args, **kwargs)
        if not torch.isfinite(loss).all():
            raise DataError(
                f"the loss became {loss.item()} at step {self.state.global_step + 1}; lower the learning rate, and "
                f"resume from the last checkpoint in {self.args.output_dir} or delete that folder"
            )
        return loss


def trainable(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """The weights that training may change, by name."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def copied(weights: Weights) -> Weights:
    return {name: weight.detach().clone() for name, weight in weights.items()}


def check_learnt(prepared: Dataset, given: Dataset) -> None:
    """Raises DataError unless all answer tokens of `given` are under the loss in what TRL made of it."""
    learnt = sum(label != -100 for label in chain.from_iterable(prepared["labels"]))
    expected = sum(chain.from_iterable(given["completion_mask"]))
    if learnt != expected or learnt == 0:
        raise DataError(
            f"{learnt} tokens are under the loss, but the answers have {expected}; were rows cut or dropped?"
        )


def check_finite(weights: Weights) -> None:
    """Raises DataError naming tensors with NaN or infinity."""
    broken = [name for name, weight in weights.items() if not torch.isfinite(weight).all()]
    if broken:
        raise DataError(f"weights that are not finite after training: {broken[:3]}; lower the learning rate")


def check_moved(before: Weights, after: Weights) -> None:
    """Raises DataError if a trained tensor is what it was before."""
    still = [name for name, weight in after.items() if torch.equal(weight, before[name])]
    if still:
        raise DataError(f"{len(still)} of {len(after)} trained tensors did not move, {still[0]} for one")
