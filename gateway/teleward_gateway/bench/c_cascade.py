"""The yardstick in C: eight channels by five sections held in vector registers over a block."""

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SOURCE = r"""
typedef double v8 __attribute__((vector_size(64), aligned(8)));
void cascade(const double *restrict sos, const double *restrict x, double *restrict z,
             double *restrict y, long n, long channels)
{
    for (long c = 0; c < channels; c += 8) {
        v8 state[10];
        for (int k = 0; k < 10; k++) state[k] = *(v8 *)(z + k * channels + c);
        for (long i = 0; i < n; i++) {
            v8 v = *(v8 *)(x + i * channels + c), w;
#pragma GCC unroll 5
            for (int s = 0; s < 5; s++) {
                const double *q = sos + 6 * s;
                w = q[0] * v + state[2 * s];
                state[2 * s] = q[1] * v - q[4] * w + state[2 * s + 1];
                state[2 * s + 1] = q[2] * v - q[5] * w;
                v = w;
            }
            *(v8 *)(y + i * channels + c) = w;
        }
        for (int k = 0; k < 10; k++) *(v8 *)(z + k * channels + c) = state[k];
    }
}
"""


def compile_c_cascade(sos: Floats, x: Floats, block: int) -> Callable[[], None] | None:
    """Return a function that filters ``x`` (n_samples, n_channels) in blocks, or None.

    Compiled now with ``-O3 -march=native -ffast-math``; None without a C compiler.
    """
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "cascade.c", Path(folder) / "cascade.so"
        source.write_text(SOURCE)
        flags = ["-O3", "-march=native", "-ffast-math", "-shared", "-fPIC"]
        subprocess.run([compiler, *flags, str(source), "-o", str(library)], check=True)
        function = ctypes.CDLL(str(library)).cascade
    n_samples, n_channels = x.shape
    y, z = np.empty_like(x), np.zeros((5, 2, n_channels))
    pointer = ctypes.c_void_p
    row = 8 * n_channels

    def run() -> None:
        for i in range(0, n_samples, block):
            function(
                pointer(sos.ctypes.data),
                pointer(x.ctypes.data + row * i),
                pointer(z.ctypes.data),
                pointer(y.ctypes.data + row * i),
                ctypes.c_long(min(block, n_samples - i)),
                ctypes.c_long(n_channels),
            )

    return run
