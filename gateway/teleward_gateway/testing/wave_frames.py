"""Decoder of the dashboard's wave messages; the pages have their own in JavaScript."""

import struct

import numpy as np

from teleward_gateway.live.frame import (
    CHANGE_HEADER,
    CHANGE_MAGIC,
    FRAME_HEADER,
    HALVES,
    MAGIC,
    RUN_HEADER,
    SEQUENCE_MASK,
    Frame,
    Run,
)
from teleward_gateway.live.steps import ESCAPE, HALF_ESCAPE


def split_change(data: bytes) -> tuple[str, bytes]:
    """Return (the JSON change or ``""``, the frames) of a binary message; raises ValueError."""
    if not data or data[0] != CHANGE_MAGIC:
        return "", data
    try:
        (head,) = CHANGE_HEADER.unpack_from(data)
    except struct.error as error:
        raise ValueError("change cut short") from error
    end = CHANGE_HEADER.size + (head >> 8)
    if end > len(data):
        raise ValueError("change cut short")
    return data[CHANGE_HEADER.size : end].decode(), data[end:]


def decode_frames(data: bytes) -> list[Frame]:
    """Return every frame in the part of a message behind `split_change`.

    Raises ValueError on bytes that are no frame."""
    frames, at = [], 0
    while at < len(data):
        try:
            magic, n_runs, key, counted = FRAME_HEADER.unpack_from(data, at)
        except struct.error as error:
            raise ValueError(f"wave frame cut short at byte {at}") from error
        if magic != MAGIC:
            raise ValueError(f"no wave frame at byte {at}: {magic:#04x} instead of {MAGIC:#04x}")
        at += FRAME_HEADER.size
        runs = []
        for _ in range(n_runs):
            run, at = _decode_run(data, at)
            runs.append(run)
        frames.append(Frame(key, counted & SEQUENCE_MASK, counted >> 24, runs))
    return frames


def _decode_run(data: bytes, at: int) -> tuple[Run, int]:
    try:
        channel, generation, count, first_index, value = RUN_HEADER.unpack_from(data, at)
        n_steps = (count & ~HALVES) - 1
        steps, end = (_halves if count & HALVES else _bytes)(data, at + RUN_HEADER.size, n_steps)
    except (struct.error, IndexError) as error:
        raise ValueError(f"wave frame cut short at byte {at}") from error
    if n_steps < 0:
        raise ValueError(f"run without samples at byte {at}")
    samples = np.cumsum([value, *steps]).astype(np.int16)
    return Run(channel, generation, first_index, samples), end


def _bytes(data: bytes, at: int, n_steps: int) -> tuple[list[int], int]:
    steps = []
    for _ in range(n_steps):
        (step,) = struct.unpack_from("<b", data, at)
        at += 1
        if step == ESCAPE:
            (step,) = struct.unpack_from("<h", data, at)
            at += 2
        steps.append(step)
    return steps, at


def _halves(data: bytes, at: int, n_steps: int) -> tuple[list[int], int]:
    taken = 0

    def take() -> int:
        nonlocal taken
        taken += 1
        return data[at + (taken - 1) // 2] >> 4 * ((taken - 1) % 2) & 15

    steps = []
    for _ in range(n_steps):
        step = take()
        if step == HALF_ESCAPE:
            step = sum(take() << 4 * place for place in range(4))
            steps.append(step - 65536 if step > 32767 else step)
        else:
            steps.append(step - 16 if step > 7 else step)
    return steps, at + (taken + 1) // 2
