"""From a bundle's files to a network: NF4 base dequantised, adapter merged.

Merging happens in full precision: into NF4 it would cost an error as large as the adapter's effect, and into the
weights from before quantisation even more, for the adapter was trained against the quantised ones.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from sentfeat.errors import BundleError
from sentfeat.score.bundle import Bundle

logger = logging.getLogger(__name__)


def load_tokenizer(bundle: Bundle) -> PreTrainedTokenizerBase:
    """The tokenizer that lies beside the base."""
    return AutoTokenizer.from_pretrained(bundle.base, local_files_only=True, trust_remote_code=False)


def load_network(bundle: Bundle, device: str, dtype: torch.dtype, *, adapter: bool = True) -> Any:
    """Load, dequantise and merge; without `adapter` it is the bare base.

    Raises BundleError if a weight is not finite or the adapter does not fit.
    """
    with _quiet():
        network = AutoModelForCausalLM.from_pretrained(
            bundle.base,
            dtype=torch.float32,
            device_map={"": device},
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
        )
        network = network.dequantize(torch.float32).float()  # the second: what was never quantised lies there in fp16
        if adapter:
            network = _merge(network, bundle)
    broken = [name for name, weight in network.named_parameters() if not torch.isfinite(weight).all()]
    if broken:
        raise BundleError(f"{bundle.path}: weights that are not finite in {', '.join(broken[:3])}; fetch it again")
    return network.to(device=device, dtype=dtype).eval()


def _merge(network: Any, bundle: Bundle) -> Any:
    from peft import PeftModel  # its import pulls in bitsandbytes, which has advice to give

    _untie_head(network)
    try:
        return PeftModel.from_pretrained(network, str(bundle.adapter)).merge_and_unload()
    except (RuntimeError, ValueError) as error:
        raise BundleError(f"{bundle.path}: the adapter does not fit the base: {error}") from error


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
