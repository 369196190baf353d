"""The binary wave frame of the dashboard: one tick of one subject, int16 start and small steps.

A WebSocket message is one or more frames, one behind the other; what changed at the same tick
travels in front of them, because a message of its own costs 56 bytes around it. Little endian:

    offset  size  change, at most one and first
    0       u8    magic 0x4A ("J")
    1       u24   length of the JSON text in bytes
    4       ...   the JSON text, UTF-8

    offset  size  frame
    0       u8    magic 0x57 ("W")
    1       u8    number of runs
    2       u16   subject key, from the JSON description of the subject
    4       u24   running number of the subject's frames, so that a page sees what it missed
    7       u8    heart beats since the frame before
    8       ...   runs

    offset  size  run: samples without a gap, of one channel
    0       u8    channel number, from the JSON description
    1       u8    generation of the channel (changes when its index starts again)
    2       u16   bits 0-14 the number of samples n (1 at least), bit 15 set: steps are half bytes
    4       u32   index of the first sample: an integer, never a rounded time
    8       i16   first sample in steps of the channel's ``lsb``
    10      ...   n - 1 steps to the next sample, in whichever form is shorter:
                  bytes       i8, or 0x80 and then i16 when it does not fit
                  half bytes  low half first, i4, or 0x8 and then i16 as four halves when it does
                              not fit; an odd number is filled up with 0

Samples lie in -16383..16383, so that every step fits an int16. Physical value =
sample * lsb + base, all from the JSON description, which travels ahead on the same socket.
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from teleward_gateway.live.steps import write_steps

MAGIC = 0x57
CHANGE_MAGIC = 0x4A
CHANGE_HEADER = struct.Struct("<I")
"""Magic in the lowest byte, length in the upper three."""
FRAME_HEADER = struct.Struct("<BBHI")
"""The last field is the running number with the beats in its highest byte."""
RUN_HEADER = struct.Struct("<BBHIh")
SAMPLE_LIMIT = 16383
"""Largest sample either way; twice it still fits the int16 of an escaped step."""
RUN_LIMIT = 32767
RUNS_LIMIT = 255
CHANGE_LIMIT = 2**24 - 1
"""Bytes of a change in front of frames; a longer one is a message of its own."""
BEATS_LIMIT = 255
HALVES = 0x8000
"""Bit of the sample count: steps are half bytes."""
SEQUENCE_MASK = 0xFFFFFF


@dataclass(frozen=True, slots=True)
class Run:
    """Samples of one channel without a gap; ``samples`` is int16, shape (n_samples,)."""

    channel: int
    generation: int
    first_index: int
    samples: NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Frame:
    """One subject's part of a frame."""

    key: int
    sequence: int
    beats: int
    runs: list[Run]


def encode_frame(subject_key: int, sequence: int, runs: list[Run], beats: int = 0) -> bytes:
    """Return one frame; ``runs`` beyond 255 are left out, oldest first."""
    runs = runs[-RUNS_LIMIT:]
    counted = (sequence & SEQUENCE_MASK) | min(beats, BEATS_LIMIT) << 24
    parts = [FRAME_HEADER.pack(MAGIC, len(runs), subject_key, counted)]
    parts += [encode_run(run) for run in runs]
    return b"".join(parts)


def encode_run(run: Run) -> bytes:
    """Return the header and the steps of one run of 1 to 32767 samples."""
    samples = run.samples
    steps = np.empty(3 * len(samples), np.uint8)
    length, halves = write_steps(samples, steps)
    count = len(samples) | (HALVES if halves else 0)
    header = RUN_HEADER.pack(run.channel, run.generation, count, run.first_index, int(samples[0]))
    return header + steps[:length].tobytes()


def join_change(change: str, frames: bytes) -> bytes:
    """Return one message of a JSON change and the frames of the same tick."""
    text = change.encode()
    return CHANGE_HEADER.pack(CHANGE_MAGIC | len(text) << 8) + text + frames
