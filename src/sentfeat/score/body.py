"""The layers of a network, as scoring runs them: read a text, keep its keys and values, put questions behind it.

Two ways to the same numbers. `Decoder` is for merged Llama-like networks (Mistral, Llama) and leaves out what scoring
does not look at: of a text, the last layer but for its keys and values; of a question, the last layer but for its last
token. `HubBody` is for all others and for adapters that are not merged, and runs the network as Transformers does.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import DynamicCache

Kept = tuple[Tensor, Tensor]
"""Keys and values of a layer, (rows, heads, tokens, size)."""

DECODERS = ("mistral", "llama")
STATIC_ROTARY = ("default", "linear", "llama3")
ALIGNMENT = 64  # bytes; what torch's own memory has


@dataclass(frozen=True)
class Past:
    """What stands before: keys and values by layer, and how many of their tokens count, (rows,); or one row for all."""

    layers: list[Kept]
    lengths: Tensor

    def of(self, rows: Tensor) -> "Past":
        """The chosen `rows`."""
        return Past([(keys[rows], values[rows]) for keys, values in self.layers], self.lengths[rows])


class Body(Protocol):
    """What LabelModel needs of a network."""

    def read(self, ids: Tensor, past: Past) -> list[Kept]:
        """Keys and values of `past` and, behind them, of `ids` (rows, width)."""
        ...

    def final(self, ids: Tensor, past: Past, last: Tensor) -> Tensor:
        """The last hidden state (rows, hidden), after the last norm, of `ids` (rows, width) in columns `last`."""
        ...


def body_of(network: Any) -> Body:
    """The quickest body that runs `network` faithfully."""
    return Decoder(network) if Decoder.fits(network) else HubBody(network)


class HubBody:
    """Any causal network of Transformers, with its adapter beside it or without."""

    def __init__(self, network: Any) -> None:
        self._network = network.model

    def read(self, ids: Tensor, past: Past) -> list[Kept]:
        cache = self._run(ids, past).past_key_values
        return [(layer.keys, layer.values) for layer in cache.layers]

    def final(self, ids: Tensor, past: Past, last: Tensor) -> Tensor:
        return self._run(ids, past).last_hidden_state[torch.arange(len(ids), device=ids.device), last]

    @torch.inference_mode()
    def _run(self, ids: Tensor, past: Past) -> Any:
        rows = len(ids)
        kept = [(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1)) for keys, values in past.layers]
        return self._network(
            input_ids=ids,
            attention_mask=visible(past, ids.shape[1]).expand(rows, -1, -1)[:, None],
            position_ids=places(past, ids.shape[1]).expand(rows, -1),
            past_key_values=DynamicCache(kept),
            use_cache=True,
            return_dict=True,
        )


@dataclass(frozen=True)
class Layer:
    """The weights of a layer; projections of the same input are one matrix."""

    norm: Tensor
    query_key_value: Tensor
    out: Tensor
    mlp_norm: Tensor
    gate_up: Tensor
    down: Tensor

    @classmethod
    def of(cls, layer: Any) -> "Layer":
        attention, mlp = layer.self_attn, layer.mlp
        return cls(
            layer.input_layernorm.weight.detach(),
            _fused(attention.q_proj, attention.k_proj, attention.v_proj),
            _aligned(attention.o_proj),
            layer.post_attention_layernorm.weight.detach(),
            _fused(mlp.gate_proj, mlp.up_proj),
            _aligned(mlp.down_proj),
        )


@dataclass(frozen=True)
class View:
    """Where new tokens stand and what they see: rotary angles (rows, width, 1, size / 2) and what is added to
    attention logits, (rows, 1, queries, tokens)."""

    cosine: Tensor
    sine: Tensor
    mask: Tensor


class Decoder:
    """A merged Llama-like network. Its layers' weights are shared with `network`, which stays as usable as it was."""

    def __init__(self, network: Any) -> None:
        config, body = network.config, network.model
        self._layers = [Layer.of(layer) for layer in body.layers]
        self._embedding = body.embed_tokens.weight.detach()
        self._norm = body.norm.weight.detach()
        self._frequencies, self._stretch = body.rotary_emb.inv_freq, body.rotary_emb.attention_scaling
        self._epsilon = config.rms_norm_eps
        self._kept_heads = config.num_key_value_heads
        self._size = body.layers[0].self_attn.head_dim
        self._group = config.num_attention_heads // self._kept_heads

    @staticmethod
    def fits(network: Any) -> bool:
        """Whether `network` is what this class computes: no bias, no window, no adapter beside the weights."""
        config = network.config
        linear = [module for module in network.model.layers.modules() if isinstance(module, torch.nn.Linear)]
        return (
            config.model_type in DECODERS
            and config.hidden_act == "silu"
            and getattr(config, "sliding_window", None) is None
            and config.rope_parameters["rope_type"] in STATIC_ROTARY
            and len(linear) == 7 * len(network.model.layers)
            and all(type(module) is torch.nn.Linear and module.bias is None for module in linear)
        )

    @torch.inference_mode()
    def read(self, ids: Tensor, past: Past) -> list[Kept]:
        states, view, kept = F.embedding(ids, self._embedding), self._view(ids, past), []
        for number, layer in enumerate(self._layers):
            before = past.layers[number] if past.layers else None
            if number == len(self._layers) - 1:
                _, seen = self._project(layer, states, view, before, queries=False)
            else:
                queries, seen = self._project(layer, states, view, before)
                states = self._finish(layer, states, self._attend(queries, seen, view.mask))
            kept.append(seen)
        return kept

    @torch.inference_mode()
    def final(self, ids: Tensor, past: Past, last: Tensor) -> Tensor:
        states, view, rows = F.embedding(ids, self._embedding), self._view(ids, past), torch.arange(len(ids))
        for number, layer in enumerate(self._layers):
            queries, seen = self._project(layer, states, view, past.layers[number] if past.layers else None)
            mask = view.mask
            if number == len(self._layers) - 1:
                queries, states = queries[rows, last][:, None], states[rows, last][:, None]
                mask = mask.expand(len(ids), -1, -1)[rows, last][:, None]
            states = self._finish(layer, states, self._attend(queries, seen, mask))
        return self._normed(states, self._norm)[:, 0]

    def _view(self, ids: Tensor, past: Past) -> View:
        angles = places(past, ids.shape[1])[:, :, None, None].float() * self._frequencies
        hidden = torch.zeros((), dtype=self._norm.dtype, device=ids.device)
        mask = torch.where(visible(past, ids.shape[1]), hidden, -torch.inf)
        kind = self._norm.dtype
        return View((angles.cos() * self._stretch).to(kind), (angles.sin() * self._stretch).to(kind), mask)

    def _project(
        self, layer: Layer, states: Tensor, view: View, before: Kept | None, *, queries: bool = True
    ) -> tuple[Tensor, Kept]:
        """Queries (rows, width, heads, size), of no heads if not wanted, and keys and values behind those before."""
        asked = self._group * self._kept_heads if queries else 0
        whole = layer.query_key_value
        weight = whole if queries else whole[self._group * self._kept_heads * self._size :]
        found = F.linear(self._normed(states, layer.norm), weight).unflatten(-1, (-1, self._size))
        turned = _turned(found[:, :, : asked + self._kept_heads], view)
        keys = turned[:, :, asked:].transpose(1, 2)
        values = found[:, :, asked + self._kept_heads :].transpose(1, 2)
        if before is not None:
            keys, values = _behind(before[0], keys), _behind(before[1], values)
        return turned[:, :, :asked], (keys, values)

    def _attend(self, queries: Tensor, seen: Kept, mask: Tensor) -> Tensor:
        """(rows, width, hidden). Heads that share keys are stacked as further queries, so that nothing is repeated."""
        rows, width = queries.shape[:2]
        stacked = queries.unflatten(2, (self._kept_heads, self._group)).permute(0, 2, 3, 1, 4).flatten(2, 3)
        mask = mask.repeat(1, self._group, 1)[:, None].expand(rows, self._kept_heads, -1, -1)
        mixed = F.scaled_dot_product_attention(stacked, *seen, attn_mask=mask)
        return mixed.unflatten(2, (self._group, width)).permute(0, 3, 1, 2, 4).flatten(2)

    def _finish(self, layer: Layer, states: Tensor, mixed: Tensor) -> Tensor:
        states = states + F.linear(mixed, layer.out)
        gate, up = F.linear(self._normed(states, layer.mlp_norm), layer.gate_up).chunk(2, dim=-1)
        return states.add_(F.linear(F.silu(gate).mul_(up), layer.down))

    def _normed(self, states: Tensor, weight: Tensor) -> Tensor:
        return F.rms_norm(states, weight.shape, weight, self._epsilon)


def places(past: Past, width: int) -> Tensor:
    """Positions (rows, width) of `width` tokens behind `past`."""
    return past.lengths[:, None] + torch.arange(width, device=past.lengths.device)


def visible(past: Past, width: int) -> Tensor:
    """Which tokens each of `width` tokens behind `past` sees, (rows, width, tokens): those before it, but no padding.

    The form is the same with and without padding: other masks would take other kernels and give other last bits.
    """
    device = past.lengths.device
    held = past.layers[0][0].shape[2] if past.layers else 0
    before = (torch.arange(held, device=device) < past.lengths[:, None])[:, None].expand(-1, width, -1)
    here = torch.ones(width, width, dtype=torch.bool, device=device).tril().expand(len(before), -1, -1)
    return torch.cat([before, here], dim=-1)


def _fused(*projections: Any) -> Tensor:
    """The weights below each other; the projections keep views into it, so nothing is held twice."""
    whole = torch.cat([projection.weight.detach() for projection in projections])
    parts = whole.split([len(projection.weight) for projection in projections])
    for projection, part in zip(projections, parts, strict=True):
        projection.weight = torch.nn.Parameter(part, requires_grad=False)
    return whole


def _aligned(projection: Any) -> Tensor:
    """The weight, copied if it begins anywhere in a mapped file: where a matrix begins moves a product's last bits."""
    weight = projection.weight.detach()
    if weight.data_ptr() % ALIGNMENT:
        weight = weight.clone()
        projection.weight = torch.nn.Parameter(weight, requires_grad=False)
    return weight


def _turned(heads: Tensor, view: View) -> Tensor:
    """Rotary positions, Su et al. 2021, in the half-split form of Llama: heads (rows, width, heads, size)."""
    turned = torch.empty_like(heads)
    (first, second), (left, right) = heads.chunk(2, dim=-1), turned.chunk(2, dim=-1)
    torch.mul(first, view.cosine, out=left).addcmul_(second, view.sine, value=-1)
    torch.mul(second, view.cosine, out=right).addcmul_(first, view.sine)
    return turned


def _behind(before: Tensor, new: Tensor) -> Tensor:
    return torch.cat([before.expand(len(new), -1, -1, -1), new], dim=2)
