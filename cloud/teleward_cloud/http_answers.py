"""Answers of HTTP servers, of which no more is read than is needed.

What answers may be a login page, a proxy or somebody hostile: a body has no end, or shrinks a
gigabyte into a packet. Nothing is decompressed, and what is longer than `MOST_BYTES` is cut off
with its connection.
"""

from typing import Any

import aiohttp

MOST_BYTES = 1 << 18
"""Far more than any answer to a write or a short query; the refusals of 5000 points have 100 kB."""


class ShortResponse(aiohttp.ClientResponse):
    """An answer whose body ends after `MOST_BYTES`."""

    async def read(self) -> bytes:
        """Return the body, cut off where it is too long; a second time there is nothing."""
        body = bytearray()
        try:
            while chunk := await self.content.read(MOST_BYTES - len(body)):
                body += chunk
        except BaseException:
            self.close()
            raise
        if not self.content.at_eof():
            self.close()
        return bytes(body)


BOUNDED: dict[str, Any] = {
    "response_class": ShortResponse,
    "auto_decompress": False,
    "headers": {"Accept-Encoding": "identity"},
}
"""Options of an `aiohttp.ClientSession` that reads no more."""
