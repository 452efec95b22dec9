"""The keyword rule for the twelve risk categories: a baseline, and a cue that a bundle's risk head weighs in."""

import hashlib
import json
import re
from collections.abc import Sequence

import numpy as np

from sentfeat.categories import RISKS

KEYWORDS = {
    "litigation_regulatory": r"""
        lawsuits? | litigations? | legal\ proceedings? | legal\ actions? | class\ actions? | plaintiffs? |
        defendants? | sue[sd]? | suing | indict\w* | antitrust | subpoenas? | investigations? | probes? | fine[sd] |
        civil\ penalt\w+ | regulators? | regulations? | regulatory | compliance | non-?compliance | infring\w+ |
        violat\w+ | settlements? | consent\ decree | fda | tax\ authorit\w+""",
    "credit_liquidity": r"""
        indebtedness | leverage | liquidity | covenants? | defaults? | refinanc\w+ | bankruptc\w+ | bankrupt |
        insolven\w+ | chapter\ 11 | going\ concern | credit\ ratings? | downgrade[sd]? | junk | credit\ losses |
        bad\ loans | non-?performing | additional\ (?:capital|financing|funding) | counterpart(?:y|ies) | bailout""",
    "macro_rates_fx": r"""
        recession\w* | inflation\w* | deflation | interest\ rates? | exchange\ rates? | currenc(?:y|ies) |
        economic\ (?:conditions|downturns?|slowdown|uncertainty|growth) | macro-?economic | downturns? |
        unemployment | jobless | stocks | market\ volatility | central\ banks? | debt\ crisis""",
    "demand_competition": r"""
        competit\w+ | competing | compete[sd]? | market\ share | demand | pricing\ pressures? | price\ war |
        loss\ of\ (?:\w+\ ){0,3}customers? | market\ acceptance | consumer\ (?:spending|preferences|tastes|
        confidence) | new\ entrants | sales\ (?:fall|fell|drop|slump|decline)\w*""",
    "supply_chain_inputs": r"""
        suppliers? | supply\ chains? | vendors | raw\ materials? | shortages? | commodity\ (?:prices|costs) |
        (?:fuel|energy|oil|feed|freight|input)\ (?:prices|costs) | sole[-\ ]source\w* | single\ source\w* |
        components? | logistics | contract\ manufacturers?""",
    "operations_product_safety": r"""
        recall(?:s|ed)? | defects? | defective | product\ liability | accidents? | explosions? | fires? | outages? |
        contamina\w+ | injur(?:y|ies) | crash(?:es|ed)? | interruptions? | disruptions? | shutdowns? | halt(?:s|
        ed)? | integrat(?:e|ing|ion) | delays? | clinical\ trials? | safety | errors""",
    "cyber_technology": r"""
        cyber\W?\w* | hack\w* | data\ breach\w* | security\ breach\w* | breach(?:es)?\ of\ security |
        unauthorized\ access | malware | ransomware | viruses | phishing | information\ (?:technology|systems) |
        it\ systems | system\ failures? | data\ (?:privacy|security|protection) | obsole\w+ | technological\ change""",
    "accounting_controls": r"""
        restat(?:e[sd]?|ing|ements?) | material\ weakness\w* | internal\ controls? | disclosure\ controls |
        sarbanes\W?oxley | accounting\ (?:error|fraud|irregularit|scandal|probe)\w* | auditors?\ resign\w* |
        independent\ accountants? | late\ filing | delist\w*""",
    "management_labor": r"""
        key\ (?:personnel|employees|executives|management) | resign(?:s|ed|ation|ing)? | depart(?:s|ed|ures?) |
        steps?\ down | stepping\ down | retire(?:s|d|ment) | strikes? | walkout | work\ stoppages? | labou?r |
        unions? | collective\ bargaining | (?:attract|hire|retain)\w*\ (?:\w+\ ){0,5}(?:personnel|employees|people|
        talent|executives) | layoffs? | job\ cuts | wages?""",
    "geopolitical_trade": r"""
        tariffs? | sanctions? | trade\ (?:war|disputes?|restrictions?|barriers|polic\w+) | embargo\w* |
        export\ (?:controls|restrictions) | war | wars | terror\w+ | geo-?political | political\ \w+ |
        expropriat\w+ | nationali[sz]\w+ | unrest | military | brexit | ukraine | iran""",
    "climate_esg": r"""
        climate | weather | hurricanes? | earthquakes? | floods? | flooding | droughts? | storms? | tsunami |
        emissions? | carbon | greenhouse | natural\ (?:disasters?|catastrophes?) | environmental | sustainab\w+ |
        esg | pollution | oil\ spill | reputation\w*""",
    "guidance_impairment_dilution": r"""
        impair(?:ed|ments?) | write-?(?:downs?|offs?) | writedowns? | goodwill | restructuring | dilut\w+ |
        profit\ warning | (?:cuts?|lowers?|slash\w*)\ (?:\w+\ ){0,3}(?:outlook|forecast|guidance|dividend) |
        net\ loss\w* | (?:stock|share)\ price | anti-?takeover | (?:profit|earnings|revenues?)\ (?:fall|fell|drop|
        decline|decrease)\w* | misses | quarterly\ loss""",
}
"""Words of each category, written down before any text was labelled and fitted to none."""

KEYWORDS_HASH = hashlib.sha256(json.dumps(KEYWORDS).encode()).hexdigest()

_KEYWORDS = [re.compile(rf"\b(?:{KEYWORDS[risk]})\b", re.IGNORECASE | re.VERBOSE) for risk in RISKS]


def keyword_risks(texts: Sequence[str]) -> np.ndarray:
    """(n, 12) bool in the order of RISKS: a category holds where one of its words occurs."""
    return np.array([[words.search(text) is not None for words in _KEYWORDS] for text in texts], dtype=bool).reshape(
        -1, len(RISKS)
    )
