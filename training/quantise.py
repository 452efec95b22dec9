"""A full-precision base to the NF4 one that bundles carry: `quantise(source, target)`.

Double-quantised NF4 for the linear layers, fp16 for embeddings and norms (exact to the model: it is trained against
the rounded weights). The adapter has to be trained on the result, never on the source.
"""

import shutil
from pathlib import Path

import torch
from bitsandbytes.nn import Linear4bit
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, PreTrainedModel

from sentfeat.errors import ConfigError
from sentfeat.whole import new_folder

NF4 = BitsAndBytesConfig(
    load_in_4bit=True,
    bnb_4bit_quant_type="nf4",
    bnb_4bit_use_double_quant=True,
    bnb_4bit_compute_dtype=torch.float32,
)
QUANTISATION = "nf4, double quantised; embeddings and norms fp16"


def prepare_base(source: str | Path, target: Path, device: str = "cpu") -> None:
    """Put the NF4 form of `source` (a folder, or an id on the hub) into `target`; a base that is there stays.

    Raises ConfigError if the source cannot be read, or is quantised on the hub already.
    """
    if target.exists():
        return
    try:
        settings = AutoConfig.from_pretrained(source)
    except (OSError, ValueError) as error:
        raise ConfigError(f"base {source!s} is no Transformers folder, and no id the hub gives: {error}") from error
    if not hasattr(settings, "quantization_config"):
        quantise(source, target, device)
    elif Path(source).is_dir():
        with new_folder(target) as staged:
            shutil.copytree(source, staged)
    else:
        raise ConfigError(f"base {source!s} is quantised: give the full-precision model, or a folder it is stored in")


def quantise(source: str | Path, target: Path, device: str = "cpu") -> None:
    """Write `source` (any Transformers folder or id) as NF4 to `target`, tokenizer included."""
    with new_folder(target) as staged:
        model = AutoModelForCausalLM.from_pretrained(
            source, quantization_config=NF4, dtype=torch.float32, device_map={"": device}, use_safetensors=True
        )
        for parameter in model.parameters():
            if parameter.is_floating_point():
                parameter.data = parameter.data.half()
        model.save_pretrained(staged)
        (staged / "generation_config.json").unlink(missing_ok=True)
        AutoTokenizer.from_pretrained(source).save_pretrained(staged)
        shutil.rmtree(target, ignore_errors=True)


def full_precision(folder: Path) -> PreTrainedModel:
    """The model in `folder` with fp32 weights; one that is stored quantised is its rounded self."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if not hasattr(model.config, "quantization_config"):
        return model
    model = model.dequantize()
    fresh = AutoModelForCausalLM.from_config(model.config, dtype=torch.float32)  # the other one cannot be saved
    fresh.load_state_dict(model.state_dict())
    return fresh


def load_quantised(folder: Path, device: str = "cpu", compute: torch.dtype | None = None) -> PreTrainedModel:
    """An NF4 base ready for training: everything that is not quantised in fp32.

    Matrix products run in `compute`, or in the dtype of what goes in, which between layers is fp32.
    """
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, device_map={"": device})
    for parameter in model.parameters():
        if parameter.is_floating_point():
            parameter.data = parameter.data.float()
    for layer in model.modules():
        if isinstance(layer, Linear4bit):
            layer.support_avx512bf16_for_cpu = False  # an evaluation would repack the weights, some widths cannot be
            if compute:
                layer.compute_dtype, layer.compute_type_is_set = compute, True
    return model
