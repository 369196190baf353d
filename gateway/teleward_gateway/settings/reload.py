"""The settings file read again while the gateway runs: its subjects and devices."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from teleward_gateway.settings.load import SettingsError, SettingsFile, read
from teleward_gateway.settings.model import Settings
from teleward_signal.errors import Invalid


class SettingsReload:
    """Reads ``config`` again and passes it to ``apply``.

    ``started`` are the settings of the start; all but subjects and devices hold until the next one.
    """

    def __init__(
        self,
        started: Settings,
        config: Path | None,
        apply: Callable[[SettingsFile], Awaitable[None]],
    ) -> None:
        self._started, self._config, self._apply = started, config, apply

    async def __call__(self) -> None:
        """Take subjects and devices from the settings file again; raises Invalid.

        Rows with a mistake are left out and named, as at the start.
        """
        if self._config is None:
            raise Invalid("this gateway was started without a settings file")
        try:
            file = await asyncio.to_thread(read, self._config)
        except SettingsError as error:
            raise Invalid(str(error)) from error
        found = file.settings
        if found.gateway.mode is not self._started.gateway.mode:
            raise Invalid("gateway.mode changes with a restart only")
        changed = {"subjects": found.subjects, "devices": found.devices}
        await self._apply(replace(file, settings=self._started.model_copy(update=changed)))
        if file.mistakes:
            raise Invalid("\n".join(map(str, file.mistakes)))
