"""Layouts of the records that kernels work on: one class gives mypy its fields and Numba its dtype.

    class Stream:
        n: Int                                # samples seen
        z: Annotated[FloatArray, 2, 2]        # filter state

    STREAM = layout(Stream)

A kernel that takes ``s: Stream`` is checked field by field, and gets an element of an array of the
dtype ``STREAM``. The class is never made: it only names what lies in that memory.
"""

from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar, get_type_hints

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
"""An array of floats inside a kernel."""
Ints = NDArray[np.integer[Any]]
"""An array of integers inside a kernel."""

Int = Annotated[int, np.int64]
Bits = Annotated[int, np.uint32]
Byte = Annotated[int, np.uint8]
Slot = Annotated[int, np.int32]
Float = Annotated[float, np.float64]
Single = Annotated[float, np.float32]
IntArray = Annotated[NDArray[np.int64], np.int64]
ByteArray = Annotated[NDArray[np.uint8], np.uint8]
FloatArray = Annotated[NDArray[np.float64], np.float64]
SingleArray = Annotated[NDArray[np.float32], np.float32]
"""Fields of a record; arrays are annotated once more with their lengths."""

R_co = TypeVar("R_co", covariant=True)


class Records(Protocol[R_co]):
    """An array of records inside a kernel."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the lengths of the array."""

    def __getitem__(self, at: int, /) -> R_co:
        """Return one record, or one row of them."""


class FloatRecord:
    """A record whose fields are all float64 and named in tables, not in a class."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> float: ...
        def __setattr__(self, name: str, value: float) -> None: ...


def layout(record: type, *, align: bool = True) -> np.dtype[np.void]:
    """Return the dtype of a record class, fields of its base classes first."""
    fields: list[tuple[Any, ...]] = []
    for name, hint in get_type_hints(record, include_extras=True).items():
        kind, *lengths = hint.__metadata__
        fields.append((name, kind, tuple(lengths)) if lengths else (name, kind))
    return np.dtype(fields, align=align)
