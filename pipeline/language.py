"""Which of the eight languages a page is in; `und` where its words do not tell."""

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path

import langdetect
from langdetect import DetectorFactory
from langdetect.lang_detect_exception import LangDetectException

from pipeline.records import Word
from schemas.fields import LANGUAGES

_SCRIPTS = {"th": ("\u0e00", "\u0e7f"), "hi": ("\u0900", "\u097f")}
_SCRIPT_SHARE = 0.3
_LATIN_SHARE = 0.6
_ENOUGH_WORDS = 10
_MANY = 5
_LEAST_SHARE = 0.03


def identify(words: Sequence[Word], hint: str) -> str:
    """The language that most of `words` are in.

    Script first (Thai, Devanagari), then n-grams among the eight languages, where the page has frequent words of the one that
    they name. Under ten words only such telling words count, and `hint`, where they speak for it.

    Returns:
        ISO 639-1 of one of the eight, or `und`.
    """
    text = " ".join(word.text for word in words if word.confidence >= 0.5)
    letters = [c for c in text if c.isalpha()]
    if not letters:
        return "und"
    for language, (low, high) in _SCRIPTS.items():
        if sum(low <= c <= high for c in letters) >= _SCRIPT_SHARE * len(letters):
            return language
    if sum(c < "\u0250" for c in letters) < _LATIN_SHARE * len(letters):
        return "und"
    tokens = [token for token in _tokens(text) if token.isalpha() and len(token) > 1]
    evidence = _evidence(tokens)
    found = _from_evidence(evidence, hint)
    if len(tokens) < _ENOUGH_WORDS:
        return found
    best = _from_ngrams(text)
    # Names and addresses are in whatever language: where the words of a page speak clearly, they are right.
    if found != "und" and evidence[found] >= max(_MANY, 1.5 * evidence[best]):
        best = found
    # N-grams always name one of the eight; a page in a ninth, or of names alone, has hardly a word of it.
    least = max(_LEAST_SHARE * len(tokens), 1 if best == hint else 2)
    return best if evidence[best] >= least else "und"


def _tokens(text: str) -> list[str]:
    return [token.strip(".,;:!?()[]\"'«»“”„") for token in text.lower().split()]


def _evidence(tokens: Sequence[str]) -> Counter[str]:
    """How many tokens are among each language's telling words."""
    found: Counter[str] = Counter()
    for language, telling in _telling_words().items():
        count = sum(token in telling for token in tokens)
        if count:
            found[language] = count
    return found


def _from_evidence(evidence: Mapping[str, int], hint: str) -> str:
    """The language that the telling words speak for, without a rival; `hint` breaks a tie."""
    most = max(evidence.values(), default=0)
    best = [language for language, count in evidence.items() if count == most]
    if len(best) == 1 and (most >= 2 or best[0] == hint):
        return best[0]
    return hint if hint in best else "und"


def _from_ngrams(text: str) -> str:
    detector = _factory().create()
    # langdetect skips words in capitals.
    detector.append(text.lower())
    try:
        return str(detector.detect())
    except LangDetectException:
        return ""


@cache
def _factory() -> DetectorFactory:
    """The n-grams of the eight languages alone: with all of its profiles Hindi labels become Marathi or Nepali."""
    profiles = Path(langdetect.__file__).parent / "profiles"
    factory = DetectorFactory()
    factory.set_seed(0)
    factory.load_json_profile([(profiles / language).read_text(encoding="utf-8") for language in LANGUAGES])
    return factory


@cache
def _telling_words() -> Mapping[str, frozenset[str]]:
    """Frequent words of each language that no other of the eight shares."""
    told = tomllib.loads(resources.files("pipeline").joinpath("language.toml").read_text(encoding="utf-8"))
    count = Counter(word for words in told.values() for word in set(words.split()))
    return {language: frozenset(w for w in words.split() if count[w] == 1) for language, words in told.items()}
