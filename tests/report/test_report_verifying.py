"""`polpo-lab verify report.html` finds every number that is not what the journal gives."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest

from polpo_lab.errors import ReportError
from polpo_lab.report.verifying import verify_report

DATA = re.compile(r'(<script [^>]*id="polpo-lab-report"[^>]*>)(.*?)(?=</script>)', re.DOTALL)


def data_of(text):
    return json.loads(DATA.search(text)[2])


def changed(page, tmp_path, change):
    made = tmp_path / "changed.html"
    made.write_text(change(page.read_text(encoding="utf-8")), encoding="utf-8")
    return made


def with_data(change):
    def changing(text):
        data = data_of(text)
        change(data)
        return DATA.sub(lambda found: found[1] + json.dumps(data), text)

    return changing


def test_a_report_as_it_was_built_verifies(page):
    found = verify_report(page)
    assert found.ok, str(found)
    assert found.checked["numbers"] > 100
    assert found.checked["shown"] >= found.checked["numbers"]


def test_a_number_changed_where_it_is_read_is_named(page, small, tmp_path):
    key = "outcome/by agent/sentence"
    made = changed(
        page, tmp_path,
        lambda text: re.sub(rf'(<data data-number="{key}">)', r"\1Surely: ", text),
    )  # fmt: skip
    found = verify_report(made, small)
    assert [each.where for each in found.differences] == [key]
    assert "the page shows 'Surely: " in str(found)


def test_a_number_changed_everywhere_in_the_page_is_named_too(page, small, tmp_path):
    key = "plan/verdicts"

    def change(text):
        text = re.sub(rf'(<data data-number="{key}">)\d+', r"\g<1>143", text)
        return with_data(lambda data: data["numbers"].update({key: [143, "143"]}))(text)

    found = verify_report(changed(page, tmp_path, change), small)
    assert [each.where for each in found.differences] == [key]
    assert "the page says '143', the journal gives '144'" in str(found)


def test_digits_behind_those_that_are_shown_count(page, small, tmp_path):
    key = next(
        key for key, (value, _) in data_of(page.read_text())["numbers"].items()
        if isinstance(value, float) and value % 1
    )  # fmt: skip

    def change(data):
        data["numbers"][key][0] *= 1.00001

    found = verify_report(changed(page, tmp_path, with_data(change)), small)
    assert [each.where for each in found.differences] == [key]


def test_a_number_that_was_taken_out_of_the_page_is_missed(page, small, tmp_path):
    made = changed(page, tmp_path, lambda text: text.replace('data-number="plan/trials"', ""))
    found = verify_report(made, small)
    assert [str(each) for each in found.differences] == [
        "number plan/trials: the page carries it and does not show it"
    ]


def test_other_data_are_told(page, small, tmp_path):
    other = tmp_path / "small"
    shutil.copytree(small, other)
    (segment,) = (other / "journal").glob("*.jsonl")
    lines = segment.read_bytes().split(b"\n")
    ended = [at for at, line in enumerate(lines) if line.startswith(b'{"record":"ended"')]
    del lines[ended[0]]
    segment.write_bytes(b"\n".join(lines))
    found = verify_report(page, other)
    assert "the page was made of" in str(found)
    assert "number plan/verdicts: the page says '144', the journal gives '143'" in str(found)


def test_the_command_says_so_and_exits_with_1(page, small, tmp_path):
    made = changed(page, tmp_path, lambda text: text.replace(">144</data> of", ">145</data> of"))
    for path, code in ((page, 0), (made, 1)):
        ran = subprocess.run(
            [sys.executable, "-m", "polpo_lab.cli", "verify", str(path), "--journal", str(small)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == code, ran.stderr
    assert "the page shows '145', its data say '144'" in ran.stdout


def test_the_journal_is_found_beside_a_page_that_travelled_with_it(page, small, tmp_path):
    shutil.copytree(small, tmp_path / "sent" / "small")
    made = tmp_path / "sent" / "report.html"
    made.write_text(with_data(lambda data: data.update(journal="/gone/small"))(page.read_text()))
    assert verify_report(made).ok


START = '<script type="application/json" id="polpo-lab-report">'
LOST = {
    "format": 1,
    "experiment": "x",
    "journal": "gone",
    "data": "",
    "sections": [],
    "numbers": {},
}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<p>hello</p>", "is no report that carries its numbers"),
        (
            f'{START}{{"format": 99}}</script>',
            "has format 99, this version of polpo-lab reads up to 1",
        ),
        (f'{START}{{"for</script>', "cannot be read"),
        (f"{START}{json.dumps(LOST)}</script>", "--journal DIR"),
    ],
)
def test_what_is_no_report_is_refused_with_a_reason(tmp_path, text, said):
    made = tmp_path / "page.html"
    made.write_text(text)
    with pytest.raises(ReportError, match=re.escape(said)):
        verify_report(made)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ReportError, match="neither a report nor the folder of an experiment"):
        verify_report(tmp_path / "none.html")
