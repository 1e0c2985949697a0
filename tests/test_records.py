"""Records: the two frames of a page map to each other, and identities are stable."""

import pytest

from pipeline.records import Frame, Source


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        # A mark at the top left of the upright page, and where it lies on the page as a viewer shows it.
        (0, (0.1, 0.2, 0.3, 0.25)),
        (180, (0.7, 0.75, 0.9, 0.8)),
        (90, (0.2, 0.7, 0.25, 0.9)),
        (270, (0.75, 0.1, 0.8, 0.3)),
    ],
)
def test_a_box_turns_with_its_page(turn: int, expected: tuple[float, ...]) -> None:
    frame = Frame(100, 200, turn=turn)
    assert frame.to_page((0.1, 0.2, 0.3, 0.25)) == pytest.approx(expected)


def test_a_straightened_box_goes_back_to_the_slope() -> None:
    # 10 degrees on a square page: a point right of the centre lies lower or higher by sin(10°) of its distance.
    x0, y0, x1, y1 = Frame(100, 100, skew=10.0).to_page((0.9, 0.5, 0.9, 0.5))
    assert (x0, y0) == pytest.approx((0.5 + 0.4 * 0.98481, 0.5 - 0.4 * 0.17365), abs=1e-4)
    assert (x1, y1) == pytest.approx((x0, y0))


def test_boxes_stay_on_the_page() -> None:
    box = Frame(100, 300, skew=-8.0).to_page((0.0, 0.0, 1.0, 0.02))
    assert all(0.0 <= edge <= 1.0 for edge in box)


def test_a_documents_identity_is_its_place_not_its_content() -> None:
    old, new = Source("/in/a.pdf", 10, "1"), Source("/in/a.pdf", 99, "2")
    assert old.document_id == new.document_id != Source("/in/b.pdf", 10, "1").document_id
    assert Source("/in/\udcff.pdf", 1, "1").document_id  # a name that is not UTF-8
