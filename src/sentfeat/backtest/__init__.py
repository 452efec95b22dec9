"""Does the text help a price model? Panel in, verdict out."""

from sentfeat.backtest.report import write_report
from sentfeat.backtest.run import BacktestResult, run_backtest

__all__ = ["BacktestResult", "run_backtest", "write_report"]
