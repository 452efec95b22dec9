"""The run that SFT and DPO share: resumed from its last checkpoint, guarded, and kept as plain peft files."""

import json
import logging
from pathlib import Path

from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import EarlyStoppingCallback, Trainer

from sentfeat.score.bundle import hash_files
from sentfeat.whole import new_folder
from training.guards import Weights, check_finite, check_moved, trainable

logger = logging.getLogger(__name__)


def fit(trainer: Trainer, start: Weights, patience: int, out: Path) -> None:
    """Train from the weights `start`, in fp32, until the end or until the validation loss stops falling.

    TRL has cast the adapter to bf16 by now, where small steps are lost and an SFT's weights rounded. Raises DataError
    if a loss or a weight is not finite, or a trained tensor has not moved. The curve goes to out/curve.json.
    """
    for name, weight in trainable(trainer.model).items():
        weight.data = start[name].clone()
    if patience:
        trainer.add_callback(EarlyStoppingCallback(patience))
    last = last_checkpoint(out / "checkpoints")
    if last:
        logger.info("resuming from %s", last.name)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    trained = trainable(trainer.model)
    check_finite(trained)
    check_moved(start, trained)
    (out / "curve.json").write_text(json.dumps(trainer.state.log_history))


def last_checkpoint(folder: Path) -> Path | None:
    """The newest finished checkpoint: the trainer writes its state last."""
    finished = [state.parent for state in folder.glob("checkpoint-*/trainer_state.json")]
    return max(finished, key=lambda checkpoint: int(checkpoint.name.split("-")[1]), default=None)


def save_adapter(model: PeftModel, target: Path) -> None:
    """Plain peft files, in fp16 to keep them small; the base is named relative to the bundle, not to this machine."""
    with new_folder(target) as staged:
        model.save_pretrained(
            staged, save_embedding_layers=False, selected_adapters=["default"]
        )  # the base has the former
        weights = load_file(staged / "adapter_model.safetensors")
        halved = {name: weight.half() for name, weight in weights.items()}
        check_finite(halved)
        save_file(halved, staged / "adapter_model.safetensors", metadata={"format": "pt"})
        settings = json.loads((staged / "adapter_config.json").read_text())
        settings |= {"base_model_name_or_path": "base", "target_modules": sorted(settings["target_modules"])}
        (staged / "adapter_config.json").write_text(json.dumps(settings, indent=2))
        (staged / "README.md").unlink(missing_ok=True)
        logger.info("adapter %s", hash_files(staged, ("adapter_model.safetensors",))[:12])
