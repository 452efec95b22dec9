"""A bundle as one plain checkpoint that other runtimes can serve: weights merged, safetensors, tokenizer."""

from pathlib import Path

import torch

from sentfeat.errors import BundleError, ConfigError
from sentfeat.score.bundle import Bundle
from sentfeat.score.load import load_network, load_tokenizer
from sentfeat.score.precision import choose_precision
from sentfeat.whole import new_folder

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def export(bundle: Bundle, folder: Path, dtype: str = "bfloat16") -> None:
    """Write the dequantised base with its adapter merged to `folder`, whole or not at all.

    Raises BundleError for a classifier, ConfigError if `folder` is there already or the dtype is unknown.
    """
    if bundle.is_classifier:
        raise BundleError(f"{bundle.path} is a classifier: it is a plain checkpoint as it is")
    if dtype not in DTYPES:
        raise ConfigError(f"no dtype {dtype!r}; there are {', '.join(DTYPES)}")
    if folder.exists():
        raise ConfigError(f"{folder} is there already; name a new folder, or remove it")
    network = load_network(bundle, choose_precision(bundle.base, merge=True)).to(DTYPES[dtype])
    network.config.dtype = DTYPES[dtype]
    with new_folder(folder) as staged:
        network.save_pretrained(staged, save_original_format=False)
        load_tokenizer(bundle).save_pretrained(staged)
