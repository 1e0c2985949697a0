"""The bench of languages: what it counts, on two small documents."""

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

from tests.paper import typeset

PROSE = (
    "Wir haben Ihre Bestellung erhalten und liefern die Ware an die unten genannte Anschrift, wie wir es mit Ihnen besprochen."
)
DUTCH = (
    "De linzen wassen en in een liter kokend water een dag laten weken. Het water bij de linzen voegen, zonder het water af "
    "te gieten, en daarna zachtjes koken tot ze gaar zijn."
)


def test_pages_with_enough_letters_are_counted_by_language(tmp_path: Path) -> None:
    (tmp_path / "de.pdf").write_bytes(typeset(PROSE))
    (tmp_path / "nl.pdf").write_bytes(typeset(DUTCH))
    (tmp_path / "wrong.pdf").write_bytes(typeset(PROSE))
    (tmp_path / "short.pdf").write_bytes(typeset("Rechnung"))
    Image.new("L", (300, 300), 255).save(tmp_path / "blank.png")
    told = {"de.pdf": "de", "nl.pdf": "nl", "wrong.pdf": "fr", "short.pdf": "de", "blank.png": "en"}
    rows = [json.dumps({"file": file, "language": language}) for file, language in told.items()]
    (tmp_path / "truth.jsonl").write_text("\n".join(rows))
    command = [sys.executable, "-m", "tests.bench.languages", str(tmp_path), "--workers", "1"]
    done = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=True)
    assert f"{tmp_path.name}: 2 of 3 pages" in done.stdout
    assert "pages: 2 of 3 right = 0.667" in done.stdout
    assert "wrong.pdf, page 1: de, not fr" in done.stdout
