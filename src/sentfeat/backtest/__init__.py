"""Does the text help a price model? Two tables in, a verdict out."""

from sentfeat.backtest.experiment import BacktestResult, Context, run
from sentfeat.backtest.report import write_report

__all__ = ["BacktestResult", "Context", "run", "write_report"]
