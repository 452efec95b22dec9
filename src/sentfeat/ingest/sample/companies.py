"""The companies of the sample market: invented names, in six sectors, with the words that belong to each sector."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from sentfeat.errors import ConfigError

FIRST_CIK = 9_000_001  # far above every number that the SEC has given out
FEWEST = 4
LISTED_AT, DELISTED_AT = 0.45, 0.80  # of the period: one company joins late, one leaves early


class Company(NamedTuple):
    """What a company is called."""

    name: str
    ticker: str
    short: str


class Sector(NamedTuple):
    """A sector's companies and vocabulary, all for filling the slots of a text."""

    companies: tuple[Company, ...]
    products: tuple[str, ...]
    inputs: tuple[str, ...]
    regulator: str


SECTORS = {
    "Technology": Sector(
        (
            Company("Quandrix Systems", "QNDX", "Quandrix"),
            Company("Velmora Software", "VELM", "Velmora"),
            Company("Tessolyne Networks", "TSSO", "Tessolyne"),
            Company("Oxbrindle Semiconductor", "OXBD", "Oxbrindle"),
            Company("Harkelume Data", "HKLU", "Harkelume"),
        ),
        ("cloud storage", "data center chips", "network switches", "payroll software", "security software", "servers"),
        ("memory chips", "substrates", "contract manufacturing", "rare earths"),
        "the competition authority",
    ),
    "Health Care": Sector(
        (
            Company("Merrowyn Medical", "MWYN", "Merrowyn"),
            Company("Palvexis Pharma", "PLVX", "Palvexis"),
            Company("Ardenquill Health", "ADQH", "Ardenquill"),
            Company("Zynthorra Biologics", "ZYTH", "Zynthorra"),
            Company("Corvessane Diagnostics", "CVSN", "Corvessane"),
        ),
        ("asthma drug", "heart valve", "migraine treatment", "insulin pump", "cancer therapy", "blood test"),
        ("active ingredients", "clinical-trial services", "sterile packaging", "lab reagents"),
        "the drug regulator",
    ),
    "Financials": Sector(
        (
            Company("Brackenholt Bancorp", "BKHB", "Brackenholt"),
            Company("Lindovale Financial", "LDVF", "Lindovale"),
            Company("Castermoor Insurance", "CMOR", "Castermoor"),
            Company("Wexhallow Capital", "WXHC", "Wexhallow"),
            Company("Dunmarrow Trust", "DMRW", "Dunmarrow"),
        ),
        ("credit cards", "home loans", "auto insurance", "wealth management", "trading", "small-business lending"),
        ("wholesale funding", "reinsurance", "payment processing", "deposits"),
        "the banking supervisor",
    ),
    "Industrials": Sector(
        (
            Company("Ironquay Industries", "IQYI", "Ironquay"),
            Company("Stavenridge Aerospace", "STVR", "Stavenridge"),
            Company("Hollinmoor Machinery", "HLMM", "Hollinmoor"),
            Company("Gantrelle Logistics", "GTRL", "Gantrelle"),
            Company("Pellwarth Rail", "PLWR", "Pellwarth"),
        ),
        ("jet engine parts", "excavators", "freight services", "turbine blades", "factory robots", "rail cars"),
        ("steel", "aluminum forgings", "diesel", "electronic components"),
        "the safety board",
    ),
    "Consumer": Sector(
        (
            Company("Marlowisp Foods", "MWSP", "Marlowisp"),
            Company("Fernabury Stores", "FNBY", "Fernabury"),
            Company("Tovelline Apparel", "TVLN", "Tovelline"),
            Company("Quillaby Beverage", "QLBY", "Quillaby"),
            Company("Osterpine Home", "OSTP", "Osterpine"),
        ),
        ("frozen meals", "running shoes", "energy drinks", "grocery delivery", "kitchen appliances", "winter coats"),
        ("cocoa", "cotton", "packaging", "seasonal labor"),
        "the consumer protection agency",
    ),
    "Energy": Sector(
        (
            Company("Calderweft Energy", "CWFT", "Calderweft"),
            Company("Norrhaven Oil", "NRHV", "Norrhaven"),
            Company("Sabrecombe Gas", "SBCG", "Sabrecombe"),
            Company("Vastermere Power", "VSMP", "Vastermere"),
            Company("Emberlough Solar", "EMBL", "Emberlough"),
        ),
        ("crude output", "gas pipelines", "wind farms", "refined fuels", "power contracts", "liquefied gas"),
        ("drilling services", "transformers", "steel pipe", "charter vessels"),
        "the energy commission",
    ),
}


def universe(count: int, days: pd.DatetimeIndex) -> pd.DataFrame:
    """The first `count` companies, sectors in turn, as a frame with the columns of tables.UNIVERSE.

    The row number is the company's number everywhere in this package. Raises ConfigError if there are not that many.
    """
    most = sum(len(sector.companies) for sector in SECTORS.values())
    if not FEWEST <= count <= most:
        raise ConfigError(f"the sample market has {FEWEST} to {most} companies, got companies = {count}")
    ranks = zip(*([(name, company) for company in sector.companies] for name, sector in SECTORS.items()), strict=True)
    chosen = [pair for rank in ranks for pair in rank][:count]
    ciks = [FIRST_CIK + number for number in range(count)]
    frame = pd.DataFrame(
        {
            "security_id": [f"{cik}-A" for cik in ciks],
            "ticker": [company.ticker for _, company in chosen],
            "name": [company.name for _, company in chosen],
            "aliases": [f"{company.short}|{company.name} Inc" for _, company in chosen],
            "sector": [sector for sector, _ in chosen],
            "cik": ciks,
            "valid_from": days[0],
            "valid_to": pd.NaT,
        }
    ).astype({"valid_from": "datetime64[us]", "valid_to": "datetime64[us]"})
    frame.loc[count // 3, "valid_from"] = days[int(LISTED_AT * len(days))]
    frame.loc[2 * count // 3, "valid_to"] = days[int(DELISTED_AT * len(days))]
    return frame


def short_names(universe: pd.DataFrame) -> list[str]:
    """What each company is mostly called: its first alias."""
    return [aliases.split("|")[0] for aliases in universe["aliases"]]


def listed(universe: pd.DataFrame, days: pd.DatetimeIndex) -> np.ndarray:
    """Whether a company is listed on a day: bool, days x companies."""
    day = days.to_numpy()[:, None]
    last = universe["valid_to"].fillna(days[-1]).to_numpy()
    return (day >= universe["valid_from"].to_numpy()) & (day <= last)
