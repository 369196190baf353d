"""A cuff for the home: it measures with its radio off, then connects, hands over and leaves.

    off --button--> inflate --> advertise --subscribed--> indicate all --> hang up --> off
                                    |
                                    +-- nobody came for `awake_s` --> off, the reading is kept

Such cuffs never send the pressure while they inflate, and what arrives at the gateway is always a
reading of some moments ago, or of yesterday. Some keep what they sent and send it each time again.
Behaviour after user reports: oliexdev/openScale 923, 1085, eigger/hass-omron 190; A&D UA-651BLE.
"""

import asyncio

from teleward_simulators.ble.blood_pressure import BloodPressure

AWAKE_S = 30.0
"""How long a cuff looks for its host after a reading; A&D and Omron give up within a minute."""
MEASURE_S = 8.0


class HomeCuff(BloodPressure):
    """Options of the cuff, and ``keep`` (sends its whole memory at each connect), ``awake_s``."""

    kind = "home-cuff"
    title = "Home cuff"
    model = "Home cuff"

    stays_on = False
    _awake = False

    async def advertise(self) -> None:
        """Advertise while there is something to hand over."""
        if self._awake:
            await super().advertise()

    async def run(self) -> None:
        """Wait for the button, measure, hand over, switch off."""
        wait_s = float(self.options.get("first_s", 5.0))
        while True:
            await self.wait_pressed(wait_s or None)
            await asyncio.sleep(min(MEASURE_S, self._cuff_s))
            self._memory.append(self._reading(self.clock.now_s()))
            await self._hand_over()
            wait_s = self._interval_s

    async def _hand_over(self) -> None:
        self._awake = True
        await self.advertise()
        try:
            async with asyncio.timeout(float(self.options.get("awake_s", AWAKE_S))):
                await self.wait_subscribed(self._measurement)
                await self._send_memory()
        except TimeoutError:
            pass
        finally:
            self._awake = False
            if self.device is not None:
                await self.device.stop_advertising()
            await self.disconnect()

    async def _send_memory(self) -> None:
        sent = 0
        for reading in list(self._memory):
            if not await self.indicate(self._measurement, bytes(reading)):
                break
            sent += 1
        if not self.options.get("keep"):
            del self._memory[:sent]
