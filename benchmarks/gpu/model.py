"""A model of a given shape from nothing: random NF4 weights written layer by layer, an adapter, a tokenizer."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import torch
from bitsandbytes.nn import Linear4bit, Params4bit
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import MistralConfig, PreTrainedTokenizerFast
from transformers.models.mistral.modeling_mistral import MistralDecoderLayer

from benchmarks.gpu.shapes import ATTENTION, Shape
from sentfeat.categories import RISKS
from sentfeat.score.bundle import Bundle, RiskHead
from sentfeat.score.find import find_model
from sentfeat.score.load import NF4, load_network
from sentfeat.score.precision import Precision
from sentfeat.score.prompt import MISTRAL_INSTRUCT

WORDS = (
    "profit rises falls beats misses Acme Globex holds meeting shares of outlook for quarter after strike deal".split()
)


def make_model(shape: Shape, folder: Path, device: str) -> Bundle:
    """The model in `folder`, as one finds any base with any adapter; with a risk head, as its template can ask."""
    config = MistralConfig(**shape.config, quantization_config=NF4.to_dict())
    _write_base(config, folder / "base", device)
    _tokenizer().save_pretrained(folder / "base")
    bundle = find_model(folder / "base", template=MISTRAL_INSTRUCT.name)
    precision = Precision(device, torch.bfloat16, False, "to put an adapter on")
    settings = LoraConfig(r=16, lora_alpha=32, target_modules=list(ATTENTION), init_lora_weights=False)
    get_peft_model(load_network(bundle, precision), settings).save_pretrained(folder / "adapter")
    bundle = find_model(folder / "base", adapter=folder / "adapter", template=MISTRAL_INSTRUCT.name)
    ones = (1.0,) * len(RISKS)
    head = RiskHead(RISKS, MISTRAL_INSTRUCT.risk_words, scale=ones, offset=ones, thresholds=ones)
    return replace(bundle, passport=msgspec.structs.replace(bundle.passport, risk=head))


def texts_of(count: int, tokens: int) -> list[str]:
    """Distinct texts of about `tokens` tokens each."""
    generator = torch.Generator().manual_seed(0)
    picked = torch.randint(len(WORDS), (count, tokens), generator=generator)
    return [" ".join(WORDS[at] for at in row) for row in picked.tolist()]


def linear_parameters(network) -> int:
    """Weights that every token is multiplied with: all but embeddings, norms and the head."""
    config = network.config
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    attention = 2 * config.hidden_size * size * (config.num_attention_heads + config.num_key_value_heads)
    return config.num_hidden_layers * (attention + 3 * config.hidden_size * config.intermediate_size)


def _write_base(config: MistralConfig, folder: Path, device: str) -> None:
    """One file a layer, so that no more than a layer is ever held in full precision."""
    folder.mkdir(parents=True)
    places: dict[str, str] = {}
    torch.manual_seed(0)

    def write(name: str, tensors: dict[str, torch.Tensor]) -> None:
        save_file({key: tensor.cpu().contiguous() for key, tensor in tensors.items()}, folder / name, {"format": "pt"})
        places.update(dict.fromkeys(tensors, name))

    for number in range(config.num_hidden_layers):
        with torch.device(device):
            layer = MistralDecoderLayer(config, number).half()
        for name, module in list(layer.named_modules()):
            if isinstance(module, torch.nn.Linear):
                layer.set_submodule(name, _nf4(module, device))
        write(f"model-{number:02}.safetensors", layer.state_dict(prefix=f"model.layers.{number}."))
    wide = {
        name: torch.randn(config.vocab_size, config.hidden_size, device=device).mul_(0.02).half()
        for name in ("model.embed_tokens.weight", "lm_head.weight")
    }
    write("model-rest.safetensors", wide | {"model.norm.weight": torch.ones(config.hidden_size).half()})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    config.architectures = ["MistralForCausalLM"]
    config.save_pretrained(folder)


def _nf4(module: torch.nn.Linear, device: str) -> Linear4bit:
    quantised = Linear4bit(module.in_features, module.out_features, bias=False, quant_type="nf4", device="meta")
    weight = Params4bit(module.weight.data, requires_grad=False, quant_type="nf4", module=quantised)
    quantised.weight = weight.to(device)
    return quantised


def _tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level, with each word of texts and template as a token, as real ones mostly have them."""
    template = MISTRAL_INSTRUCT
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<unk>", "<s>", "</s>", *template.controls]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=special, initial_alphabet=alphabet)
    asked = (template.instruction, template.ask(), template.ask(task="risk"), *template.words, *template.risk_words)
    tokenizer.train_from_iterator([f"{''.join(asked)} {' '.join(WORDS)}"] * 50, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
