"""Filings as they come from EDGAR, read: header, main document, clean text, sections with verdicts, passages.

    submission = read_submission(raw)                                submission.py over header.py
    public = public_time(submission.header)                          header.py: New York's clock, the later date
    if recognise(submission.main.body) == PageVerdict.FILING:        page.py
        text = clean_text(submission.main.body)                      text.py over markup.py (HTML) and plain.py
        for section in find_sections(text, submission.header.form):  sections.py over outline, headings, verdicts
            if section.verdict == Verdict.OK:
                passages(section.text)                               passages.py

Nothing here fetches. lineage.py pairs amendments and earlier filings.
"""
