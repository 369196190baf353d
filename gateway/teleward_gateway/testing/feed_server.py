"""The server of a fed ward: real pages and API on a port of this machine.

Run it by hand:  python -m teleward_gateway.testing.feed_server --port 8137 --beds 16
"""

import argparse
import asyncio
import contextlib
import signal
import socket
import threading
import time
from collections.abc import Callable

import uvicorn

from teleward_gateway.api.factory import create_app
from teleward_gateway.testing.ward_feed import WardFeed


class FeedServer:
    """The feed behind uvicorn in a thread; `stop` and `start` again on the same port."""

    def __init__(self, feed: WardFeed, port: int = 0) -> None:
        self.feed = feed
        self.port = port
        self._server: uvicorn.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve; returns when the server answers."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            create_app(self.feed), log_level="warning", ws="websockets-sansio", lifespan="on",
            ws_per_message_deflate=False, timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = self._server = uvicorn.Server(config)
        ready = threading.Event()

        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            feeding = asyncio.create_task(self.feed.run())
            asyncio.get_running_loop().call_later(0.05, ready.set)
            try:
                await server.serve(sockets=[listener])
            finally:
                feeding.cancel()
                await asyncio.gather(feeding, return_exceptions=True)
                listener.close()

        self._thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
        self._thread.start()
        if not ready.wait(10):
            raise RuntimeError("the feed's server did not start")
        while not server.started:
            time.sleep(0.01)

    def call(self, action: Callable[[], object]) -> None:
        """Run ``action`` on the server's loop, where the feed lives, and wait for it."""
        if self._loop is None:
            raise RuntimeError("the feed's server is not running")
        done = threading.Event()

        def act() -> None:
            action()
            done.set()

        self._loop.call_soon_threadsafe(act)
        if not done.wait(5):
            raise RuntimeError("the feed's loop does not answer")

    def stop(self) -> None:
        """Stop serving; the port is free afterwards."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(10)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8137)
    parser.add_argument("--beds", type=int, default=16)
    arguments = parser.parse_args()
    server = FeedServer(WardFeed(arguments.beds), arguments.port)
    server.start()
    print(server.url, flush=True)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with contextlib.suppress(KeyboardInterrupt):
        stop.wait()
    server.stop()


if __name__ == "__main__":
    main()
