"""Mistral-7B on a GPU, measured: `python -m benchmarks.gpu` (see __main__.py and docs/gpu.md)."""
