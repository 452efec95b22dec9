import subprocess
import sys

import numpy as np
import pytest

from sentfeat.categories import DEFINITIONS, RISKS
from sentfeat.score.risks import KEYWORDS, keyword_risks


def named(text):
    return {risk for risk, holds in zip(RISKS, keyword_risks([text])[0], strict=True) if holds}


def test_the_order_of_the_categories_is_the_one_that_stored_tables_have():
    assert RISKS == (
        "litigation_regulatory",
        "credit_liquidity",
        "macro_rates_fx",
        "demand_competition",
        "supply_chain_inputs",
        "operations_product_safety",
        "cyber_technology",
        "accounting_controls",
        "management_labor",
        "geopolitical_trade",
        "climate_esg",
        "guidance_impairment_dilution",
    )
    assert tuple(KEYWORDS) == tuple(DEFINITIONS) == RISKS


@pytest.mark.parametrize(
    ("text", "risk"),
    [
        ("Shareholders filed a class action lawsuit.", "litigation_regulatory"),
        ("We may be unable to refinance our indebtedness.", "credit_liquidity"),
        ("A recession would hurt us.", "macro_rates_fx"),
        ("Our competitors cut prices and won market share.", "demand_competition"),
        ("We buy the chips from a sole-source supplier.", "supply_chain_inputs"),
        ("Toyota recalls two million cars", "operations_product_safety"),
        ("Hackers stole customer records.", "cyber_technology"),
        ("We found a material weakness.", "accounting_controls"),
        ("CFO steps down", "management_labor"),
        ("New tariffs on steel", "geopolitical_trade"),
        ("A hurricane closed the port.", "climate_esg"),
        ("Acme cuts 2012 profit outlook", "guidance_impairment_dilution"),
    ],
)
def test_a_plain_statement_of_a_risk_is_found_as_that_risk_alone(text, risk):
    assert named(text) == {risk}


def test_a_text_can_name_several_risks_or_none():
    assert named("After the cyberattack the CFO resigned.") == {"cyber_technology", "management_labor"}
    assert named("The company owns three office buildings in Ohio.") == set()


def test_words_count_whole_and_in_any_case():
    assert named("SANCTIONS on banks") == {"geopolitical_trade"}
    assert named("The firewall is sound.") == set()  # neither fire nor war


def test_one_row_a_text_also_for_no_text_at_all():
    assert keyword_risks(["", "CFO resigns"]).shape == (2, 12)
    empty = keyword_risks([])
    assert empty.shape == (0, 12)
    assert empty.dtype == np.bool_


def test_the_baseline_needs_no_torch():
    code = "import sys, sentfeat.score.risks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
