"""vLLM's offline engine on this CPU, in its own environment (it pins another torch).

`rate` exports the merged network and calls this file with that environment's Python, which imports nothing of ours:

    VLLM_PYTHON benchmarks/vllm_offline.py CHECKPOINT < prompts.json      # prints seconds of the second run
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAYS = "seconds:"
REASON = "not measured: no Python with vLLM given (--vllm PYTHON)"


def rate(network, tokenizer, prompts: list[list[int]], python: Path | None) -> float | str:
    """Texts a second, or why there is no figure; `prompts` are token ids."""
    if python is None:
        return REASON
    with tempfile.TemporaryDirectory() as folder:
        network.save_pretrained(folder, save_original_format=False)
        tokenizer.save_pretrained(folder)
        command = [str(python), __file__, folder]
        env = os.environ | {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1", "PYTHONPATH": ""}
        done = subprocess.run(command, input=json.dumps(prompts), capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        return f"failed: {done.stderr.strip().splitlines()[-1]}"
    told = [line for line in done.stdout.splitlines() if line.startswith(SAYS)]  # among lines of vLLM's own
    return len(prompts) / float(told[-1].split()[-1])


def main() -> None:
    """Seconds to answer all prompts with one greedy token each, once warm."""
    from vllm import LLM, SamplingParams

    prompts = [{"prompt_token_ids": ids} for ids in json.load(sys.stdin)]
    # The second run has the prompts of the first: without its cache. Memory: a share of the machine's, on a CPU too.
    kept = {"max_model_len": 1024, "gpu_memory_utilization": 0.4, "enable_prefix_caching": False}
    model = LLM(model=sys.argv[1], dtype="float32", enforce_eager=True, disable_log_stats=True, **kept)
    greedy = SamplingParams(max_tokens=1, temperature=0)
    for _ in range(2):
        began = time.perf_counter()
        model.generate(prompts, greedy, use_tqdm=False)
        seconds = time.perf_counter() - began
    print(SAYS, seconds)


if __name__ == "__main__":
    main()
