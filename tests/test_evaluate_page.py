"""The page of an evaluation says what the JSON says, shows where values stand, and whatever documents hold stays text."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline import store
from pipeline.errors import UsageError
from pipeline.evaluate import Found, Spot, Truth, compare, evaluate
from pipeline.evaluate.crops import FOUND, TRUE, Mark, Shot, drawer, pictures
from pipeline.evaluate.page import ROWS, worst_of, write_page
from pipeline.records import Grounding, LedgerRow, Reason, Status, Value
from pipeline.settings import Settings
from schemas.registry import load_schema
from tests.conftest import Made

OCTOGLOT = Path(sys.executable).with_name("octoglot")
INVOICE = load_schema("invoice")
SCHEMAS = {"invoice": INVOICE}
D = Decimal
BOX, TRUE_BOX = (0.5, 0.4, 0.6, 0.42), (0.5, 0.6, 0.6, 0.62)
HOSTILE = "</bdi></dd><script>alert('1')</script><img src=//evil.example/x onerror=\"alert(1)\">{{ 7 * 7 }}"
HOSTILE_NAME = "<img src=x onerror=alert(1)>&{{ 7 * 7 }}.png"


class Seen(HTMLParser):
    """What a browser would make of a page: elements with their attributes, and the text outside of styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside != "style":
            self.text += f"{data} "


def page(path, report, **told):
    write_page(path, report, truth="truth.jsonl", out="results", **told)
    return Seen(path.read_text(encoding="utf-8"))


def paper(path):
    """A white page with a black bar where the value stands."""
    pixels = np.full((1400, 1000, 3), 255, np.uint8)
    pixels[565:585, 505:595] = 0
    ok, png = cv2.imencode(".png", pixels)
    assert ok
    path.write_bytes(png.tobytes())
    return str(path)


def value(path, typed, box=BOX, confidence=0.7, page=1):
    return Value(path, str(typed), typed, page, Grounding.EXACT, box, confidence)


def result(*values, **told):
    base = {"engine": "ocr", "status": Status.OK, "confidence": 0.7, "review_reasons": ("<s>low</s>",), "values": values}
    return Found(**{**base, **told})


@pytest.fixture
def hostile(tmp_path):
    """A report over a document whose name and values are made to break out of a page."""
    told = Truth(
        paper(tmp_path / HOSTILE_NAME),
        "invoice",
        '"><script>',
        {"seller_name": "ACME", "total": "1.00", "document_number": HOSTILE},
        doc_type="<b>",
        spots={"total": (Spot(1, TRUE_BOX),)},
    )
    found = result(value("seller_name", HOSTILE), value("total", D(2)), engine="<u>", other_engines=("</p><script>",))
    other = Truth(str(tmp_path / "gone.png"), "invoice", "de", {"total": "3.00"})
    return evaluate([(told, found), (other, result(value("total", D(3))))], SCHEMAS, notes=("<script>note</script>",))


def test_nothing_that_a_document_holds_is_more_than_text(tmp_path, hostile):
    before = json.loads(json.dumps(hostile.as_dict()))
    before["by_language"]["<i>lost</i>"] = before["overall"]
    seen = page(tmp_path / "page.html", hostile, comparison=compare(hostile.as_dict(), before))
    tags = {tag for tag, _ in seen.elements}
    assert not tags & {"script", "iframe", "object", "embed", "link", "base", "form", "u", "i", "s"}
    assert all(not name.startswith("on") for _, attributes in seen.elements for name in attributes)
    links = [attributes.get(name) or "" for _, attributes in seen.elements for name in ("src", "href", "xlink:href")]
    assert all(link.startswith(("data:image/jpeg;base64,", "#")) for link in links if link)
    for text in (HOSTILE, HOSTILE_NAME, '"><script>', "<u>", "<script>note</script>", "<i>lost</i>", "<s>low</s>"):
        assert text in seen.text
    assert "49" not in re.sub(r"\d\.\d+", "", seen.text)


def test_the_page_may_load_and_run_nothing(tmp_path, hostile):
    seen = page(tmp_path / "page.html", hostile)
    (policy,) = [told["content"] for tag, told in seen.elements if tag == "meta" and "http-equiv" in told]
    assert policy.split("; ")[:3] == ["default-src 'none'", "img-src data:", "style-src 'unsafe-inline'"]
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "url(http" not in text
    assert "@import" not in text


def test_crops_show_what_was_found_and_what_is_true(tmp_path, hostile):
    seen = page(tmp_path / "page.html", hostile)
    images = {told["alt"]: told for tag, told in seen.elements if tag == "img"}
    assert set(images) == {"The first page", "Where seller_name stands", "Where total stands"}
    crop = pixels_of(images["Where total stands"])
    assert (crop.shape[1], crop.shape[0]) == (
        int(images["Where total stands"]["width"]),
        int(images["Where total stands"]["height"]),
    )
    assert near(crop, FOUND) > 100
    assert near(crop, TRUE) > 100
    assert near(crop, (0, 0, 0)) > 500
    assert near(pixels_of(images["Where seller_name stands"]), TRUE) == 0


def pixels_of(image):
    raw = base64.b64decode(image["src"].removeprefix("data:image/jpeg;base64,"))
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def near(pixels, colour):
    return int((np.abs(pixels.astype(int) - colour).max(axis=2) < 60).sum())


def test_numbers_agree_with_the_json(tmp_path):
    pairs = [
        (Truth(f"{n}.pdf", "invoice", language, {"total": "1.00", "currency": "EUR"}, ("due_date",)), result(*values))
        for n, (language, values) in enumerate(
            [
                ("de", [value("total", D(1)), value("currency", "EUR")]),
                ("de", [value("total", D(2)), value("due_date", date(2024, 1, 2))]),
                ("fr", [value("total", D(1)), value("currency", "USD", confidence=0.9)]),
            ]
        )
    ]
    told = evaluate(pairs, SCHEMAS)
    text = " ".join(page(tmp_path / "page.html", told).text.split())
    overall = told.as_dict()["overall"]
    assert f"recall {overall['recall']:.3f} 3 of 6 values are right" in text
    assert f"precision {overall['precision']:.3f} 3 given values are not" in text
    assert (overall["wrong"], overall["false"]) == (2, 1)
    assert f"false values {overall['false_rate']:.1%} 1 of 3" in text
    for name, m in told.as_dict()["by_language"].items():
        shares = " ".join(f"{m[share]:.3f}" for share in ("precision", "recall", "exact_match", "anls"))
        assert f"{name} {m['right']} {m['wrong']} {m['missed']} {m['false']} {shares}" in text
    for row in told.as_dict()["calibration"]:
        assert f" {row['values']} " in text


def test_the_worst_come_first_and_only_so_many(tmp_path):
    def pair(name, wrong, missed):
        fields = {f: "1" for f in ("total", "net_total", "tax_total", "amount_due")[: wrong + missed]}
        return Truth(name, "invoice", "de", fields), result(*(value(f, D(2)) for f in list(fields)[:wrong]))

    told = evaluate(
        [pair("one", 1, 0), pair("gaps", 0, 3), pair("wrong", 3, 0), pair("none", 0, 0), pair("most", 4, 0)], SCHEMAS
    )
    lost = evaluate([(Truth("lost", "invoice", "de", {"total": "1"}), None)], SCHEMAS)
    assert [document.truth.file for document in worst_of(told, 3)] == ["most", "wrong", "gaps"]
    assert [document.truth.file for document in worst_of(told, 9)] == ["most", "wrong", "gaps", "one"]
    assert worst_of(lost, 3) == []
    seen = page(tmp_path / "page.html", told, worst=1)
    assert [tag for tag, _ in seen.elements].count("article") == 1
    assert "The page cannot be drawn." in seen.text


def test_a_long_table_of_failures_is_cut(tmp_path):
    rows = tuple({"description": f"thing {n}", "amount": "1"} for n in range(ROWS))
    told = evaluate([(Truth("a.pdf", "invoice", "de", line_items=rows), result())], SCHEMAS)
    assert f"and {ROWS} more" in page(tmp_path / "page.html", told).text


def test_a_page_without_anything_is_still_a_page(tmp_path):
    assert "0 documents" in page(tmp_path / "page.html", evaluate([], SCHEMAS)).text


def test_a_page_that_cannot_be_written(tmp_path):
    with pytest.raises(UsageError, match="cannot write to"):
        write_page(tmp_path / "no" / "page.html", evaluate([], SCHEMAS), truth="t", out="o")


def test_pictures_of_pages_that_are_not_there(tmp_path):
    path = paper(tmp_path / "a.png")
    shots = [Shot(2, (Mark(BOX, FOUND),)), Shot(1, (Mark((0.99, 0.99, 1.0, 1.0), FOUND),)), Shot(1, whole=True)]
    none, corner, whole = pictures(path, shots, Settings())
    assert none is None
    assert corner and corner.width > 50
    assert whole and max(whole.width, whole.height) == 420
    assert pictures(str(tmp_path / "nothing.png"), shots, Settings()) == [None, None, None]


def test_a_process_that_dies_is_replaced(tmp_path):
    path = paper(tmp_path / "a.png")
    with drawer(Settings()) as draw:
        assert draw.draw(path, [Shot(1)]) != [None]
        assert draw._process
        os.kill(draw._process.pid, signal.SIGKILL)
        assert draw.draw(path, [Shot(1)]) == [None]
        assert draw.draw(path, [Shot(1)]) != [None]


def test_a_process_that_hangs_is_ended(tmp_path):
    path = paper(tmp_path / "a.png")
    with drawer(Settings()) as draw:
        assert draw.draw(path, [Shot(1)]) != [None]
        draw._settings = replace_times(draw._settings)
        assert draw._process
        os.kill(draw._process.pid, signal.SIGSTOP)
        assert draw.draw(path, [Shot(1)]) == [None]
        assert draw._process is None


def replace_times(settings):
    return settings.model_copy(update={"survey_timeout_s": 0.1, "page_timeout_s": 0.1})


@pytest.fixture
def judged(tmp_path: Path, made: Made) -> Path:
    """A folder with a store of three documents, read twice by two engines, and their truth."""
    folder = str(tmp_path / "results")
    store.open_store(folder)
    right = Value("total", "1,50", D("1.50"), 1, Grounding.EXACT, BOX, 0.9)
    wrong = replace(right, value=D("9.50"))
    files = [paper(tmp_path / name) for name in ("a.png", "b.png", "c.png")]
    lost = LedgerRow(2, Status.QUARANTINED, "render", Reason.CORRUPT, "broken")
    first = [made(path, values=(wrong,), engine="fake") for path in files[:2]]
    again = [
        made(files[0], values=(right,)),
        made(files[1], values=(right, replace(right, path="net_total")), review_reasons=("low confidence: total",)),
        made(files[2], values=(), status=Status.PARTIAL, pages=(LedgerRow(1, Status.OK), lost), page_count=2),
    ]
    store.publish_shard(folder, "r1", 0, INVOICE, first)
    store.publish_shard(folder, "r2", 0, INVOICE, again)
    lines = [
        {"file": name, "schema": "invoice", "language": "th", "fields": {"total": "1.50"}, "absent": ["net_total"]}
        for name in ("a.png", "b.png", "c.png", "d.png")
    ]
    lines += [lines[0], {"file": "a.png", "schema": "letter", "fields": {"x": "1"}}]
    (tmp_path / "truth.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return tmp_path


def octoglot(*words, cwd):
    return subprocess.run(
        [OCTOGLOT, "evaluate", "--truth", "truth.jsonl", *words], cwd=cwd, capture_output=True, text=True, timeout=120
    )


def test_the_command_judges_the_latest_and_says_what_to_know(judged):
    done = octoglot("--format", "json", cwd=judged)
    (told,) = json.loads(done.stdout)
    assert done.returncode == 0
    assert (told["overall"]["right"], told["overall"]["missed"], told["overall"]["false"]) == (2, 2, 1)
    assert set(told["by_engine"]) == {"ocr", "(not in the results)"}
    assert told["review"]["needs_review"] == {"sent": 1, "caught": 1, "sent_share": 0.3333, "caught_share": 0.5}
    for note in (
        "1 line of the truth is of a document that an earlier line has; the first is judged: a.png",
        "1 line of the truth is of the schema letter, which is not known here: give your own with --schema",
        "1 document is not in the results, and all that the truth has of them counts as missed: d.png",
        "1 document has quarantined pages, and what stands there counts as missed: c.png",
        "3 documents have changed since being read; run again before believing: a.png, b.png, c.png",
        "2 documents were also read by fake; only the latest result of each is judged",
    ):
        assert note in told["notes"]
        assert f"note: {note}" in done.stderr


def test_the_command_compares_runs_and_exits_4(judged):
    baseline = json.loads(octoglot("--format", "json", cwd=judged).stdout)
    (judged / "same.json").write_text(json.dumps(baseline))
    same = octoglot("--baseline", "same.json", cwd=judged)
    assert same.returncode == 0
    assert "nothing changed" in same.stdout
    for measures in (baseline[0]["overall"], baseline[0]["by_field"]["total"]):
        measures["recall"] = 1.0
    (judged / "better.json").write_text(json.dumps(baseline))
    worse = octoglot("--baseline", "better.json", "--html", "page.html", cwd=judged)
    assert worse.returncode == 4
    assert re.search(r"overall +recall +1.000 +0.500 +-0.500 +regression", worse.stdout)
    assert "2 regressions against better.json: overall: recall 1.000 → 0.500, total: recall 1.000 → 0.500" in worse.stderr
    assert "regression" in Seen((judged / "page.html").read_text()).text
    assert octoglot("--baseline", "better.json", "--tolerance", "0.5", cwd=judged).returncode == 0
    (told,) = json.loads(octoglot("--baseline", "better.json", "--format", "json", cwd=judged).stdout)
    first = told["comparison"]["changes"][0]
    assert first == {
        **{"part": "overall", "group": "", "measure": "recall", "then": 1.0, "now": 0.5},
        **{"worse": True, "regression": True},
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--baseline", "none.json"), "the baseline none.json cannot be read: No such file or directory → give what"),
        (("--baseline", "a.png"), "the baseline a.png is not JSON"),
        (("--baseline", "truth.json"), "the baseline is no report of an evaluation"),
        (("--out", "nowhere"), "there are no results in nowhere"),
        (("--by", "day"), "results are not told by 'day' → choose from: schema, language, field, doc_type, engine"),
        (("--html", "no/page.html"), "cannot write to no/page.html: there is no folder no → give another file with --html"),
    ],
)
def test_what_is_wrong_with_the_command_is_one_line(judged, words, said):
    (judged / "truth.json").write_text("{}")
    done = octoglot(*words, cwd=judged)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_table_fits_a_hundred_columns(judged):
    done = octoglot("--by", "field", "--failures", cwd=judged)
    lines = done.stdout.splitlines()
    assert lines[0] == "4 documents judged"
    assert max(map(len, lines[: lines.index(next(line for line in lines if "expected" in line))])) <= 100
    assert re.search(r"net_total +0 +0 +0 +1", done.stdout)
    assert re.search(r"a?b\.png +net_total +false +1\.50", done.stdout)
