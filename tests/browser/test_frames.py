"""The page's decoder against the gateway's encoder, in the browser."""

from collections.abc import Callable

import numpy as np
from playwright.sync_api import Page

from teleward_gateway.live.frame import SAMPLE_LIMIT, Run, encode_frame, join_change
from teleward_gateway.testing.feed_server import FeedServer

OpenPage = Callable[..., Page]

DECODE = """async (bytes) => {
  const { decodeFrames } = await import("/static/waves/frames.js");
  const found = [];
  try {
    const take = (run) => found.push({ ...run, samples: [...run.samples] });
    decodeFrames(Uint8Array.from(bytes).buffer, 0, take);
  } catch (error) {
    return { found, error: error.name };
  }
  return { found, error: null };
}"""


def test_the_page_decodes_what_the_gateway_encodes(ward: FeedServer, open_page: OpenPage) -> None:
    random = np.random.default_rng(3)
    runs = [
        Run(n, n % 3, 2**32 - 1 - n, random.integers(-limit, limit + 1, n + 1).astype(np.int16))
        for n, limit in enumerate([1, 60, 200, SAMPLE_LIMIT] * 8)
    ]
    message = encode_frame(7, 41, runs[:16]) + encode_frame(65535, 42, runs[16:])
    page = open_page(f"{ward.url}/ward")
    answer = page.evaluate(DECODE, list(message))
    assert answer["error"] is None
    for place, (run, back) in enumerate(zip(runs, answer["found"], strict=True)):
        assert back["key"] == (7 if place < 16 else 65535)
        assert back["sequence"] == (41 if place < 16 else 42)
        assert (back["channel"], back["generation"]) == (run.channel, run.generation)
        assert back["first"] == run.first_index
        assert back["samples"] == run.samples.tolist()


def test_the_change_in_front_of_the_frames_is_split_off(
    ward: FeedServer, open_page: OpenPage
) -> None:
    page = open_page(f"{ward.url}/ward")
    frames = encode_frame(7, 1, [])
    split = """async (bytes) => {
      const { splitChange } = await import("/static/waves/frames.js");
      return splitChange(Uint8Array.from(bytes).buffer);
    }"""
    text = '{"label":"à 7"}'
    assert page.evaluate(split, list(join_change(text, frames))) == {
        "text": text,
        "frames": 4 + len(text.encode()),
    }
    assert page.evaluate(split, list(frames)) == {"text": "", "frames": 0}


def test_bytes_that_are_no_frame_are_refused(ward: FeedServer, open_page: OpenPage) -> None:
    page = open_page(f"{ward.url}/ward")
    whole = encode_frame(7, 1, [Run(0, 0, 5, np.array([1, 400, 2], np.int16))])
    assert page.evaluate(DECODE, [1, 2, 3])["error"] == "RangeError"
    assert page.evaluate(DECODE, list(whole[:-1]))["error"] == "RangeError"
