"""What a simulated peripheral puts around bumble's host stack: a display, and a wire."""

import asyncio

from bumble.pairing import PairingDelegate

from teleward_simulators.radio.controller import AirController


class Display(PairingDelegate):
    """A device with a display that shows a fixed passkey, or with nothing at all."""

    def __init__(self, passkey: int | None) -> None:
        super().__init__(
            PairingDelegate.IoCapability.NO_OUTPUT_NO_INPUT
            if passkey is None
            else PairingDelegate.IoCapability.DISPLAY_OUTPUT_ONLY
        )
        self._passkey = passkey

    async def generate_passkey(self) -> int:
        return self._passkey or 0


class Later:
    """Hands packets to the controller in the next turn of the loop, as a wire would."""

    def __init__(self, controller: AirController) -> None:
        self._controller = controller
        self._loop = asyncio.get_running_loop()

    def on_packet(self, packet: bytes) -> None:
        self._loop.call_soon(self._controller.on_packet, packet)
