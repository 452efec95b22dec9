"""The twelve risk categories: what the model is asked for, and what the risk columns are named after.

A category holds for a text that states a risk, a threat or an adverse event of that kind for the company or its
securities. A text can have several, or none.
"""

DEFINITIONS = {
    "litigation_regulatory": "Lawsuits, investigations, fines, disputed patents or taxes, laws that bind or change.",
    "credit_liquidity": "Debt, covenants, default, refinancing, ratings, cash needs, or someone's bankruptcy.",
    "macro_rates_fx": "The economy, inflation, interest rates, exchange rates, or markets as a whole.",
    "demand_competition": "Weaker demand, lost customers, competitors, pressure on prices, unsold products.",
    "supply_chain_inputs": "Suppliers, shortages, logistics, or the cost of materials and energy.",
    "operations_product_safety": "Accidents, outages, recalls, defects, delays, failed trials, or failed integration.",
    "cyber_technology": "Breaches of data or systems, failing information technology, or obsolete technology.",
    "accounting_controls": "Restatements, weak internal controls, disputed audits, false books, or late filings.",
    "management_labor": "Departing or missing executives and key people, strikes, hiring, or wages.",
    "geopolitical_trade": "War, terrorism, sanctions, tariffs, expropriation, or political risk abroad.",
    "climate_esg": "Climate, weather, natural catastrophes, environmental liability, or a reputation for conduct.",
    "guidance_impairment_dilution": "A lower outlook, losses, impairments, restructuring, dilution, a falling share.",
}
"""What each category is about, in the order of every array with a risk axis."""

RISKS: tuple[str, ...] = tuple(DEFINITIONS)
