"""Documents to clean text, and sections to passages."""

import time

import pytest

from sentfeat.ingest.filings.passages import passages
from sentfeat.ingest.filings.text import clean_text

SENTENCE = "Sales of the northern division grew by five percent against the year before. "  # 13 words


def page(body: str) -> str:
    return f"<html><head><title>x</title><style>p {{}}</style></head><body>{body}</body></html>"


def paragraphs(body: str) -> list[str]:
    return clean_text(page(body)).split("\n\n")


def test_blocks_and_double_breaks_end_paragraphs_and_one_break_does_not():
    assert paragraphs("<p>One <b>and</b>\n more</p><div>Two<br>half<br><br>Three</div>Four") == [
        "One and more",
        "Two\nhalf",
        "Three",
        "Four",
    ]


def test_hidden_inline_xbrl_is_left_out_and_visible_inline_xbrl_stays():
    body = (
        '<ix:header><ix:hidden>secret</ix:hidden></ix:header><div style="DISPLAY: none">secret</div>'
        '<p>Revenue was <ix:nonfraction name="us-gaap:Revenues">5</ix:nonfraction> million</p>'
    )
    assert paragraphs(body) == ["Revenue was 5 million"]


def test_windows_characters_written_as_control_codes_are_read_as_browsers_do():
    assert paragraphs("<p>Management&#146;s&nbsp;&#147;view&#148;</p>") == ["Management’s “view”"]


def test_a_table_of_figures_is_one_paragraph_of_tab_separated_rows():
    rows = "<tr><td></td><td>2024</td><td>2023</td></tr><tr><td>Net sales</td><td>$ 5</td><td>4</td></tr>"
    assert paragraphs(f"<p>Before</p><table>{rows}</table><p>After</p>") == [
        "Before",
        "2024\t2023\nNet sales\t$ 5\t4",
        "After",
    ]


def test_a_table_that_only_sets_text_becomes_paragraphs():
    bullets = "<tr><td>•</td><td>First risk we face</td></tr><tr><td>•</td><td>Second risk we face</td></tr>"
    heading = "<tr><td>Item 1A.</td><td>Risk Factors</td></tr>"
    assert paragraphs(f"<table>{heading}</table><table>{bullets}</table>") == [
        "Item 1A. Risk Factors",
        "• First risk we face",
        "• Second risk we face",
    ]


def test_a_table_around_the_whole_page_is_read_as_the_page():
    inner = "<table><tr><td>a</td><td>1</td></tr><tr><td>b</td><td>2</td></tr></table>"
    assert paragraphs(f"<table><tr><td><p>Text</p>{inner}<p>More</p></td></tr></table>") == [
        "Text",
        "a\t1\nb\t2",
        "More",
    ]


def test_page_numbers_contents_links_and_running_headers_go_and_a_cut_paragraph_is_whole_again():
    makes = ["tools", "boats", "lamps", "chairs", "clocks", "pianos"]
    pages = "".join(
        f"<p>The plant in Ohio makes {what} and</p><p>{n}</p><p>ACME CORP</p><a href='#toc'>Table of Contents</a>"
        f"<p>sells {what} abroad.</p><p>Acme Corp | 2024 Form 10-K | {n}</p>"
        for n, what in enumerate(makes, start=1)
    )
    assert paragraphs(pages) == [f"The plant in Ohio makes {what} and sells {what} abroad." for what in makes]


def test_repeated_subheadings_away_from_page_numbers_stay():
    assert paragraphs("<p>Overview</p><p>We sell.</p>" * 6).count("Overview") == 6


def test_thousands_of_unclosed_fonts_do_not_break_the_reader():
    assert paragraphs("<font>" * 5_000 + "<p>deep</p>") == ["deep"]


def test_preformatted_text_inside_html_is_read_as_plain_text():
    assert paragraphs("<pre>\n   FORM 8-K\n\nItem - 5.02 Departure\n\nA wrapped\nline.\n</pre>") == [
        "FORM 8-K",
        "Item - 5.02 Departure",
        "A wrapped line.",
    ]


PLAIN = """<PAGE>   3
ITEM 1. BUSINESS.
     The company, as will be seen from the figures that are shown in
Item 8 of this report, makes tools and sells them in many places.
     It was founded in 1901.

<TABLE>
<CAPTION>
                      1995        1994
<S>                   <C>         <C>
Sales                 $100        $ 90

Costs.............      80          70
</TABLE>
ITEM 2. PROPERTIES.
"""


def test_plain_text_is_unwrapped_its_tables_kept_and_its_items_set_apart():
    assert clean_text(PLAIN).split("\n\n") == [
        "ITEM 1. BUSINESS.",
        "The company, as will be seen from the figures that are shown in Item 8 of this report, makes tools and sells"
        " them in many places.",
        "It was founded in 1901.",
        "1995\t1994\nSales\t$100\t$ 90\nCosts\t80\t70",
        "ITEM 2. PROPERTIES.",
    ]


def test_a_large_document_is_read_in_seconds():
    body = page("<div><span>" + SENTENCE + "</span></div>" * 40_000)
    start = time.perf_counter()
    clean_text(body)
    assert time.perf_counter() - start < 20


# --- passages


def cut(*parts: str) -> list[str]:
    section = "\n\n".join(parts)
    found = passages(section)
    assert all(section[p.start : p.end] == p.text for p in found)
    return [p.text for p in found]


def test_a_paragraph_of_good_length_is_one_passage():
    assert cut(SENTENCE * 5, SENTENCE * 6) == [(SENTENCE * 5).strip(), (SENTENCE * 6).strip()]


def test_short_paragraphs_go_together_until_there_is_enough():
    assert cut(SENTENCE, SENTENCE, SENTENCE, SENTENCE, SENTENCE * 4) == [
        "\n\n".join([SENTENCE] * 4).strip(),
        (SENTENCE * 4).strip(),
    ]


def test_a_heading_goes_with_what_follows_it():
    assert cut(SENTENCE * 4, "Liquidity", SENTENCE * 4) == [
        (SENTENCE * 4).strip(),
        "Liquidity\n\n" + (SENTENCE * 4).strip(),
    ]


def test_a_heading_with_nothing_below_it_is_dropped():
    assert cut(SENTENCE * 4, "Liquidity") == [(SENTENCE * 4).strip()]


def test_a_long_paragraph_is_cut_between_sentences_and_nothing_is_lost():
    long = "".join(
        f"In year {n} Acme Inc. of the U.S. and Dr. Smith sold more tools than ever before. " for n in range(40)
    )
    got = cut(long)
    assert len(got) > 2
    assert all(text.startswith("In year") and text.endswith("before.") for text in got)
    assert all(len(text.split()) <= 240 for text in got)
    assert " ".join(got) == long.strip()


def test_tables_are_left_out_and_no_passage_spans_one():
    assert cut(SENTENCE * 4, "Sales\t5\t4", SENTENCE * 5) == [(SENTENCE * 4).strip(), (SENTENCE * 5).strip()]


def test_a_rest_too_short_to_stand_alone_goes_with_the_passage_before():
    assert cut(SENTENCE * 4, "That is all there is.") == [(SENTENCE * 4).strip() + " \n\nThat is all there is."]


def test_a_section_of_a_few_words_is_one_passage():
    assert cut("Item 8.01 Other Events", "Acme closed its plant in Ohio.") == [
        "Item 8.01 Other Events\n\nAcme closed its plant in Ohio."
    ]


@pytest.mark.parametrize("empty", ["", "Sales\t5\t4", "Liquidity"])
def test_nothing_to_judge_gives_no_passage(empty):
    assert cut(empty) == []
