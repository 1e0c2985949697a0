"""Raster files: every mode, depth and turn comes out as the same upright page, and damage is told from what can be read."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw

from pipeline.errors import DocumentError, Reason
from pipeline.images import ImageFileDocument
from pipeline.pages import MAX_RENDER_PX
from pipeline.settings import Settings
from tests.paper import page_of, sheet

SIZE = (240, 160)


def target() -> Image.Image:
    """White with a black bar at the top, and a dark square at the bottom left: no two turns or mirrors of it are alike."""
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 239, 29), fill="black")
    draw.rectangle((0, 120, 39, 159), fill=(60, 60, 60))
    return image


def is_target(grey: "np.ndarray[Any, Any]", tolerance: float = 25) -> bool:
    """Whether a grey image shows what `target` draws."""
    wanted = np.asarray(target().convert("L"), float)
    return grey.shape == wanted.shape and float(np.abs(grey - wanted).mean()) < tolerance


def deep(bits: int, scale: float = 1.0) -> Image.Image:
    values = np.asarray(target().convert("L"), np.float64) / 255 * (2**bits - 1) * scale
    return Image.fromarray(values.astype(np.uint16))


def transparent(mode: str) -> Image.Image:
    """The target as an overlay: where it is white there is nothing, and below that a colour that must not show."""
    alpha = target().convert("L").point(lambda v: 0 if v > 200 else 255)
    layered = target().convert("RGBA")
    layered.paste((0, 0, 0, 0), mask=target().convert("L").point(lambda v: 255 if v > 200 else 0))
    layered.putalpha(alpha)
    return layered.convert(mode)


def palette_with_hole() -> Image.Image:
    image = target().convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    white = int(np.asarray(image)[80, 200])
    image.info["transparency"] = white
    return image


MODES: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "grey": (lambda: target().convert("L"), "png", {}),
    "colour JPEG": (target, "jpg", {"quality": 90}),
    "CMYK JPEG": (lambda: target().convert("CMYK"), "jpg", {"quality": 95}),
    "CMYK TIFF": (lambda: target().convert("CMYK"), "tif", {}),
    "Lab TIFF": (lambda: ImageCms.applyTransform(target(), lab()), "tif", {}),
    "YCbCr JPEG": (lambda: target().convert("YCbCr"), "jpg", {}),
    "alpha": (lambda: transparent("RGBA"), "png", {}),
    "grey and alpha": (lambda: transparent("LA"), "png", {}),
    "alpha WebP": (lambda: transparent("RGBA"), "webp", {"lossless": True}),
    "palette": (lambda: target().convert("P"), "png", {}),
    "palette, transparent": (palette_with_hole, "png", {}),
    "GIF": (lambda: target().convert("P"), "gif", {}),
    "16 bits PNG": (lambda: deep(16), "png", {}),
    "16 bits TIFF": (lambda: deep(16), "tif", {}),
    "12 bits in 16": (lambda: deep(12), "tif", {}),
    "32 bits": (lambda: Image.fromarray(np.asarray(deep(16)).astype(np.int32)), "tif", {}),
    "floats": (lambda: Image.fromarray(np.asarray(target().convert("L"), np.float32) / 255), "tif", {}),
    "1 bit": (lambda: target().convert("1"), "png", {}),
    "fax, group 4": (lambda: target().convert("1"), "tif", {"compression": "group4"}),
    "fax, group 3": (lambda: target().convert("1"), "tif", {"compression": "group3"}),
    "BMP": (target, "bmp", {}),
    "JPEG 2000": (target, "jp2", {}),
    "AVIF": (target, "avif", {"quality": 90}),
    "PNM": (target, "ppm", {}),
}


def lab() -> Any:
    return ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")


@pytest.mark.parametrize("what", MODES)
def test_every_mode_and_depth_shows_the_same_page(what: str, tmp_path: Path) -> None:
    make, ending, options = MODES[what]
    path = tmp_path / f"page.{ending}"
    make().save(path, **options)
    with page_of(path, path.read_bytes()) as view:
        assert is_target(view.render(1.0, grey=True))
        colour = view.render(1.0)
        assert colour.shape == (160, 240, 3) and is_target(colour.mean(axis=2))
        assert (view.frame.width, view.frame.height) == SIZE


def test_colour_survives(tmp_path: Path) -> None:
    with page_of(tmp_path / "page.png", Image.new("RGB", (50, 50), (200, 30, 90))) as view:
        assert view.render(1.0)[25, 25].tolist() == [200, 30, 90]


def test_sixteen_bits_of_colour(tmp_path: Path) -> None:
    """Pillow writes none, so the file is made by hand."""
    pixels = (np.asarray(target(), np.uint16) * 257).astype("<u2").tobytes()
    entries = [
        (256, 3, 1, SIZE[0]),
        (257, 3, 1, SIZE[1]),
        (258, 3, 3, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, 14),
        (277, 3, 1, 3),
        (278, 3, 1, SIZE[1]),
        (279, 4, 1, len(pixels)),
    ]
    head = struct.pack("<2sHIHHH", b"II", 42, 14 + len(pixels), 16, 16, 16)
    listed = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    with page_of(tmp_path / "page.tif", head + pixels + listed) as view:
        assert is_target(view.render(1.0, grey=True))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp"])
def test_every_exif_turn_is_applied(orientation: int, ending: str, tmp_path: Path) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = target().transpose(undo[orientation]) if orientation > 1 else target()
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"page.{ending}"
    stored.save(path, exif=exif)
    with page_of(path, path.read_bytes()) as view:
        assert is_target(view.render(1.0, grey=True))


def test_a_false_exif_block_costs_nothing(tmp_path: Path) -> None:
    memory = io.BytesIO()
    target().save(memory, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01\x03\0")
    with page_of(tmp_path / "page.jpg", memory.getvalue()) as view:
        assert is_target(view.render(1.0, grey=True))


def test_a_tiff_of_several_pages_has_each_in_its_own_mode(tmp_path: Path) -> None:
    pages = [target().convert("1"), target(), target().convert("L"), transparent("RGBA")]
    path = tmp_path / "pages.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    document = ImageFileDocument(str(path), Settings())
    assert document.page_count == 4
    for number in (4, 1, 3, 2):
        assert is_target(document.page(number).render(1.0, grey=True))
    document.close()


def test_a_tiff_that_turns_in_a_circle_ends(tmp_path: Path) -> None:
    path = tmp_path / "circle.tif"
    target().save(path, save_all=True, append_images=[target()])
    data = bytearray(path.read_bytes())
    first = struct.unpack_from("<I", data, 4)[0]
    second_at = first + 2 + 12 * struct.unpack_from("<H", data, first)[0]
    second = struct.unpack_from("<I", data, second_at)[0]
    struct.pack_into("<I", data, second + 2 + 12 * struct.unpack_from("<H", data, second)[0], first)
    path.write_bytes(data)
    document = ImageFileDocument(str(path), Settings())
    assert document.page_count == 2
    assert is_target(document.page(2).render(1.0, grey=True))


def test_of_an_animation_the_first_frame_counts(tmp_path: Path) -> None:
    path = tmp_path / "moving.gif"
    target().save(path, save_all=True, append_images=[Image.new("RGB", SIZE, "red")])
    document = ImageFileDocument(str(path), Settings())
    assert document.page_count == 1
    assert is_target(document.page(1).render(1.0, grey=True))


def test_a_fax_with_half_its_lines_is_stretched(tmp_path: Path) -> None:
    squashed = target().resize((240, 80)).convert("1")
    path = tmp_path / "fax.tif"
    squashed.save(path, compression="group4", dpi=(204, 102))
    with page_of(path, path.read_bytes()) as view:
        assert (view.frame.width, view.frame.height) == (240, 160)
        assert is_target(view.render(1.0, grey=True))


@pytest.mark.parametrize("dpi", [(0, 0), (72, 0), (1, 10_000), (72, 72), (300, 299)])
def test_a_resolution_that_cannot_be_is_not_believed(dpi: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    target().save(path, dpi=dpi)
    with page_of(path, path.read_bytes()) as view:
        assert (view.frame.width, view.frame.height) == SIZE


def test_rendering_keeps_its_bound(tmp_path: Path) -> None:
    with page_of(tmp_path / "page.png", Image.new("L", (1500, 2000), 255)) as view:
        assert view.render(0.5).shape == (1000, 750, 3)
        assert view.render(100.0, grey=True).size <= MAX_RENDER_PX * 1.01


def cut(share: float, ending: str) -> bytes:
    memory = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 40, (1754, 1240), dtype=np.uint8)
    Image.fromarray(np.asarray(sheet(), np.uint8) - np.minimum(noise, np.asarray(sheet()))).save(memory, ending)
    return memory.getvalue()[: int(len(memory.getvalue()) * share)]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_an_image_that_breaks_off_late_is_mended_and_early_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "page.bin"
    # A TIFF keeps its index at the end or at the start: without it there is nothing to mend.
    path.write_bytes(cut(0.5, kind))
    with pytest.raises(DocumentError) as caught:
        ImageFileDocument(str(path), Settings())
    assert caught.value.reason in (Reason.CORRUPT, Reason.NOT_A_DOCUMENT)
    if kind != "TIFF":
        path.write_bytes(cut(0.9, kind))
        document = ImageFileDocument(str(path), Settings())
        assert document.mended
        assert document.page(1).render(1.0, grey=True).std() > 10


def test_bytes_at_random_never_raise_anything_else(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    path = tmp_path / "page.bin"
    for kind, options in (
        ("PNG", {}),
        ("JPEG", {}),
        ("TIFF", {"compression": "group4"}),
        ("WEBP", {}),
        ("GIF", {}),
        ("BMP", {}),
    ):
        memory = io.BytesIO()
        (target().convert("1") if options else target()).save(memory, kind, **options)
        for _ in range(40):
            data = bytearray(memory.getvalue())
            for place in rng.integers(0, len(data), 8):
                data[place] = rng.integers(0, 256)
            path.write_bytes(data)
            try:
                document = ImageFileDocument(str(path), Settings(max_pixels=4_000_000))
                for number in range(1, min(document.page_count, 3) + 1):
                    assert document.page(number).render(0.5, grey=True).dtype == np.uint8
            except DocumentError as error:
                assert error.reason in (Reason.CORRUPT, Reason.NOT_A_DOCUMENT, Reason.TOO_LARGE)
