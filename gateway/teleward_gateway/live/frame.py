"""The binary wave frame of the dashboard: one tick of one subject, int16 start and int8 steps.

A WebSocket message is one or more frames, one behind the other. Little endian:

    offset  size  frame
    0       u8    magic 0x57 ("W")
    1       u8    number of runs
    2       u16   subject key, from the JSON description of the subject
    4       u32   running number of the subject's frames, so that a page sees what it missed
    8       ...   runs

    offset  size  run: samples without a gap, of one channel
    0       u8    channel number, from the JSON description
    1       u8    generation of the channel (changes when its index starts again)
    2       u16   number of samples n (1 at least)
    4       u32   index of the first sample: an integer, never a rounded time
    8       i16   first sample in steps of the channel's ``lsb``
    10      ...   n - 1 steps to the next sample: i8, or 0x80 and then i16 when it does not fit

Samples lie in -16383..16383, so that every step fits an int16. Physical value =
sample * lsb + base, all from the JSON description, which travels ahead on the same socket.
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.live.steps import ESCAPE, write_steps

MAGIC = 0x57
FRAME_HEADER = struct.Struct("<BBHI")
RUN_HEADER = struct.Struct("<BBHIh")
SAMPLE_LIMIT = 16383
"""Largest sample either way; twice it still fits the int16 of an escaped step."""
RUN_LIMIT = 65535
RUNS_LIMIT = 255


@dataclass(frozen=True, slots=True)
class Run:
    """Samples of one channel without a gap; ``samples`` is int16, shape (n_samples,)."""

    channel: int
    generation: int
    first_index: int
    samples: NDArray[np.int16]


def encode_frame(subject_key: int, sequence: int, runs: list[Run]) -> bytes:
    """Return one frame; ``runs`` beyond 255 are left out, oldest first."""
    runs = runs[-RUNS_LIMIT:]
    parts = [FRAME_HEADER.pack(MAGIC, len(runs), subject_key, sequence & 0xFFFFFFFF)]
    parts += [encode_run(run) for run in runs]
    return b"".join(parts)


def encode_run(run: Run) -> bytes:
    """Return the header and the steps of one run of 1 to 65535 samples."""
    samples = run.samples
    header = RUN_HEADER.pack(
        run.channel, run.generation, len(samples), run.first_index, int(samples[0])
    )
    steps = np.empty(3 * len(samples), np.uint8)
    return header + steps[: write_steps(samples, steps)].tobytes()


def decode_frames(data: bytes) -> list[tuple[int, int, list[Run]]]:
    """Return (subject key, sequence, runs) of every frame in a message.

    Raises ValueError on bytes that are no frame. The page has its own decoder in JavaScript; this
    one serves tests and tools.
    """
    frames, at = [], 0
    while at < len(data):
        try:
            magic, n_runs, key, sequence = FRAME_HEADER.unpack_from(data, at)
        except struct.error as error:
            raise ValueError(f"wave frame cut short at byte {at}") from error
        if magic != MAGIC:
            raise ValueError(f"no wave frame at byte {at}: {magic:#04x} instead of {MAGIC:#04x}")
        at += FRAME_HEADER.size
        runs = []
        for _ in range(n_runs):
            run, at = _decode_run(data, at)
            runs.append(run)
        frames.append((key, sequence, runs))
    return frames


def _decode_run(data: bytes, at: int) -> tuple[Run, int]:
    try:
        channel, generation, n_samples, first_index, value = RUN_HEADER.unpack_from(data, at)
        at += RUN_HEADER.size
        samples = np.empty(n_samples, np.int16)
        samples[0] = value
        for place in range(1, n_samples):
            (step,) = struct.unpack_from("<b", data, at)
            at += 1
            if step == ESCAPE:
                (step,) = struct.unpack_from("<h", data, at)
                at += 2
            value += step
            samples[place] = value
    except (struct.error, IndexError) as error:
        raise ValueError(f"wave frame cut short at byte {at}") from error
    return Run(channel, generation, first_index, samples), at
