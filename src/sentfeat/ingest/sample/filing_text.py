"""Sentences of the sample market's filings: risk factors by category, management's discussion, current reports.

Slots are those of headlines.py (`slots`), with {c} for the company.
"""

RISKS = {
    "Legal and regulatory risks": (
        "We are party to lawsuits over {p}, and an adverse ruling could cost us {usd} or more.",
        "Changes in the rules of {g} could require us to alter or withdraw {p} in {r}.",
        "Investigations by {g} may result in fines, penalties or restrictions on our business.",
        "Our intellectual property in {p} may be challenged, invalidated or circumvented by competitors.",
        "Privacy laws in {r} impose obligations that are costly and on which authorities may disagree.",
    ),
    "Credit and liquidity risks": (
        "We had {usd} of debt outstanding, and our lenders may refuse to refinance it on acceptable terms.",
        "A downgrade of our credit rating would raise our borrowing costs and could trigger collateral calls.",
        "Covenants in our credit agreement limit our ability to pay dividends and to make acquisitions.",
        "About {pct} of our receivables are owed by {n} customers, any of whom may fail to pay.",
        "We may be unable to obtain the {usd} of financing that our expansion in {r} requires.",
    ),
    "Economic, interest rate and currency risks": (
        "A recession in {r} would reduce what our customers spend on {p}.",
        "Higher interest rates increase our interest expense and may depress demand for {p}.",
        "Sales in foreign currencies were {pct} of revenue, and a stronger dollar reduces their value.",
        "Inflation may raise our wages and other costs faster than we can raise our prices.",
        "Volatile markets could reduce the value of our investments and of our pension assets.",
    ),
    "Demand and competition risks": (
        "Competitors with greater resources may offer {p} at lower prices than we can.",
        "Our {n} largest customers account for {pct} of revenue, and the loss of one would hurt our results.",
        "Demand for {p} is seasonal and hard to forecast, which may leave us with excess inventory.",
        "If we fail to renew our offering in {p}, customers may turn to newer products.",
        "New entrants from {r} have reduced prices for {p} and may continue to do so.",
    ),
    "Supply chain risks": (
        "We buy {i} from a small number of suppliers, and a failure of one could halt our production.",
        "The price of {i} rose by {pct} in the year and may rise further.",
        "Port congestion and a lack of freight capacity may delay deliveries to {r}.",
        "We do not have long-term contracts for {i} and may face shortages.",
        "Quality defects in {i} that we purchase may not be found before {p} reach customers.",
    ),
    "Operational and product safety risks": (
        "A fire, an accident or an equipment failure at our {t} site could interrupt the supply of {p}.",
        "Defects in {p} could lead to recalls, injuries and claims that exceed our insurance.",
        "We depend on {n} facilities, and moving production between them would take many months.",
        "Our growth strains our systems and controls, and errors in execution could be costly.",
        "Natural disasters near {t} could damage property and keep employees from work.",
    ),
    "Cybersecurity and technology risks": (
        "Attacks on our information systems could disrupt operations and expose customer data.",
        "We rely on outside data centers, and an outage would prevent us from serving customers.",
        "A breach discovered in {r} led to remediation costs, and further incidents are possible.",
        "Replacing our order system is complex and may take longer and cost more than planned.",
        "Malicious software could reach us through the products of vendors whose security we cannot verify.",
    ),
    "Accounting and control risks": (
        "We identified a weakness in internal control over the accounting for {p}, which may recur.",
        "Estimates in our financial statements may prove wrong and require adjustments of up to {usd}.",
        "If our controls fail, our reports may be late or misstated and our stock price may fall.",
        "Changes in tax law in {r} could raise our effective tax rate.",
        "Goodwill of {usd} from past acquisitions may become impaired.",
    ),
    "Management and labor risks": (
        "We depend on our {x}, and the loss of senior managers could delay our plans.",
        "About {pct} of our employees are covered by collective agreements that expire within {n} years.",
        "Competition for skilled employees in {t} has raised wages and turnover.",
        "A strike at our {t} site would interrupt the production of {p}.",
        "Restructuring may reduce morale and distract managers from running the business.",
    ),
    "Geopolitical and trade risks": (
        "Tariffs on {i} would raise our costs, and retaliation could close markets in {r}.",
        "Export controls limit where we may sell {p}.",
        "Political instability in {r} could put our assets and employees at risk.",
        "Sanctions may oblige us to end contracts that contributed {usd} of revenue.",
        "We operate in {n} countries with differing laws, and a violation could bring penalties.",
    ),
    "Climate and sustainability risks": (
        "Rules on emissions may require capital expenditure of {usd} at our {t} site.",
        "Extreme weather could interrupt the supply of {i} and damage our facilities.",
        "Customers and investors may judge our sustainability goals insufficient or unmet.",
        "Carbon prices in {r} may make the production of {p} less competitive.",
        "Water shortages near {t} may limit our output.",
    ),
    "Risks of our outlook and of our shares": (
        "Our results vary between quarters and may fall short of the guidance that we give.",
        "We may issue shares for acquisitions, which would dilute our shareholders.",
        "Our stock price has ranged widely and may decline whatever our results.",
        "Acquired businesses may not deliver the savings of {usd} that we expect.",
        "We may have to write down {p} assets if forecasts are not met.",
    ),
}
"""Category heading -> sentences; the categories are those of the feature table, but for "none"."""

DISCUSSION = {
    1: (
        "Revenue increased {pct} from the prior year, driven by strong demand for {p} in {r}.",
        "Gross margin improved as costs of {i} declined and as we gained efficiencies at our {t} site.",
        "Operating cash flow rose to {usd}, which allowed us to reduce debt and to raise the dividend.",
        "Orders for {p} reached a record, and we expect growth to continue.",
        "Net income exceeded our plan and grew faster than sales.",
    ),
    0: (
        "Revenue was {usd}, substantially unchanged from the prior year.",
        "Research and administrative expenses were {pct} of revenue, as in the prior period.",
        "Capital expenditure of {usd} was mainly for our {t} site.",
        "Sales of {p} in {r} are reported within our main segment.",
        "We use the same accounting policies as in our last annual report.",
    ),
    -1: (
        "Revenue decreased {pct} from the prior year because of weak demand for {p} in {r}.",
        "Gross margin declined as prices of {i} rose and as volumes at our {t} site fell.",
        "We recorded an impairment of {usd} on assets related to {p}.",
        "Operating cash flow fell short of our plan, and we suspended share repurchases.",
        "Losses in {r} widened, and we expect conditions to remain difficult.",
    ),
}
"""Polarity -> sentences of management's discussion and analysis."""

RESULTS = {
    1: "{c} announced {q} earnings of {eps} a share, above its guidance, and raised its outlook for the year.",
    0: "{c} announced {q} earnings of {eps} a share, in line with its guidance, and confirmed its outlook.",
    -1: "{c} announced a {q} loss of {eps} a share, below its guidance, and lowered its outlook for the year.",
}
"""Polarity -> what an 8-K says under item 2.02, results of operations."""

EVENTS = {
    1: (
        ("1.01", "{c} entered into an agreement to supply {p} in {r} that it expects to bring {usd} of revenue."),
        ("8.01", "The board of {c} approved a share repurchase of {usd} and an increase of the dividend by {pct}."),
    ),
    0: (
        ("5.02", "The board of {c} appointed a new {x}, following the planned retirement of the predecessor."),
        ("5.07", "Shareholders of {c} elected all nominees to the board and ratified the choice of auditor."),
    ),
    -1: (
        ("2.05", "{c} committed to close its {t} site and expects restructuring charges of {usd}."),
        ("2.06", "{c} concluded that a material impairment charge of {usd} on its {p} business is required."),
        ("4.02", "{c} concluded that its earlier financial statements contain errors and should not be relied upon."),
        ("5.02", "The {x} of {c} resigned with immediate effect after a disagreement with the board."),
    ),
}
"""Polarity -> (8-K item, text) of other events."""

DELISTING = ("3.01", "{c} notified the exchange that its shares will be removed from listing after its acquisition.")
