"""sentfeat: point-in-time sentiment features from financial text, one row per ticker and session.

Reading tables needs pandas and pyarrow only; torch is imported when something is scored.
"""

from importlib import import_module

__version__ = "0.1.0"

_PUBLIC = {
    "read_features": "sentfeat.reader",
    "read_table": "sentfeat.reader",
    "SentimentPredictor": "sentfeat.score.predictor",
}
__all__ = ["SentimentPredictor", "__version__", "read_features", "read_table"]


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'sentfeat' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)
