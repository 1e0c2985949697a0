import pytest

from pipeline.values.carried import carries


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Übertrag auf Seite 2:", "de", "sure"),
        ("Brought forward from page 1", "th", "sure"),
        ("Suma y sigue", "es", "sure"),
        ("ยอดยกไป", "th", "sure"),
        ("Report de la page précédente", "fr", "sure"),
        ("Report", "fr", "doubtful"),
        ("Transporte:", "pt", "doubtful"),
        ("Transporte", "und", "doubtful"),
        ("Transporte", "de", ""),
        ("Report", "en", ""),
        ("Report on soil", "fr", ""),
        ("Transportes Silva Lda", "pt", ""),
        ("Reporters Bookshop", "fr", ""),
        ("Vortragshonorar Schmidt", "de", ""),
        ("Vortrag Schmidt", "de", ""),
        ("2", "en", ""),
        ("", "en", ""),
    ],
)
def test_what_says_that_a_sum_is_carried(text, language, expected):
    assert carries(text, language) == expected
