"""Two small markets and their backtests, run once: one where tone moves prices, one where it does not."""

import pytest

from sentfeat.backtest.run import BacktestResult, run_backtest
from sentfeat.config import BacktestSettings
from tests.backtest.synthetic import market

QUICK = BacktestSettings(train_sessions=126, placebos=19, power_draws=8)


@pytest.fixture(scope="session")
def settings() -> BacktestSettings:
    return QUICK


@pytest.fixture(scope="session")
def planted_tables():
    return market(3, securities=20, sessions=420, effect=0.15, price_effect=0.05)


@pytest.fixture(scope="session")
def planted(planted_tables) -> BacktestResult:
    return run_backtest(*planted_tables, QUICK)


@pytest.fixture(scope="session")
def null_tables():
    return market(5, securities=20, sessions=420, effect=0.0, price_effect=0.1)


@pytest.fixture(scope="session")
def null(null_tables) -> BacktestResult:
    return run_backtest(*null_tables, QUICK)
