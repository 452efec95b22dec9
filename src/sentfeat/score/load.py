"""From a bundle's files to a network: NF4 base dequantised and adapter merged, or both as they are.

An adapter is merged into the dequantised weights, against which it was trained: into NF4 it would cost an error as
large as the adapter's effect, and into the weights from before quantisation even more.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from sentfeat.errors import BundleError
from sentfeat.score.bundle import ADAPTER_FILES, Bundle
from sentfeat.score.precision import Precision
from sentfeat.whole import new_folder

logger = logging.getLogger(__name__)

NF4 = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)
"""The form of the weights that the recipes train adapters on."""


def load_tokenizer(bundle: Bundle) -> PreTrainedTokenizerBase:
    """The tokenizer that lies beside the base. Raises BundleError if it cannot be read."""
    try:
        return AutoTokenizer.from_pretrained(bundle.base, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise BundleError(f"{bundle.base} holds no usable tokenizer: {error}") from error


def load_network(bundle: Bundle, precision: Precision, cache: Path | None = None) -> Any:
    """The network in the form that `precision` says; merged ones are kept in, and taken from, the folder `cache`.

    Raises BundleError if a weight is missing or not finite, or the adapter does not fit.
    """
    kept = cache / bundle.model_id(precision.mode) if cache and precision.merged else None
    if kept and kept.exists():
        bundle = replace(bundle, base=kept, adapter=None, quantise=False)
    with _quiet():
        network = _load_base(bundle, precision)
        if bundle.adapter:
            network = _cast(_adapt(network, bundle.adapter, precision), precision.dtype)
    broken = [name for name, weight in network.named_parameters() if not torch.isfinite(weight).all()]
    if broken:
        raise BundleError(f"{bundle.path}: weights that are not finite in {', '.join(broken[:3])}; fetch it again")
    if kept and not kept.exists():
        _keep(network, kept)
    return network.eval()


def _load_base(bundle: Bundle, precision: Precision) -> Any:
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            bundle.base,
            dtype=precision.dtype,
            device_map={"": precision.device},
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
            **({"quantization_config": NF4} if bundle.quantise else {}),
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise BundleError(f"{bundle.base} holds no usable causal language model: {error}") from error
    network, found = loaded
    if lacking := sorted({*found["missing_keys"], *found["mismatched_keys"]}):
        raise BundleError(f"{bundle.base}: the weights {', '.join(map(str, lacking[:3]))} are missing or misshapen")
    if getattr(network, "is_quantized", False):
        network = network.dequantize(precision.dtype) if precision.merged else _computing(network, precision.dtype)
    return _cast(network, precision.dtype)  # what was never quantised lies in NF4 bases in fp16


def _cast(network: Any, dtype: torch.dtype) -> Any:
    for weight in network.parameters():
        if weight.is_floating_point():  # NF4 weights are bytes
            weight.data = weight.data.to(dtype)
    return network


def _computing(network: Any, dtype: torch.dtype) -> Any:
    """Have the NF4 layers multiply in `dtype`, whatever the config says."""
    from bitsandbytes.nn import Linear4bit

    for layer in network.modules():
        if isinstance(layer, Linear4bit):
            layer.compute_dtype, layer.compute_type_is_set = dtype, True
            layer.support_avx512bf16_for_cpu = False  # would repack the weights for a kernel that some widths break
    return network


def _adapt(network: Any, adapter: Path, precision: Precision) -> Any:
    from peft import PeftModel, get_peft_model_state_dict  # its import pulls in bitsandbytes, which has advice to give

    _untie_head(network)
    try:
        with safe_open(adapter / ADAPTER_FILES[1], "pt") as file:
            names = file.keys()
            given = {name for name in names if "lora_" in name}
        model = PeftModel.from_pretrained(network, str(adapter))
        wanted = {name for name in get_peft_model_state_dict(model, save_embedding_layers=False) if "lora_" in name}
        if odd := sorted(given ^ wanted):  # peft itself would go on, with weights as they were before training
            raise BundleError(
                f"{adapter}: {len(wanted - given)} weights are missing and {len(given - wanted)} belong to nothing in "
                f"this base, such as {odd[0]}; it was trained on another base, or is damaged"
            )
        return model.merge_and_unload() if precision.merged else _beside(model)
    except (RuntimeError, ValueError, SafetensorError) as error:
        raise BundleError(f"{adapter}: the adapter does not fit the base: {error}") from error


def _beside(model: Any) -> Any:
    """The network with its adapter's layers beside its own; an adapted head is merged, for its rows are needed."""
    network = model.get_base_model()
    if hasattr(network.lm_head, "get_base_layer"):
        network.lm_head.merge()
        network.lm_head = network.lm_head.get_base_layer()
    return network


def _keep(network: Any, kept: Path) -> None:
    with new_folder(kept) as staged:
        network.save_pretrained(staged, save_original_format=False)  # as they are now, not as NF4 once more


def _untie_head(network: Any) -> None:
    """Give the head its own weights: an adapter on tied embeddings was trained with a head that stays as it is."""
    network.config.tie_word_embeddings = False
    network.lm_head.weight = torch.nn.Parameter(network.lm_head.weight.detach().clone())


@contextmanager
def _quiet() -> Iterator[None]:
    """Libraries keep to errors meanwhile: their bars and advice are about choices that this module makes on purpose."""
    others = logging.getLogger("bitsandbytes")
    levels = transformers_logging.get_verbosity(), others.level
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    others.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        transformers_logging.set_verbosity(levels[0])
        others.setLevel(levels[1])
        if bars:
            transformers_logging.enable_progress_bar()
