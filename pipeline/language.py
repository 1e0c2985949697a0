"""Which of the eight languages a page is in; `und` where its words do not tell."""

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path

import langdetect
from babel.core import get_global
from babel.languages import get_official_languages
from langdetect import DetectorFactory
from langdetect.lang_detect_exception import LangDetectException

from pipeline.records import Word
from pipeline.values.data import load_data
from schemas.fields import LANGUAGES

_SCRIPTS = {"th": ("\u0e00", "\u0e7f"), "hi": ("\u0900", "\u097f")}
_SCRIPT_SHARE = 0.3
_LATIN_SHARE = 0.6
_ENOUGH_WORDS = 10
_MANY = 5
_FEW = 2
_LABEL_LETTERS = 5
_AHEAD = 1.3
_LEAST_SHARE = 0.03
_CLEAR_SHARE = 0.12
_COVERED_SHARE = 0.18
_SURE = 0.9
_BESIDE = 0.6
_ZONE = re.compile(r"(?<![A-Z0-9<])[PIACV][A-Z<] ?([A-Z]{3}|D<<)[A-Z0-9< ]{15,}<")


def identify(words: Sequence[Word], hint: str) -> str:
    """The language that most of `words` are in.

    Script first (Thai, Devanagari), then n-grams among the eight languages, unless the page's frequent words and labels speak
    clearly for another; words count once, however often a table repeats them. Under ten words only telling words (those of one
    language alone) count, and `hint`, where one of its words is there. N-grams always name one of the eight: a page that has
    hardly a word of it, or is in a ninth language, is `und`.

    Args:
        words: of a page; those that were read with a confidence under 0.5 do not count.
        hint: the language of the document so far, or `und`.

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
    tokens = frozenset(_tokens(text))
    evidence = _evidence(tokens)
    if len(tokens) < _ENOUGH_WORDS:
        return _from_evidence(tokens, evidence, hint)
    best = _from_ngrams(text, LANGUAGES)[0]
    # Names, addresses and what is sold are in whatever language: where the words of a page speak clearly, they are right.
    clear = evidence + _labelled(tokens)
    found = max(clear, key=lambda language: clear[language], default=best)
    if clear[found] >= max(_MANY, _AHEAD * clear[best]):
        best = found
    best = _of_two(evidence, best, text)
    return best if _is_spoken(text, tokens, best, evidence[best], hint) else "und"


def _of_two(evidence: Mapping[str, int], best: str, text: str) -> str:
    """Which language a page is in that says everything in two: that of the state that issued it, and not English.

    Passports, cards and forms of many countries repeat each label in English. A state is told by the zone for machines.
    """
    issued = _ZONE.search(text)
    spoken = _official(issued.group(1).strip("<")) if issued else frozenset()
    own = {language: count for language, count in evidence.items() if count >= _MANY and (language in spoken or not spoken)}
    most = max(own, key=lambda language: (own[language], language == best), default=best)
    if spoken:
        return most
    others = {language: count for language, count in own.items() if language != "en"}
    beside = max(others, key=lambda language: others[language], default=best)
    return beside if best == "en" and others.get(beside, 0) >= _BESIDE * evidence["en"] else best


@cache
def _official(state: str) -> frozenset[str]:
    """The languages among the eight that are official in a state (ISO 3166 alpha 3, and D for Germany, as ICAO 9303 has it)."""
    known = get_global("territory_aliases").get({"D": "DEU"}.get(state, state), ())
    return frozenset(language for code in known[:1] for language in get_official_languages(code, de_facto=True)) & set(
        LANGUAGES
    )


def document_language(pages: Iterable[tuple[str, int]]) -> str:
    """The language that most of a document is in, by how much is written in each; `und` where no page tells.

    Args:
        pages: the language of each, and how many letters it has.
    """
    written: Counter[str] = Counter()
    for language, letters in pages:
        if language != "und":
            written[language] += max(letters, 1)
    return written.most_common(1)[0][0] if written else "und"


def _is_spoken(text: str, tokens: Collection[str], language: str, telling: int, hint: str) -> bool:
    """Whether a page is in `language`, the likeliest of the eight, and not in a ninth, or of names alone."""
    known = len(_frequent_words().get(language, frozenset()).intersection(tokens))
    if telling >= max(_CLEAR_SHARE * len(tokens), _MANY):
        return True
    likeliest, sure = _from_ngrams(text, (*LANGUAGES, *_neighbours()))
    if likeliest in _neighbours() and sure >= _SURE:
        return False
    if likeliest == language and sure >= _SURE and known >= 2:
        return True
    least = max(_LEAST_SHARE * len(tokens), 1 if language == hint else 2)
    return telling >= least or known >= max(_COVERED_SHARE * len(tokens), _MANY)


def _tokens(text: str) -> list[str]:
    """The words of two letters and more, without case and accents; what an apostrophe parts are words of their own."""
    bare = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
    return [token for token in re.findall(r"[^\W\d_]+", bare) if len(token) > 1 or token == "y"]


def _evidence(tokens: Collection[str]) -> Counter[str]:
    """How many of `tokens` are among each language's telling words."""
    return +Counter({language: len(telling.intersection(tokens)) for language, telling in _telling_words().items()})


def _labelled(tokens: Collection[str]) -> Counter[str]:
    """How many of `tokens` are telling words that label values: what a form prints, not what is filled in."""
    long = frozenset(token for token in tokens if len(token) >= _LABEL_LETTERS)
    return +Counter({language: len(_telling_words()[language] & words & long) for language, words in _label_words().items()})


def _from_evidence(tokens: Collection[str], evidence: Mapping[str, int], hint: str) -> str:
    """The language that a few words speak for, without a rival; `hint` breaks a tie, and a word or two do not outweigh it."""
    most = max(evidence.values(), default=0)
    if most <= _FEW and not _frequent_words().get(hint, frozenset()).isdisjoint(tokens):
        return hint
    best = [language for language, count in evidence.items() if count == most]
    if len(best) == 1 and (most >= 2 or best[0] == hint):
        return best[0]
    return hint if hint in best else "und"


def _from_ngrams(text: str, languages: tuple[str, ...]) -> tuple[str, float]:
    """The likeliest of `languages` and how likely it is; empty where there are no letters."""
    detector = _factory(languages).create()
    # langdetect skips words in capitals.
    detector.append(text.lower())
    try:
        likely = detector.get_probabilities()
    except LangDetectException:
        return "", 0.0
    return (str(likely[0].lang), float(likely[0].prob)) if likely else ("", 0.0)


@cache
def _factory(languages: tuple[str, ...]) -> DetectorFactory:
    """The n-grams of some languages: with all of langdetect's profiles Hindi labels become Marathi or Nepali."""
    profiles = Path(langdetect.__file__).parent / "profiles"
    factory = DetectorFactory()
    factory.set_seed(0)
    factory.load_json_profile([(profiles / language).read_text(encoding="utf-8") for language in languages])
    return factory


@cache
def _told() -> Mapping[str, Mapping[str, str]]:
    return load_data("language.toml", "pipeline")


@cache
def _neighbours() -> tuple[str, ...]:
    """Other languages in Latin letters that langdetect knows: a page in one of them is none of the eight."""
    return tuple(_told()["others"]["latin"].split())


@cache
def _frequent_words() -> Mapping[str, frozenset[str]]:
    """Frequent words of each language in Latin letters."""
    return {language: frozenset(_tokens(words)) for language, words in _told()["words"].items()}


@cache
def _label_words() -> Mapping[str, frozenset[str]]:
    """The words of the labels that the built-in schemas know, by language."""
    found: dict[str, set[str]] = {language: set() for language in LANGUAGES}
    for file in resources.files("schemas").joinpath("labels").iterdir():
        for labels in tomllib.loads(file.read_text(encoding="utf-8")).values():
            for language in found.keys() & labels.keys():
                found[language].update(_tokens(" ".join(labels[language])))
    return {language: frozenset(words) for language, words in found.items()}


@cache
def _telling_words() -> Mapping[str, frozenset[str]]:
    """Frequent words of each language that no other of the eight shares."""
    frequent = _frequent_words()
    count = Counter(word for words in frequent.values() for word in words)
    told = {language: frozenset(word for word in words if count[word] == 1) for language, words in frequent.items()}
    return {language: told.get(language, frozenset()) for language in LANGUAGES}
