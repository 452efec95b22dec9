"""The network of a bundle, ready to score: NF4 base dequantised, adapter merged, head cut to the rows of its answers.

Merging happens in full precision: into NF4 it would cost an error as large as the adapter's effect, and into the
weights from before quantisation even more, for the adapter was trained against the quantised ones.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from sentfeat.errors import BundleError
from sentfeat.score.bundle import Bundle
from sentfeat.score.prompt import PromptEncoder, Task

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Past:
    """What reading left behind: keys and values (rows, heads, width, size) layer by layer, and tokens (rows,)."""

    layers: list[tuple[torch.Tensor, torch.Tensor]]
    lengths: torch.Tensor

    def of(self, rows: np.ndarray, lengths: np.ndarray) -> "Past":
        """The chosen `rows`, of which the last part read has `lengths` tokens; what stands behind is hidden."""
        at = torch.from_numpy(rows)
        chosen = [(keys[at.to(keys.device)], values[at.to(keys.device)]) for keys, values in self.layers]
        return Past(chosen, self.lengths[at] + torch.from_numpy(lengths))


class LabelModel:
    """Reads a text once and answers questions about it, each by the logits of its answers' words.

    What all prompts of `encoder` begin with is read here, once. Masks are explicit and have the same form with and
    without padding: with a plain mask of ones, attention would take another kernel and give other last bits.
    """

    def __init__(self, network: Any, encoder: PromptEncoder) -> None:
        head = network.lm_head.weight.detach()
        answer_ids: dict[Task, tuple[int, ...]] = {"sentiment": encoder.label_ids, "risk": encoder.risk_ids}
        self._body = network.model
        self._rows = {task: head[list(ids)].float() for task, ids in answer_ids.items()}
        self.device = head.device
        nothing = Past([], torch.zeros(1, dtype=torch.long))
        begin = torch.tensor([encoder.head_ids])
        self._shared = Past(self._run(begin, nothing)[1], torch.tensor([begin.shape[1]]))

    def read(self, ids: np.ndarray) -> Past:
        """What (rows, width) token ids of texts leave behind; its `lengths` are still those of the shared beginning."""
        before = self._shared.of(np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids), dtype=np.int64))
        return Past(self._run(torch.from_numpy(ids), before)[1], before.lengths)

    def ask(self, past: Past, ids: np.ndarray, last: np.ndarray, task: Task) -> np.ndarray:
        """Logits (rows, answers) float32 of questions (rows, width) that follow `past` and end in columns `last`."""
        hidden, _ = self._run(torch.from_numpy(ids), past)
        final = hidden[torch.arange(len(ids)), torch.from_numpy(last)].float()
        return (final[:, None] * self._rows[task]).sum(dim=-1).cpu().numpy()

    @torch.inference_mode()
    def _run(self, ids: torch.Tensor, past: Past) -> tuple[torch.Tensor, list[tuple[torch.Tensor, torch.Tensor]]]:
        """Hidden states of `ids` (rows, width) behind `past`, and all keys and values."""
        rows, width = ids.shape
        held = past.layers[0][0].shape[2] if past.layers else 0
        before = (torch.arange(held) < past.lengths[:, None])[:, None].expand(rows, width, held)
        here = torch.ones(width, width, dtype=torch.bool).tril().expand(rows, width, width)
        found = self._body(
            input_ids=ids.to(self.device),
            attention_mask=torch.cat([before, here], dim=-1)[:, None].to(self.device),
            position_ids=(past.lengths[:, None] + torch.arange(width)).to(self.device),
            past_key_values=DynamicCache(past.layers),
            use_cache=True,
            return_dict=True,
        )
        return found.last_hidden_state, [(layer.keys, layer.values) for layer in found.past_key_values.layers]


def load_tokenizer(bundle: Bundle) -> PreTrainedTokenizerBase:
    """The tokenizer that lies beside the base."""
    return AutoTokenizer.from_pretrained(bundle.base, local_files_only=True, trust_remote_code=False)


def load_model(
    bundle: Bundle, encoder: PromptEncoder, device: str, dtype: torch.dtype, *, adapter: bool = True
) -> LabelModel:
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
    return LabelModel(network.to(device=device, dtype=dtype).eval(), encoder)


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
