"""Scoring: prompt (template and labels), bundle (base + adapter + passport), engine (label logits), predictor."""

from sentfeat.config import share_cores

share_cores()
