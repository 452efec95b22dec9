"""vLLM's offline engine on this CPU, in its own environment (it pins another torch).

`rate` exports the merged network and calls this file with that environment's Python, which imports nothing of ours:

    VLLM_PYTHON benchmarks/vllm_offline.py CHECKPOINT < prompts.json      # prints seconds of the second run
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REASON = "not measured: no Python with vLLM given (--vllm PYTHON)"


def rate(network, tokenizer, prompts: list[list[int]], python: Path | None) -> float | str:
    """Texts a second, or why there is no figure; `prompts` are token ids."""
    if python is None:
        return REASON
    with tempfile.TemporaryDirectory() as folder:
        network.save_pretrained(folder, save_original_format=False)
        tokenizer.save_pretrained(folder)
        command = [str(python), __file__, folder]
        done = subprocess.run(command, input=json.dumps(prompts), capture_output=True, text=True, check=False)
    if done.returncode:
        return f"failed: {done.stderr.strip().splitlines()[-1]}"
    return len(prompts) / float(done.stdout.strip().splitlines()[-1])


def main() -> None:
    """Seconds to answer all prompts with one greedy token each, once warm."""
    from vllm import LLM, SamplingParams

    prompts = [{"prompt_token_ids": ids} for ids in json.load(sys.stdin)]
    model = LLM(model=sys.argv[1], dtype="float32", max_model_len=1024, disable_log_stats=True)
    greedy = SamplingParams(max_tokens=1, temperature=0)
    for _ in range(2):
        began = time.perf_counter()
        model.generate(prompts, greedy, use_tqdm=False)
        seconds = time.perf_counter() - began
    print(seconds)


if __name__ == "__main__":
    main()
