"""Takes command messages, decides, acts, answers, and writes all of it to the audit."""

import asyncio
import json
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from teleward_cloud.mqtt.connection import Incoming
from teleward_cloud.mqtt.topics import Topics
from teleward_gateway.journal.audit import Audit
from teleward_gateway.remote_commands.memory import CommandMemory, TooManyCommands
from teleward_gateway.remote_commands.message import Command, CommandError, decode, is_signed
from teleward_gateway.remote_commands.settings import CommandName, RemoteCommandSettings
from teleward_signal.errors import TelewardError

log = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any], str], Awaitable[dict[str, Any] | None]]
"""Does a command: arguments and author in, result out.

Raises a `TelewardError` with the reason when it cannot be done.
"""


class Reply(Protocol):
    """Publishes an answer; ``correlation`` is what the request wants back with it (MQTT 5)."""

    async def __call__(
        self, topic: str, message: bytes, *, correlation: bytes | None = None
    ) -> None: ...


_WAITING = 20
"""Commands being done at once; further ones are refused rather than queued past their expiry."""
_STRANGER_S = 10.0
"""Between audit entries about strangers: a stranger who may publish must not fill the journal."""
_ACTION_S = 60.0
"""A blood pressure takes 40 s at most to start and fill; longer means that the device is stuck."""


class RemoteCommands:
    """Give `receive` to the MQTT sink as ``on_command``; ``reply`` publishes.

    ``memory`` keeps over restarts which commands were taken.
    """

    def __init__(
        self,
        settings: RemoteCommandSettings,
        topics: Topics,
        handlers: Mapping[CommandName, Handler],
        audit: Audit,
        reply: Reply,
        now_ns: Callable[[], int] = time.time_ns,
        memory: CommandMemory | None = None,
    ) -> None:
        self._settings = settings
        self._users = {user.name: user for user in settings.users}
        self._topics = topics
        self._handlers = dict(handlers)
        self._audit = audit
        self._reply = reply
        self._now_ns = now_ns
        self._memory = memory or CommandMemory()
        self._memory.load(now_ns(), round(settings.longest_validity_s * 1e9))
        self._writing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self.done = self.refused = 0
        self._stranger_s, self._untold = -math.inf, 0

    def receive(self, message: Incoming) -> None:
        """Take a message from the command topic; returns at once."""
        if len(self._tasks) >= _WAITING:
            self.refused += 1
            self._note_stranger(reason="too many at once")
            return
        task = asyncio.create_task(self._answer(message), name="remote command")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop what is being done."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def health(self) -> dict[str, Any]:
        """Return what `HealthRegistry` shows of it."""
        return {"done_total": self.done, "refused_total": self.refused, "running": len(self._tasks)}

    async def _answer(self, message: Incoming) -> None:
        author, identity, name = "unknown", None, message.topic.rsplit("/", 1)[-1]
        try:
            command = self._authenticated(message)
            author, identity = command.user, command.id
            self._authorise(command, message)
            await self._remember()
            async with asyncio.timeout(_ACTION_S):
                handler = self._handlers[CommandName(command.name)]
                result = await handler(command.arguments, command.user)
        except TimeoutError:
            outcome: dict[str, Any] = {"ok": False, "error": "not done in time"}
        except TelewardError as error:
            outcome = {"ok": False, "error": str(error) or "refused"}
        except Exception as error:
            # whatever a handler does, the sender gets an answer and the audit an entry
            log.exception("remote command %s", name)
            outcome = {"ok": False, "error": f"failed: {type(error).__name__}"}
        else:
            outcome = {"ok": True, "result": result or {}}
        self._note(author, name, outcome)
        if author == "unknown":
            return  # strangers get no answer
        topic = self._reply_topic(message, name)
        try:
            answer = json.dumps({"id": identity, **outcome}).encode()
            await self._reply(topic, answer, correlation=message.correlation)
        except Exception:
            self._audit.note("remote command without reply", author, command=name)

    def _authenticated(self, message: Incoming) -> Command:
        """Return the command if a known user signed it for this topic; raises `CommandError`."""
        command, signature = decode(message.payload)
        user = self._users.get(command.user)
        key = user.key.get_secret_value().encode() if user else b""
        if user is None or not is_signed(command, signature, message.topic, key):
            raise CommandError("unknown user or wrong signature")
        return command

    def _authorise(self, command: Command, message: Incoming) -> None:
        """Refuse what the user may not do, or not now; raises `CommandError`."""
        user = self._users[command.user]
        if message.topic != self._topics.command(command.name):
            raise CommandError("the command belongs to another topic")
        if command.name not in user.commands:
            raise CommandError(f"{user.name} may not {command.name}")
        if command.name not in self._handlers:
            raise CommandError(f"this gateway cannot {command.name}")
        self._check_time(command)

    def _check_time(self, command: Command) -> None:
        now_ns = self._now_ns()
        left_s = (command.expires_ns - now_ns) / 1e9
        if left_s <= 0:
            raise CommandError(f"expired {-left_s:.0f} s ago by this gateway's clock")
        if left_s > self._settings.longest_validity_s:
            raise CommandError(
                f"expires in {left_s:.0f} s; at most {self._settings.longest_validity_s:g} s"
            )
        if command.id in self._memory:
            raise CommandError("this command was given before")
        if self._memory.is_over(command.expires_ns):
            raise CommandError("this command may have been given before: send a new one")
        try:
            self._memory.take(command.id, command.expires_ns, now_ns)
        except TooManyCommands:
            raise CommandError("too many commands") from None

    async def _remember(self) -> None:
        """Have it on disk that the command was taken, before it is done."""
        try:
            async with self._writing:
                await asyncio.to_thread(self._memory.save, self._memory.document())
        except OSError as error:
            raise CommandError(f"cannot be remembered: {error.strerror or error}") from error

    def _note(self, author: str, name: str, outcome: dict[str, Any]) -> None:
        if outcome["ok"]:
            self.done += 1
            self._audit.note("remote command done", author, command=name)
            return
        self.refused += 1
        if author == "unknown":
            self._note_stranger(command=name, reason=outcome["error"])
        else:
            self._audit.note(
                "remote command refused", author, command=name, reason=outcome["error"]
            )

    def _note_stranger(self, **detail: str) -> None:
        """Note a refusal that nobody signed for, and how many went unnoted since the last."""
        now_s = time.monotonic()
        if now_s - self._stranger_s < _STRANGER_S:
            self._untold += 1
            return
        more: dict[str, Any] = {"unnoted": self._untold} if self._untold else {}
        self._stranger_s, self._untold = now_s, 0
        self._audit.note("remote command refused", "unknown", **detail, **more)

    def _reply_topic(self, message: Incoming, name: str) -> str:
        """Answer where the request asks, but only below our own reply topic."""
        asked = message.response_topic or ""
        own = f"{self._topics.base}/reply/"
        fits = asked.startswith(own) and not any(sign in asked for sign in "+#\0")
        return asked if fits else self._topics.reply(name)
