"""A full-precision base folder to the NF4 one that bundles carry: `quantise(source, target)`.

Double-quantised NF4 for the linear layers, fp16 for embeddings and norms (exact to the model: it is trained against
the rounded weights). The adapter has to be trained on the result, never on the source.
"""

import shutil
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, PreTrainedModel

NF4 = BitsAndBytesConfig(
    load_in_4bit=True,
    bnb_4bit_quant_type="nf4",
    bnb_4bit_use_double_quant=True,
    bnb_4bit_compute_dtype=torch.float32,
)
QUANTISATION = "nf4, double quantised; embeddings and norms fp16"


def quantise(source: Path, target: Path) -> None:
    """Write `source` (any Transformers folder or id) as NF4 to `target`, tokenizer included."""
    staged = target.with_name(f"{target.name}.tmp")
    shutil.rmtree(staged, ignore_errors=True)
    model = AutoModelForCausalLM.from_pretrained(
        source, quantization_config=NF4, dtype=torch.float32, device_map={"": "cpu"}, use_safetensors=True
    )
    for parameter in model.parameters():
        if parameter.is_floating_point():
            parameter.data = parameter.data.half()
    model.save_pretrained(staged)
    (staged / "generation_config.json").unlink(missing_ok=True)
    AutoTokenizer.from_pretrained(source).save_pretrained(staged)
    shutil.rmtree(target, ignore_errors=True)
    staged.rename(target)


def load_quantised(folder: Path) -> PreTrainedModel:
    """An NF4 base ready for training: everything that is not quantised in fp32."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, device_map={"": "cpu"})
    for parameter in model.parameters():
        if parameter.is_floating_point():
            parameter.data = parameter.data.float()
    return model
