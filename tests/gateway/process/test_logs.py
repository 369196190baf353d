"""Logs are structured and name nobody."""

import io
import json
import logging
from collections import Counter
from collections.abc import Iterator

import pytest

from teleward_gateway.process.log_limit import RepeatFilter
from teleward_gateway.process.logs import Redactor, set_up_logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_line_is_one_json_object(stream: io.StringIO) -> None:
    set_up_logs(as_json=True, stream=stream)
    logging.getLogger("teleward.x").warning("lost %s\nagain", "link", extra={"device": "ox-1"})
    try:
        raise ValueError("bad byte")
    except ValueError:
        logging.getLogger("teleward.y").exception("decoder")
    first, second = lines(stream)
    assert first["message"] == "lost link\nagain"
    assert first["device"] == "ox-1"
    assert first["level"] == "warning"
    assert str(first["time"]).endswith("Z")
    assert "bad byte" in str(second["trace"])


def test_a_problem_that_repeats_is_written_once_an_hour(stream: io.StringIO) -> None:
    now_s = [0.0]
    set_up_logs(stream=stream, as_json=True)
    handler = logging.getLogger().handlers[0]
    handler.filters[:] = [RepeatFilter(lambda: now_s[0])]
    log = logging.getLogger("teleward.loop")
    for second in range(0, 24 * 3600, 5):
        now_s[0] = float(second)
        log.warning("no advertisement for %.0f s: scan restarted", 20 + second % 3)
        log.error("sink %s: %s", "influx", "database is away")
        log.exception("driver %s failed on %s", "x", f"{second:08x}a")
    written = Counter(str(line["logger"]) + str(line["message"])[:6] for line in lines(stream))
    assert written["teleward.loopno adv"] == written["teleward.loopsink i"] == 4 + 23
    assert written["teleward.loopdriver"] <= 60 + 24 * 60
    assert lines(stream)[-1].get("left_out"), "what is left out is counted"
    assert max(len(handler.filters[0]._causes._budgets), 0) <= 4096  # type: ignore[union-attr]


def test_names_and_addresses_become_marks(stream: io.StringIO) -> None:
    redactor = Redactor()
    redactor.learn(["Ada Example", "bed-7", None, "x"])
    set_up_logs(redactor=redactor, as_json=True, stream=stream)
    log = logging.getLogger("teleward.z")
    log.info("Ada Example in bed-7 wears c0:ff:ee:00:11:22; bed-71 does not")
    log.info("bed-7 again", extra={"subject": "bed-7"})
    try:
        raise LookupError("no binding for Ada Example")
    except LookupError:
        log.exception("failed")
    text = stream.getvalue()
    for secret in ("Ada", "Example", "c0:ff:ee", "bed-7 ", '"bed-7"'):
        assert secret not in text
    first, second, _ = lines(stream)
    assert "bed-71 does not" in str(first["message"]), "only whole names"
    mark = str(second["subject"])
    assert mark.startswith("<person ")
    assert mark in str(first["message"]), "the same name has the same mark"
    other = Redactor()
    other.learn(["bed-7"])
    assert other.clean("bed-7") != mark, "and another one in another process"


def test_for_eyes_the_same_is_hidden(stream: io.StringIO) -> None:
    redactor = Redactor()
    redactor.learn(["Ada Example"])
    set_up_logs(redactor=redactor, stream=stream)
    logging.getLogger("teleward.t").warning("Ada Example")
    assert "WARNING teleward.t: <person " in stream.getvalue()


def test_names_of_several_words_and_signs_are_found_whole() -> None:
    redactor = Redactor()
    redactor.learn(["Ada", "Ada Example", "(Bo)", "bed 3/b", "Zoe"])
    cleaned = redactor.clean("Ada Example, Ada, Adam and (Bo) in bed 3/b, bed 3/bc; Zoe")
    for name in ("Ada Example", "Ada,", "(Bo)", "bed 3/b,", "Zoe"):
        assert name not in cleaned
    assert "Adam and" in cleaned
    assert "bed 3/bc" in cleaned
    assert cleaned.count("<person ") == 5


def test_the_names_told_last_are_kept_and_the_number_is_bounded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("teleward_gateway.process.logs._MOST", 3)
    redactor = Redactor()
    redactor.learn(["Ada One", "Ada Two", "bed-1"])
    redactor.learn(["Ada One"])  # still there
    redactor.learn(["Eve", "bed-2"])
    assert redactor.clean("Ada Two bed-1") == "Ada Two bed-1"
    cleaned = redactor.clean("Ada One Eve bed-2")
    assert cleaned.count("<person ") == 3
    assert len(redactor._names) == sum(map(len, redactor._by_word.values())) == 3
    assert caplog.text.count("longest gone") == 1


def test_what_was_sent_forges_no_line(stream: io.StringIO) -> None:
    """A device's name with an end of line, a colour of the terminal or a change of direction."""
    set_up_logs(as_json=False, stream=stream)
    sent = "strap\n2026-01-01 INFO teleward: all is well\r\x1b[2J\u202e\u2028\x85."
    logging.getLogger("teleward.x").warning("seen %s", sent)
    try:
        raise ValueError(sent)
    except ValueError:
        logging.getLogger("teleward.y").exception("refused")
    first, *rest = stream.getvalue().splitlines()
    assert first.endswith(r"\n2026-01-01 INFO teleward: all is well\r\x1b[2J\u202e\u2028\x85.")
    assert "WARNING" not in rest[0]
    assert all(line.startswith("    ") for line in rest[1:])
    assert "\x1b" not in stream.getvalue()
