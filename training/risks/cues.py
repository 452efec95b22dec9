"""Precise cues of the risk categories, from which silver labels are made.

In a filing a sentence counts for a category if it names a subject of it together with harm, in either order, or if a
heading or a whole phrase leaves no doubt (`DECISIVE`). In a headline only a phrase that is an event in itself counts.
None of this is the keyword rule of sentfeat.score.risks, where a single word is enough.
"""

import re

from sentfeat.categories import RISKS

BOILERPLATE = re.compile(r"forward-looking\W+(?:statements?|information)", re.IGNORECASE)
"""Lists every risk and states none."""

SENTENCE_END = re.compile(r"(?<=[.!?;])\s+")
MOST_LABELS = 5
"""A passage that seems to have more is an enumeration, from which nothing is learnt."""

HARM = re.compile(
    r"""\b(?:advers\w+ | negativ\w+ | harm(?:s|ed|ful|ing)? | materially | impede\w* | jeopardi[sz]\w+ | suffer\w* |
    (?:could|may|might|would|will)\ (?:not|also\ not|fail|lose|lead|result|cause|disrupt|increase|reduce|decrease|
        subject|expose|damage|delay|require|force|prevent|limit|restrict|
        be\ (?:unable|forced|subject|required|liable)) |
    unable | inability | fail(?:s|ed|ure)? | loss\ of | risks? | uncertain\w* | cannot | no\ assurance |
    disrupt\w* | difficult\w* | damage\w* | vulnerable | threat\w* | impair\w*)\b""",
    re.IGNORECASE | re.VERBOSE,
)
WORSE = re.compile(r"\b(?:declin|decreas|lower|weak|loss|slow|charge)", re.IGNORECASE)
"""Too common in figures to be harm, but enough for doubt that a passage only describes."""

_SUBJECTS = {
    "litigation_regulatory": r"""
        lawsuits? | litigation | class\ actions? | (?:legal|regulatory|court)\ (?:proceedings|actions| claims) |
        plaintiffs | subpoenas? | antitrust | government(?:al)?\ (?:investigations?|inquiries) | infring(?:e|ing|
        ement) | intellectual\ property\ claims | laws\ and\ regulations | new\ (?:laws|regulations|legislation) |
        fines | penalties | regulatory\ approvals? | licensing\ requirements | tax\ (?:audits?|examinations?|
        authorities)""",
    "credit_liquidity": r"""
        (?:our|substantial|existing|additional|outstanding|level\ of|incur\w*)\ (?:\w+\ )?indebtedness |
        refinanc\w+ | event\ of\ default | (?:financial|restrictive|debt|loan)\ covenants | covenants\ (?:in|under|
        contained\ in)\ (?:our|the)\ (?:credit|debt|indenture|loan|senior) | credit\ ratings? | going\ concern |
        bankruptcy | insolvency | (?:raise|obtain|need|require)\w*\ (?:\w+\ )?(?:capital|financing|funding) |
        liquidity\ (?:needs|position|risk|requirements) | non-?performing\ (?:loans|assets) | loan\ losses |
        delinquenc\w+ | credit\ losses | service\ our\ debt""",
    "macro_rates_fx": r"""
        recession\w* | inflation\w* | economic\ (?:downturns?|slowdown|conditions|uncertainty|weakness) |
        (?:changes|increases?|rise|fluctuations|movements|decline)\ in\ (?:\w+\ ){0,3}(?:interest|exchange|
        currency)\ rates? | (?:foreign\ )?currency\ (?:exchange\ )?(?:rate\ )?fluctuations? |
        strengthening\ of\ the\ (?:u\.s\.\ )?dollar | interest\ rate\ (?:increases|fluctuations) | macro-?economic |
        volatility\ in\ (?:\w+\ )?(?:capital|credit|financial)\ markets""",
    "demand_competition": r"""
        competitors | competitive\ pressures? | intense\ competition | highly\ competitive | compete |
        market\ share | (?:reduced?|reduction\ in|lower|weak\w*|declines?\ in|
        decreases?\ in)\ (?:\w+\ ){0,3}demand | demand\ for\ (?:our|the\ company's) |
        loss\ of\ (?:\w+\ ){0,4}customers? | pricing\ pressures? | market\ acceptance | consumer\ (?:preferences|
        spending|tastes|demand) | customer\ (?:attrition|concentration)""",
    "supply_chain_inputs": r"""
        suppliers? | supply\ chain | raw\ materials? | (?:supply|component|material)\ shortages? | shortages?\ of |
        sole[-\ ]source\w* | single[-\ ]source\w* | contract\ manufacturers | commodity\ (?:prices|costs) | (?:fuel|
        energy|feed|freight|transportation|input|grain)\ (?:prices?|costs) | third-party\ manufacturers |
        outsourcing\ partners""",
    "operations_product_safety": r"""
        product\ (?:recalls?|liability|defects?|safety|contamination) | defects | product\ recall | recall(?:ed|
        s\ of)\ | (?:power|service|system)\ (?:outages?|interruptions?) | food\ safety | accidents? | explosions? |
        fires? | integrat(?:e|ing|ion)\ (?:of\ )?(?:\w+\ ){0,4}(?:acquired|acquisitions?|business\w*|compan\w+|
        operations) | (?:manufacturing|production|construction|launch)\ (?:\w+\ )?(?:delays?|problems|difficulties|
        yields) | clinical\ trials? | (?:plant|facility|business)\ (?:closures?|shutdowns?|interruptions?) |
        quality\ (?:problems|issues) | insurance\ coverage""",
    "cyber_technology": r"""
        cyber\W?(?:attacks?|security|crime|incidents?|threats?)\w* | hackers? | hacking | malware | ransomware |
        phishing | computer\ viruses | (?:data|security|privacy)\ (?:breach\w*|incidents?) |
        breach(?:es)?\ of\ (?:\w+\ )?(?:security|data|systems) | unauthori[sz]ed\ (?:access|use|disclosure) |
        (?:information\ technology|computer|it|information)\ systems? | technolog(?:y|ical)\ (?:obsolescence|
        changes?) | become\ obsolete""",
    "accounting_controls": r"""
        restate(?:ments?)? | material\ weakness(?:es)? | internal\ controls?\ over\ financial\ reporting |
        disclosure\ controls | section\ 404 | accounting\ (?:errors?|irregularities) | untimely\ filing |
        late\ filing""",
    "management_labor": r"""
        key\ (?:personnel|employees|executives|management|individuals|members) | senior\ (?:management|executives) |
        qualified\ (?:\w+\ ){0,3}(?:personnel|employees|engineers|individuals) | work\ stoppages? | strikes |
        labou?r\ (?:disputes|shortages?|costs|unions?|relations) | collective\ bargaining | unioni[sz]\w+ |
        skilled\ (?:\w+\ )?(?:personnel|employees|workers) | wage\ (?:increases|rates) | talent""",
    "geopolitical_trade": r"""
        tariffs | trade\ (?:war|wars|disputes?|restrictions|barriers|tensions|policies|protection) | sanctions |
        export\ (?:controls?|restrictions) | import\ (?:duties|restrictions) | political\ (?:instability|unrest|
        conditions|uncertaint\w+|risks?|tensions?) | geopolitical | terroris\w+ | acts\ of\ war |
        military\ (?:action|conflict)s? | expropriation | nationali[sz]ation | civil\ unrest | invasion\ of\ ukraine""",
    "climate_esg": r"""
        climate\ change | (?:adverse|extreme|severe)\ weather\w* | weather\ (?:conditions|events|patterns) |
        hurricanes? | earthquakes? | droughts? | floods? | flooding | natural\ (?:disasters?|catastrophes?) |
        greenhouse\ gas\w* | carbon\ emissions | environmental\ (?:laws|liabilit\w+|contamination|remediation|
        regulations|matters|claims) | hazardous\ (?:materials|substances) | esg | negative\ publicity |
        our\ reputation | sustainability\ (?:goals|initiatives)""",
    "guidance_impairment_dilution": r"""
        goodwill | impairment\ (?:charges?|losses) | write-?(?:downs?|offs?) | restructuring\ charges? | dilut(?:e|
        ed|ion|ive) | (?:price|value)\ of\ our\ (?:common\ )?(?:stock|shares) | (?:our|the)\ (?:stock|
        share)\ price | history\ of\ losses | net\ losses | anti-?takeover | takeover\ attempts? | change\ (?:of|
        in)\ control\ of\ (?:us|our\ company|the\ company) | (?:fluctuations?\ in|
        our)\ (?:quarterly\ )?operating\ results\ (?:may|could|have|to|will)\ (?:fluctuat|var|declin)\w+ |
        pay\ dividends""",
}
_DECISIVE = {
    "litigation_regulatory": r"""
        (?:is|are|was|were)\ (?:named\ )?(?:as\ )?(?:a\ )?defendants? | filed\ (?:a\ )?(?:\w+\ ){0,3}(?:complaint|
        lawsuit|suit)\ (?:\w+\ ){0,6}against | alleg(?:es|ed|ing)\ (?:that|violations?|infringement) |
        notice\ of\ (?:violation|deficiency)""",
    "credit_liquidity": r"""
        voluntary\ petition | substantial\ doubt | (?:was|were|are|
        is)\ not\ in\ (?:compliance\ with\ (?:\w+\ ){0,5}covenants?) | (?:is|are|was|were)\ in\ default |
        prepackaged\ plan | forbearance\ agreement | downgraded\ (?:our|the\ company)""",
    "macro_rates_fx": r"""
        unfavorable\ (?:\w+\ ){0,3}(?:currency|exchange)\b[^.]* | (?:hypothetical|adverse)\ [^.]{0,60}(?:interest|
        exchange)\ rates?\ [^.]{0,60}(?:decrease|loss|reduce)\w*""",
    "demand_competition": r"""
        (?:intense|intensely|significant|strong|vigorous|increasing)\ (?:and\ increasing\ )?competit\w+ |
        highly\ competitive | (?:sales|revenues?|volumes?)\ (?:decreased|declined)\ [^.]{0,80}(?:lower|weak\w*|
        reduced)\ (?:\w+\ ){0,2}(?:demand|volume|sales)""",
    "supply_chain_inputs": r"""
        (?:limited\ number\ of|sole|single)\ (?:\w+\ )?(?:suppliers?|sources?\ of\ supply) | (?:higher|increased|
        rising|increase\ in)\ (?:\w+\ ){0,4}(?:fuel|feed|raw\ material|commodity|input|freight|livestock|
        grain)\ (?:ingredient\ )?(?:prices|costs)""",
    "operations_product_safety": r"""
        voluntary\ recall | recalled\ (?:approximately|certain|all) | (?:fire|explosion|accident)\ at\ (?:our|the|
        one)""",
    "cyber_technology": r"""
        (?:experienced|detected|identified)\ (?:an?\ )?(?:\w+\ ){0,2}(?:cybersecurity|security|malware|
        ransomware)\ (?:incident|attack|breach)""",
    "accounting_controls": r"""
        no\ longer\ be\ relied\ upon | non-reliance | material\ weakness(?:es)?\ (?:in|existed|was|were) |
        will\ restate | has\ restated | not\ effective\ (?:as\ of|at)""",
    "management_labor": r"""
        (?:resign(?:ed|ation)|retire(?:d|ment)|step(?:ped|ping)?\ down|departure)\ (?:\w+\ ){0,6}(?:as|from|
        of)\ [^.]{0,60}(?:officer|president|director|chairman|board|company) | will\ not\ stand\ for\ re-?election |
        notified\ [^.]{0,80}\ (?:resign|retire|step\ down)""",
    "geopolitical_trade": r"""
        (?:imposed|impose|imposition\ of|new|additional|increased)\ (?:\w+\ ){0,3}tariffs""",
    "climate_esg": r"""
        (?:remediation|clean-?up)\ costs | superfund | potentially\ responsible\ part(?:y|ies)""",
    "guidance_impairment_dilution": r"""
        (?:recorded|recognized|incurred)\ (?:an?\ )?(?:\$?[\d.]+\ \w+\ )?(?:\w+\ ){0,5}(?:impairments?|
        restructuring|write-?downs?|write-?offs?)\b | net\ loss\ (?:of|was|for) | minimum\ bid\ price |
        shares\ [^.]{0,60}issued\ [^.]{0,60}(?:conversion|private\ placement|exempt)""",
}
_HEADLINES = {
    "litigation_regulatory": r"""
        \bsues?\b | \bsued\b | lawsuit | antitrust | \bindicted | \bfined\b | \bfines\b | charged\ with |
        sec\ (?:probe|charges|sues) | class\ action | patent\ (?:suit|infringement|case) | (?:doj|ftc|eu|fda|
        regulators?)\ (?:to\ )?(?:probe|probes|investigat\w+|warns|rejects|blocks) | to\ settle\ \w+ | subpoena |
        court\ (?:rules|orders)\ \w+""",
    "credit_liquidity": r"""
        bankruptcy | chapter\ 11 | (?:cuts|lowers|downgrades)\ .{2,40}\ (?:ratings?|to\ '?(?:junk|[bc][abc+-]*\b)) |
        default(?:s|ed)?\ on | credit\ crunch | liquidity\ (?:crisis|squeeze|crunch) | bad\ loans | bail-?out |
        covenant\ (?:breach|waiver) | debt\ (?:crisis|woes|default) | loan\ losses | may\ (?:cut|downgrade) |
        insolven\w+""",
    "macro_rates_fx": r"""
        recession | inflation\ (?:rises|jumps|quickens|fears|worries|accelerat\w+|surges) | (?:economy|
        gdp)\ (?:shrinks|contracts|slows|weakens) | jobless\ (?:claims|rate)\ (?:rise|jump|climb|surge)\w* |
        (?:stocks|wall\ st|futures|nikkei|ftse|(?:indian|asian|european|japan|uk|world|china)\ shares)\ (?:fall|
        slump|drop|slide|tumble|sink|plunge)\w* | (?:dollar|euro|yen|sterling|rupee|won|peso)\ (?:falls|slides|
        tumbles|weakens|plunges|hits\ .{0,20}low) | (?:consumer|business)\ (?:confidence|sentiment)\ (?:falls|drops|
        slumps|slides)""",
    "demand_competition": r"""
        (?:weak|falling|slowing|sluggish|poor|lower|slump\ in)\ (?:\w+\ ){0,2}(?:demand|sales|orders|ad\ spending) |
        (?:auto|car|retail|vehicle|store|same-store|home|pc|chip)\ sales\ (?:fall|drop|slump|down|plunge|slide)\w* |
        price\ war | los(?:es|ing)\ market\ share | (?:stiff|tough|fierce)\ competition | demand\ (?:falls|slumps|
        weakens|slows|drops) | loses\ (?:\w+\ ){0,2}(?:contract|customer|client)""",
    "supply_chain_inputs": r"""
        (?:raw\ material|fuel|input|feed|steel|grain|energy|commodity)\ costs?\b | supply\ (?:disruption|shortage|
        crunch|concerns|problems|fears) | (?<!no\ )shortages?\ of | (?:parts|component|power|gas|coal|fuel|chip|
        ore)\ shortages? | high(?:er)?\ (?:fuel|oil|commodity|steel)\ (?:costs|prices)\ (?:hit|hurt|weigh|
        squeeze)\w*""",
    "operations_product_safety": r"""
        \brecall(?:s|ed|ing)?\b | explosion | (?:refinery|plant|mine|factory|platform)\ (?:fire|blast|accident|
        outage|shut\w*) | power\ outage | safety\ (?:concerns|probe|fears|problems) | (?:trial|study)\ (?:fails|
        failure|misses|halted) | (?:fails|failed)\ in\ (?:\w+\ )?trial | production\ (?:halt|delay)\w* |
        delays?\ (?:\w+\ ){0,3}(?:launch|start-?up|delivery|deliveries) | force\ majeure""",
    "cyber_technology": r"""
        cyber\W?(?:attack|security|crime|spies|threat)\w* | hackers? | hacked | data\ breach | (?:stolen|
        lost)\ (?:\w+\ ){0,2}data | computer\ (?:virus|worm|glitch|failure|problem) | (?:network|service|website|
        system|trading)\ (?:outage|glitch)\w* | malware | security\ (?:flaw|breach|hole)""",
    "accounting_controls": r"""
        \bto\ restate | restate[sd]?\ (?:\w+\ ){0,3}(?:results|earnings|financials?|accounts|statements|profit|
        q\d) | accounting\ (?:fraud|scandal|probe|irregularit\w+|errors?|review|problems|inquiry) |
        material\ weakness | (?:delays?|late)\ (?:\w+\ ){0,3}(?:10-[kq]|annual\ report|filing) |
        auditor\ (?:resigns|quits|raises) | options?\ backdating | delisting""",
    "management_labor": r"""
        \b(?:ceo|cfo|coo|chairman|chief|president|director|head)\b.{0,30}\b(?:resigns?|quits|steps?\ down|to\ leave|
        leaves|leaving|departs|ousted|retires?|to\ retire|fired) | \bstrikes?\b.{0,25}(?:workers|union|pilots|plant|
        mine|crew) | (?:workers|union|pilots|miners|staff|crew)\b.{0,25}\bstrike | walkout | job\ cuts | layoffs |
        (?:to\ )?(?:cuts?|axe|shed|slash)\ (?:about\ |up\ to\ )?[\d,]+\ (?:jobs|workers|staff) | labou?r\ dispute""",
    "geopolitical_trade": r"""
        sanctions\ (?:on|against|over) | (?:anti-?dumping|import)\ (?:dut\w+|tariffs?|probe|curbs) | trade\ (?:war|
        dispute|row|spat|tensions|barriers|complaint) | export\ (?:ban|curbs|restrictions) | nationali[sz](?:e|es|
        ed|ation|ing) | expropriat\w+ | (?:rebels|militants|gunmen)\ (?:attack|kill|blow|seize|kidnap)\w* |
        (?:pipeline|oil)\ (?:attack|sabotage) | coup\b | political\ (?:crisis|turmoil|unrest|uncertainty)""",
    "climate_esg": r"""
        hurricane\ \w+ | tropical\ storm | earthquake | \bquake\b | \bdrought | floods?\b | flooding | (?:oil|
        chemical|toxic)\ spill | climate\ change | carbon\ (?:cap|tax|emissions|costs) | greenhouse | (?:bad|severe|
        cold|harsh|dry|wet)\ weather | snow\ ?storm | typhoon | cyclone | pollution""",
    "guidance_impairment_dilution": r"""
        (?:cuts?|lowers|slashes|trims|reduces)\ (?:\w+\ ){0,4}(?:outlook|forecast|guidance|view|target|dividend|
        estimate) | profit\ warning | warns\ (?:on|of|about)\ (?:\w+\ ){0,3}(?:profit|loss|earnings|sales|results) |
        write-?downs? | write-?offs? | impairment | (?:posts?|reports|swings\ to|widens?|
        sees)\ (?:\w+\ ){0,3}(?:net\ )?loss\b | (?:profit|earnings|net|income)\ (?:falls|drops|slumps|plunges|
        tumbles|down|slides|sinks|dives)\b | (?:shares|stock)\ (?:fall|drop|slump|tumble|plunge|sink)\w*\ (?:on|
        after|as) | misses\ (?:\w+\ ){0,2}(?:estimates|forecasts|expectations|street) | (?:share|stock|equity|
        rights)\ (?:offering|sale|issue) | dilut\w+""",
}
TROUBLE = re.compile(
    r"""\b(?:fall|fell|drop|cut|loss|los[et]|lower|down|slump|plung|slid|weak|slow|warn|risk|fear|worr|concern|crisis|crash|
    kill|dea[dt]|die|attack|bomb|war\b|strike|protest|halt|suspend|delay|fail|probe|investigat|sue|court|fraud|charge|
    jail|arrest|fine|ban|reject|block|disput|threat|hit|hurt|shortage|default|debt|bankrupt|downgrad|negative|junk|storm|
    quake|flood|fire|blast|spill|recall|resign|quit|step|layoff|job|tariff|sanction|inflation|recession|miss|dilut|offering|
    impair|write|restat|delist|hack|cyber|breach|competit|pressur|volatil|tumbl|sink|sank|declin|shrink|deficit|tighten|
    lawsuit|unrest|rebel|nuclear|missile|crude|shut|clos|limit|tax|regulat|rule|bill\b|law)""",
    re.IGNORECASE | re.VERBOSE,
)
"""A headline with none of these is about nothing bad."""


def _compiled(cues: dict[str, str]) -> dict[str, re.Pattern[str]]:
    return {risk: re.compile(rf"\b(?:{cues[risk]})(?!\w)", re.IGNORECASE | re.VERBOSE) for risk in RISKS}


EIGHT_K_EVENTS = {
    "item_1.03": ("credit_liquidity", r"bankruptcy|chapter (?:7|11)|petition|receiver"),
    "item_1.05": ("cyber_technology", r"incident|unauthori[sz]ed|attack"),
    "item_2.04": ("credit_liquidity", r"default|accelerat|repay"),
    "item_2.05": ("guidance_impairment_dilution", r"charge|cost|restructur|clos"),
    "item_2.06": ("guidance_impairment_dilution", r"impair|charge|write"),
    "item_3.01": ("guidance_impairment_dilution", r"bid price|market value|deficien|delist"),
    "item_3.02": (
        "guidance_impairment_dilution",
        r"(?:issu|s[oe]ld?|sale)\w* [^.]{0,120}(?:shares|stock|warrants|notes)",
    ),
    "item_4.01": ("accounting_controls", r"resign|dismiss|declin|disagree|weakness"),
    "item_4.02": ("accounting_controls", r"relied upon|reliance|restat|error|misstate"),
    "item_5.02": (
        "management_labor",
        r"resign|retir|step(?:ped|ping)? down|depart|terminat\w+ of \w+ employment|cease",
    ),
    "item_3": (
        "credit_liquidity",
        r"bankruptcy|chapter (?:7|11)|petition|receiver",
    ),  # numbers without a point: before 2004
    "item_4": ("accounting_controls", r"resign|dismiss|declin|disagree|weakness"),
}
"""The category of an 8-K's item code, where a passage of the item also has a word of the event."""
HARMLESS_8K = ("item_5.03", "item_5.07", "item_9.01", "item_7", "item_5.02")
"""By-laws, counted votes, exhibits, and appointments: no risk, if no cue says otherwise."""

SUBJECTS, DECISIVE = _compiled(_SUBJECTS), _compiled(_DECISIVE)
HEADLINES = {risk: re.compile(_HEADLINES[risk], re.IGNORECASE | re.VERBOSE) for risk in RISKS}


def filing_cues(text: str) -> dict[str, str]:
    """The categories that sentences of `text` state, each with the words that gave it away."""
    found: dict[str, str] = {}
    for sentence in SENTENCE_END.split(text):
        harm = HARM.search(sentence)
        for risk in RISKS:
            cue = DECISIVE[risk].search(sentence) or (harm and SUBJECTS[risk].search(sentence))
            if cue:
                found.setdefault(risk, cue[0])
    return found


def heading_cues(heading: str) -> dict[str, str]:
    """The categories that the heading of a risk factor names: there a subject alone is enough."""
    matches = {risk: DECISIVE[risk].search(heading) or SUBJECTS[risk].search(heading) for risk in RISKS}
    return {risk: match[0] for risk, match in matches.items() if match}


def headline_cues(title: str) -> dict[str, str]:
    """The categories of the events that `title` reports, each with the words that gave it away."""
    matches = {risk: HEADLINES[risk].search(title) for risk in RISKS}
    return {risk: match[0] for risk, match in matches.items() if match}


def mentions_trouble(text: str) -> bool:
    """Whether a filing's passage speaks of harm at all: without, it only describes."""
    return any(cue.search(text) for cue in (HARM, WORSE, *DECISIVE.values()))
