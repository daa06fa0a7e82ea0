"""How output passes to a card: in order, bounded, and what is left out is counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from polpo_lab.notebook.output_feed import BURST_CHARACTERS, KEPT_CHARACTERS, OutputFeed


def texts(message):
    return "".join(part["text"] for part in message["parts"])


def drained(feed, now=0.0, step=0.05):
    """Every batch until nothing waits, as the card's clock goes on."""
    batches = []
    while feed.is_waiting:
        now += step
        batch = feed.batch(now)
        if batch is not None:
            batches.append(batch)
    return batches


def test_what_is_written_comes_out_once_in_order():
    feed = OutputFeed()
    feed.write("stdout", "one\n")
    feed.write("stderr", "two\n")
    feed.write("stderr", "three\n")

    batch = feed.batch(now=0.0)

    assert [(p["kind"], p["text"]) for p in batch["parts"]] == [
        ("stdout", "one\n"),
        ("stderr", "two\nthree\n"),
    ]
    assert (batch["seq"], batch["skipped"], batch["lines"]) == (1, 0, 3)
    assert feed.batch(now=0.05) is None


def test_five_thousand_lines_in_one_go_all_pass():
    feed = OutputFeed()
    lines = [f"line {i} of a program that writes as programs do\n" for i in range(5000)]
    for line in lines:
        feed.write("stdout", line)

    batches = drained(feed)

    assert "".join(map(texts, batches)) == "".join(lines)
    assert sum(batch["skipped"] for batch in batches) == 0


def test_a_flood_is_thinned_its_newest_kept_and_the_rest_counted():
    feed = OutputFeed()
    batches, now = [], 0.0
    for second in range(10):
        for tick in range(20):
            feed.write("stdout", "".join(f"{second}.{tick}.{i} {'x' * 40}\n" for i in range(1000)))
            now += 0.05
            batches += [b for b in [feed.batch(now)] if b]
    batches += drained(feed, now)

    shown = "".join(map(texts, batches))
    skipped = sum(batch["skipped"] for batch in batches)
    assert shown.endswith(f"9.19.999 {'x' * 40}\n")
    assert skipped + shown.count("\n") == 200_000 == feed.lines
    # The burst, then the steady rate over a little more than ten seconds.
    assert len(shown) < BURST_CHARACTERS + 12 * 128 * 1024


def test_a_line_of_a_hundred_megabytes_is_held_in_bounded_memory():
    feed = OutputFeed()
    for _ in range(3200):
        feed.write("stdout", "a" * 32 * 1024)

    assert len(feed.text()) <= KEPT_CHARACTERS
    assert sum(len(texts(batch)) for batch in drained(feed)) <= BURST_CHARACTERS + 128 * 1024


def test_a_page_that_opens_late_gets_the_tail_and_no_line_twice():
    feed = OutputFeed()
    feed.write("stdout", "before\n")
    first = feed.batch(now=0.0)
    feed.write("stdout", "meanwhile\n")

    rest = feed.rest(now=0.01)
    tail = feed.tail()

    assert texts(first) + texts(rest) == texts(tail) == "before\nmeanwhile\n"
    assert tail["seq"] == rest["seq"] == 2
    assert not feed.is_waiting


def test_lone_surrogates_are_replaced_since_no_message_can_carry_them():
    feed = OutputFeed()
    feed.write("stdout", "a\ud800b")

    assert texts(feed.batch(now=0.0)) == "a\ufffdb"


@given(
    st.lists(
        st.tuples(st.sampled_from(["stdout", "stderr", "tool"]), st.text(max_size=3000)),
        max_size=200,
    ),
    st.integers(min_value=1, max_value=20),
)
def test_shown_and_skipped_lines_add_up_however_it_comes(writes, every):
    feed = OutputFeed(kept=20_000)
    batches, now = [], 0.0
    for i, (kind, text) in enumerate(writes):
        if kind == "tool":
            feed.use_tool({"tool": text})
        else:
            feed.write(kind, text.replace("\ud800", "") + "\n")
        if i % every == 0:
            now += 0.05
            batches += [b for b in [feed.batch(now)] if b]
    batches += drained(feed, now)

    assert [b["seq"] for b in batches] == list(range(1, len(batches) + 1))
    shown = sum(part.get("text", "").count("\n") for batch in batches for part in batch["parts"])
    # A tool call that is left out counts as a line.
    skipped = sum(batch["skipped"] for batch in batches)
    assert feed.lines <= shown + skipped <= feed.lines + len(writes)


def test_tool_calls_are_lines_of_their_own_in_the_text():
    feed = OutputFeed()
    feed.write("message", "thinking")
    feed.use_tool(
        {"tool": "search", "input": '{\n "q": 1\n}', "output": None, "error": "no <b>\nhit"}
    )
    feed.use_tool({"tool": "read", "input": None, "output": "x" * 1000, "error": None})
    feed.write("message", "done")
    lines = feed.text().split("\n")
    assert lines[:2] == ["thinking", '▸ search { "q": 1 } failed: no <b> hit']
    assert lines[2].startswith("▸ read -> xxx")
    assert len(lines[2]) <= 220
    assert lines[3] == "done"
