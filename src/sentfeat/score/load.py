"""From a bundle's files to a network: NF4 base dequantised, adapter merged.

Merging happens in full precision: into NF4 it would cost an error as large as the adapter's effect, and into the
weights from before quantisation even more, for the adapter was trained against the quantised ones.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from sentfeat.errors import BundleError
from sentfeat.score.bundle import ADAPTER_FILES, Bundle

logger = logging.getLogger(__name__)

NF4 = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)
"""The form of the weights that the recipes train adapters on."""


def load_tokenizer(bundle: Bundle) -> PreTrainedTokenizerBase:
    """The tokenizer that lies beside the base. Raises BundleError if it cannot be read."""
    try:
        return AutoTokenizer.from_pretrained(bundle.base, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise BundleError(f"{bundle.base} holds no usable tokenizer: {error}") from error


def load_network(bundle: Bundle, device: str, dtype: torch.dtype, *, adapter: bool = True) -> Any:
    """Load, dequantise and merge; without `adapter` it is the bare base.

    Raises BundleError if a weight is missing or not finite, or the adapter does not fit.
    """
    with _quiet():
        network = _load_base(bundle, device)
        if adapter and bundle.adapter:
            network = _merge(network, bundle.adapter)
    broken = [name for name, weight in network.named_parameters() if not torch.isfinite(weight).all()]
    if broken:
        raise BundleError(f"{bundle.path}: weights that are not finite in {', '.join(broken[:3])}; fetch it again")
    return network.to(device=device, dtype=dtype).eval()


def _load_base(bundle: Bundle, device: str) -> Any:
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            bundle.base,
            dtype=torch.float32,
            device_map={"": device},
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
        network = network.dequantize(torch.float32)
    return network.float()  # what was never quantised lies in NF4 bases in fp16


def _merge(network: Any, adapter: Path) -> Any:
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
        return model.merge_and_unload()
    except (RuntimeError, ValueError, SafetensorError) as error:
        raise BundleError(f"{adapter}: the adapter does not fit the base: {error}") from error


def _untie_head(network: Any) -> None:
    """Give the head its own weights: an adapter on tied embeddings was trained with a head that stays as it is."""
    network.config.tie_word_embeddings = False
    network.lm_head.weight = torch.nn.Parameter(network.lm_head.weight.detach().clone())


def choose_device(device: str | None) -> tuple[str, torch.dtype]:
    """The device to score on and its numeric mode, logged with the reason."""
    if device is None:
        device, reason = ("cuda", "a GPU was found") if torch.cuda.is_available() else ("cpu", "no GPU was found")
    else:
        reason = "asked for"
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    logger.info("scoring on %s (%s) in %s", device, reason, str(dtype).removeprefix("torch."))
    return device, dtype


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
