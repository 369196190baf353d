"""A TCP proxy that makes a loopback link poor: delay, jitter, a rate, stalls."""

import asyncio
import contextlib
import random
import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """What happens to bytes on their way to the page."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    kbit_s: float = 0.0
    stall_every_s: float = 0.0
    stall_s: float = 0.0


class PoorLink:
    """Listens on a free port and forwards to ``port``; runs in a thread of its own.

    ``profile`` holds for connections from now on; ``accepted`` counts them.
    """

    def __init__(self, port: int, profile: Profile) -> None:
        self.port = 0
        self.accepted = 0
        self.profile = profile
        self._target = port
        self._random = random.Random(5)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> "PoorLink":
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def cut(self) -> None:
        """End every connection, as a network that breaks down does."""
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._tasks])

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.create_task(self._connect(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._copy(reader, back))
                tasks.create_task(self._degrade(there, writer))
        except* (ConnectionError, EOFError):
            pass
        finally:
            for each in (back, writer):
                each.close()
                with contextlib.suppress(ConnectionError):
                    await each.wait_closed()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
        raise EOFError

    async def _degrade(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        profile, loop = self.profile, asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(200)
        sender = asyncio.create_task(self._send(queue, writer))
        busy = last = loop.time()
        stall_at = busy + profile.stall_every_s if profile.stall_every_s else float("inf")
        try:
            while data := await reader.read(1400):
                now = loop.time()
                busy = max(busy, now)
                if profile.kbit_s:
                    busy += len(data) * 8 / (profile.kbit_s * 1000)
                due = busy + profile.delay_s + self._random.random() * profile.jitter_s
                if now >= stall_at:
                    due, stall_at = due + profile.stall_s, now + profile.stall_every_s
                last = max(last, due)
                await queue.put((last, data))
        finally:
            sender.cancel()
        raise EOFError

    async def _send(
        self, queue: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter
    ) -> None:
        while True:
            due, data = await queue.get()
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            writer.write(data)
            await writer.drain()
