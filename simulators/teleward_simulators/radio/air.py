"""The ether: carries packets between controllers, under conditions that a test can set.

Theory of operation
===================

    gateway: bleak -> BlueZ facade -> bumble host --HCI--> AirController \
                                                                          Air (this file)
    device:  GATT server           -> bumble host --HCI--> AirController /

Host and controller are bumble's and speak HCI as on real hardware. Only the air between the
controllers is ours, so that everything above it (scanning, connecting, pairing, ATT) is the real
code. There is no thread: a packet is a callback of the event loop, due now or at a later time.

1. *Advertising.* An advertiser sends every interval plus 0 to 10 ms. Each controller that scans or
   waits to connect gets the packet, unless the conditions of the device lose it. Signal strength
   is that of the device with a random walk; both ends of a link share one set of conditions.
2. *Connecting.* A request reaches the advertiser, or fails after six intervals when the device is
   out of range or refuses. A device that somebody connects to advertises every 20 ms meanwhile
   (`hurry`), as devices that want a connection do; a large ward costs little air otherwise.
3. *Data* arrives in order. Delay and jitter move a packet's due time, which is never before that of
   its predecessor on the same direction of the link (``_free_at``).
4. *Losses* concern advertisements only: a real link layer repeats data until it is acknowledged. A
   bad link is late or dead, never thin. Out of range, both ends see a timeout after
   `SUPERVISION_TIMEOUT_S`; a silent device keeps its link and sends nothing.

Every random choice comes from one seeded generator, so that a run can be repeated.

What bumble 0.0.236 leaves out, and this file and `controller` correct:

- ``LE Create Connection Cancel`` ends the pending connection (one timeout wedged the adapter);
- data of a connection goes out under the address the connection was made with (public addresses);
- scan responses are sent, to active scanners only, and duplicate filtering is honoured;
- legacy advertising intervals are in units of 0.625 ms, with the 0 to 10 ms of random delay;
- signal strength, loss of advertisements, delay, links that die and devices that fall silent.
"""

import asyncio
import logging
import random

from bumble import hci, ll
from bumble.controller import Connection, Controller
from bumble.core import PhysicalTransport
from bumble.link import LocalLink

from teleward_simulators.radio.conditions import Advertisement, Conditions, address_text

log = logging.getLogger(__name__)

ESTABLISH_TIMEOUT_S = 0.18
"""A connection request without an answer fails after six intervals (Vol 6 Part B 4.5.2)."""
FAST_ADVERTISING_S = 0.02
"""Devices that want a connection advertise every 20 ms (Core 5.4, Vol 3 Part C, Appendix A). Here
they do so just while somebody is connecting to them, which keeps a large ward's air cheap."""
SUPERVISION_TIMEOUT_S = 2.0
"""How long a link out of range lives on; the usual choice of phones is 2 to 6 s."""


class Air(LocalLink):
    """The shared medium. ``seed`` fixes every random choice it makes."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.random = random.Random(seed)
        self._conditions: dict[str, Conditions] = {}
        self.radios: set[Radio] = set()
        self._by_address: dict[hci.Address, Radio] = {}
        self._free_at: dict[tuple[hci.Address, hci.Address], float] = {}
        self.frames = 0

    def conditions(self, address: str) -> Conditions:
        """Return the conditions of the device at ``address``, to read or to change."""
        return self._conditions.setdefault(address.upper(), Conditions())

    def clear(self, address: str) -> None:
        """Restore normal reception of the device at ``address``."""
        self._conditions.pop(address.upper(), None)

    def of(self, address: hci.Address) -> Conditions | None:
        """Return the conditions somebody set for ``address``, if any."""
        return self._conditions.get(address_text(address)) if self._conditions else None

    def add_controller(self, controller: "Radio") -> None:  # type: ignore[override]
        super().add_controller(controller)
        self.radios.add(controller)
        self._by_address[controller.public_address] = controller

    def remove_controller(self, controller: "Radio") -> None:  # type: ignore[override]
        self.controllers.discard(controller)
        self.radios.discard(controller)
        self._by_address = {a: c for a, c in self._by_address.items() if c is not controller}

    def on_address_changed(self, controller: "Radio") -> None:
        other = self._by_address.get(controller.random_address)
        if other is not None and other is not controller:
            log.warning("two radios at %s: the first is silenced", controller.name)
        self._by_address[controller.random_address] = controller

    def find_le_controller(self, address: hci.Address) -> "Radio | None":
        return self._by_address.get(address)

    def send_advertising_pdu(  # type: ignore[override]
        self, sender: "Radio", packet: ll.AdvertisingPdu
    ) -> None:
        """Deliver ``packet`` to every controller that listens, or connect one of them."""
        loop = asyncio.get_running_loop()
        if isinstance(packet, ll.ConnectInd):
            self._request_connection(sender, packet)
            return
        if not isinstance(packet, Advertisement):
            return
        conditions = self.of(packet.advertiser_address)
        if conditions is not None:
            if conditions.out_of_range or self.random.random() < conditions.advertising_loss:
                return
            packet.rssi = conditions.rssi + self.random.randint(
                -conditions.rssi_walk, conditions.rssi_walk
            )
        for controller in self.radios:
            if controller is not sender and controller.listens():
                loop.call_soon(controller.on_ll_advertising_pdu, packet)

    def _request_connection(self, central: "Radio", packet: ll.ConnectInd) -> None:
        loop = asyncio.get_running_loop()
        target = self.find_le_controller(packet.advertiser_address)
        conditions = self.of(packet.advertiser_address)
        refused = conditions is not None and (conditions.refuse or conditions.out_of_range)
        if target is None or refused:
            loop.call_later(
                ESTABLISH_TIMEOUT_S, central.fail_establishing, packet.advertiser_address
            )
        else:
            loop.call_soon(target.on_ll_advertising_pdu, packet)

    def send_acl_data(  # type: ignore[override]
        self,
        sender_controller: "Radio",
        destination_address: hci.Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        """Carry ``data`` in order; a device out of range neither sends nor receives."""
        self.frames += 1
        target = self.find_le_controller(destination_address)
        connection = sender_controller.le_connections.get(destination_address)
        if target is None or connection is None:
            return
        source = connection.self_address
        loop = asyncio.get_running_loop()
        device = self.of(source) or self.of(destination_address)
        if device is None:
            loop.call_soon(target.on_link_acl_data, source, transport, data)
            return
        if device.out_of_range or device.silent:
            return
        key = (source, destination_address)
        due = loop.time() + device.delay_s + self.random.random() * device.jitter_s
        due = max(due, self._free_at.get(key, 0.0) + 1e-6)
        self._free_at[key] = due
        loop.call_at(due, target.on_link_acl_data, source, transport, data)

    def drop_links(
        self,
        address: str,
        reason: int = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR,
    ) -> int:
        """End every connection of the device at ``address``, seen by both ends; return how many."""
        controller = next(
            (c for a, c in self._by_address.items() if address_text(a) == address.upper()), None
        )
        return 0 if controller is None else self.drop_controller(controller, reason)

    def drop_controller(
        self,
        controller: "Radio",
        reason: int = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR,
    ) -> int:
        """End every connection of ``controller``, seen by both ends; return how many."""
        connections = list(controller.le_connections.values())
        for connection in connections:
            peer = self.find_le_controller(connection.peer_address)
            controller.on_le_disconnected(connection, reason)
            other = peer.le_connections.get(connection.self_address) if peer else None
            if peer is not None and other is not None:
                peer.on_le_disconnected(other, reason)
        return len(connections)

    def hurry(self, address: hci.Address) -> None:
        """Have the device at ``address`` advertise within `FAST_ADVERTISING_S`, if it does."""
        target = self.find_le_controller(address)
        if target is not None and target.le_legacy_advertiser.enabled:
            delay_s = self.random.random() * FAST_ADVERTISING_S
            asyncio.get_running_loop().call_later(
                delay_s, target.le_legacy_advertiser.send_advertising_data
            )

    def move_away(self, address: str, away: bool = True) -> None:
        """Take the device out of range; its links end when the supervision timeout has passed."""
        self.conditions(address).out_of_range = away
        if away:
            loop = asyncio.get_running_loop()
            loop.call_later(SUPERVISION_TIMEOUT_S, self._supervise, address)

    def _supervise(self, address: str) -> None:
        if address.upper() in self._conditions and self.conditions(address).out_of_range:
            self.drop_links(address)


class Radio(Controller):
    """A controller as the air sees it: whether it listens, and what becomes of its links."""

    link: Air

    def listens(self) -> bool:
        """Return whether an advertisement would be received now."""
        return bool(self.le_scan_enable or self.pending_le_connection)

    def fail_establishing(self, peer: hci.Address) -> None:
        """End a connection that the peer never answered."""
        connection = self.le_connections.get(peer)
        if connection is not None:
            self.on_le_disconnected(
                connection, hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR
            )

    def on_le_disconnected(self, connection: Connection, reason: int) -> None:
        if self.le_connections.get(connection.peer_address) is connection:
            super().on_le_disconnected(connection, reason)

    def on_link_acl_data(
        self, sender_address: hci.Address, transport: PhysicalTransport, data: bytes
    ) -> None:
        if sender_address in self.le_connections:
            super().on_link_acl_data(sender_address, transport, data)
