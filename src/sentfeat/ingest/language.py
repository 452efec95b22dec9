"""Whether a short text is clearly in another language than wanted.

Headlines are short and full of names, so the test has to be sure before it refuses. py3langid (numpy only, 5 MB) at
0.9 refuses 42 of 60 foreign headlines without their summary and none of 6,000 English ones; lingua as sure loses as
few but needs 8 ms a title and 96 MB; stop-word lists say nothing about most headlines, which hold no stop word.
"""

from functools import lru_cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

SURE = 0.9
LANGUAGES = "en de fr es it pt nl sv da no pl cs fi tr ru ja zh ko ar".split()
ANY = "any"


def other_language(text: str, wanted: str) -> str | None:
    """The language of `text`, two letters, if that is surely not `wanted`; else None."""
    if wanted == ANY:
        return None
    found, chance = _identifier(wanted).classify(text)
    return str(found) if found != wanted and chance > SURE else None


@lru_cache
def _identifier(wanted: str) -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(sorted({wanted, *LANGUAGES}))  # fewer rivals, fewer mistakes
    return identifier
