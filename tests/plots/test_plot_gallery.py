"""The gallery shows every figure, drawn by the line that stands above it, as it is drawn today."""

from __future__ import annotations

import re

import pytest
from matplotlib import image
from matplotlib.testing.compare import compare_images

from polpo_lab import plots
from tests.plots.gallery import PAGE, PICTURED, PICTURES, draw, page

# Of 255, root mean square. Other versions of the font renderer move letters by less; a mark that
# moves by its own width is more.
TOLERANCE = 6.0
LARGEST = 40 * 1024


@pytest.mark.parametrize("picture", PICTURED, ids=lambda picture: picture.name)
def test_a_picture_is_as_it_is_drawn_today(picture, real, tmp_path):
    drawn = tmp_path / f"{picture.name}.png"
    draw(picture, drawn, real)
    kept = PICTURES / f"{picture.name}.png"
    assert compare_images(str(kept), str(drawn), TOLERANCE) is None
    assert kept.stat().st_size < LARGEST


def test_the_comparison_sees_other_results(real, tmp_path):
    picture = next(each for each in PICTURED if each.name == "pass_rate_bars")
    drawn = tmp_path / "other.png"
    tasks = real["tasks"]
    other = tasks.assign(passed_num=1 - tasks["passed_num"], passed=~tasks["passed"])
    from polpo_lab import compare

    draw(picture, drawn, {**real, "comparison": compare(other, "agent", at={"policy": "once"})})
    kept = PICTURES / f"{picture.name}.png"
    assert image.imread(drawn).shape == image.imread(kept).shape
    assert compare_images(str(kept), str(drawn), TOLERANCE) is not None


def test_the_page_is_written_anew_by_its_command():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.plots.gallery"


def test_every_figure_is_in_the_gallery_and_every_picture_is_there():
    assert sorted(each.name for each in PICTURED) == plots.__all__
    shown = re.findall(r"images/gallery/(\w+)\.png", PAGE.read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(path.stem for path in PICTURES.glob("*.png"))
