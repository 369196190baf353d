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

What bumble 0.0.236 leaves out and this file corrects:

- ``LE Create Connection Cancel`` ends the pending connection (one timeout wedged the adapter);
- data of a connection goes out under the address the connection was made with (public addresses);
- scan responses are sent, to active scanners only, and duplicate filtering is honoured;
- legacy advertising intervals are in units of 0.625 ms, with the 0 to 10 ms of random delay;
- signal strength, loss of advertisements, delay, links that die and devices that fall silent.
"""

import asyncio
import logging
import random
from collections.abc import Callable

from bumble import hci, ll
from bumble.controller import Connection, Controller, LegacyAdvertiser
from bumble.core import PhysicalTransport
from bumble.host import Host
from bumble.link import LocalLink

from teleward_simulators.radio.conditions import Advertisement, Conditions, address_text

log = logging.getLogger(__name__)

ADVERTISING_UNIT_S = 0.000625
"""Bluetooth Core 5.4, Vol 4 Part E 7.8.5: an advertising interval counts 0.625 ms."""
ADVERTISING_JITTER_S = 0.010
"""Bluetooth Core 5.4, Vol 6 Part B 4.4.2.2.1: advDelay is random between 0 and 10 ms."""
ESTABLISH_TIMEOUT_S = 0.18
"""A connection request without an answer fails after six intervals (Vol 6 Part B 4.5.2)."""
FAST_ADVERTISING_S = 0.02
"""Devices that want a connection advertise every 20 ms (Core 5.4, Vol 3 Part C, Appendix A). Here
they do so just while somebody is connecting to them, which keeps a large ward's air cheap."""
SUPERVISION_TIMEOUT_S = 2.0
_COMMAND_COMPLETE, _COMMAND_STATUS = b"\x04\x0e", b"\x04\x0f"
"""How long a link out of range lives on; the usual choice of phones is 2 to 6 s."""


class Air(LocalLink):
    """The shared medium. ``seed`` fixes every random choice it makes."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.random = random.Random(seed)
        self._conditions: dict[str, Conditions] = {}
        self.radios: set[AirController] = set()
        self._by_address: dict[hci.Address, AirController] = {}
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

    def add_controller(self, controller: "AirController") -> None:  # type: ignore[override]
        super().add_controller(controller)
        self.radios.add(controller)
        self._by_address[controller.public_address] = controller

    def remove_controller(self, controller: "AirController") -> None:  # type: ignore[override]
        self.controllers.discard(controller)
        self.radios.discard(controller)
        self._by_address = {a: c for a, c in self._by_address.items() if c is not controller}

    def on_address_changed(self, controller: "AirController") -> None:
        other = self._by_address.get(controller.random_address)
        if other is not None and other is not controller:
            log.warning("two radios at %s: the first is silenced", controller.name)
        self._by_address[controller.random_address] = controller

    def find_le_controller(self, address: hci.Address) -> "AirController | None":
        return self._by_address.get(address)

    def send_advertising_pdu(  # type: ignore[override]
        self, sender: "AirController", packet: ll.AdvertisingPdu
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

    def _request_connection(self, central: "AirController", packet: ll.ConnectInd) -> None:
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
        sender_controller: "AirController",
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
        controller: "AirController",
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


class AirAdvertiser(LegacyAdvertiser):
    """Legacy advertising with the specified interval, jitter and scan response."""

    controller: "AirController"

    def _on_timer_fired(self) -> None:
        self.send_advertising_data()
        air = self.controller.link
        delay_s = self.advertising_interval_min * ADVERTISING_UNIT_S
        delay_s += air.random.random() * ADVERTISING_JITTER_S
        self.timer_handle = asyncio.get_running_loop().call_later(delay_s, self._on_timer_fired)

    def send_advertising_data(self) -> None:
        if self.enabled:
            self.controller.send_advertising_pdu(
                Advertisement(
                    advertiser_address=self.address,
                    data=self.advertising_data,
                    scan_response=self.scan_response_data,
                )
            )


class AirController(Controller):
    """One radio on the `Air`."""

    link: Air

    def __init__(
        self,
        name: str,
        air: Air,
        public_address: str = "00:00:00:00:00:00",
        on_packet: Callable[[bytes], None] | None = None,
    ) -> None:
        super().__init__(
            name,
            link=air,
            host_sink=_Sink(on_packet) if on_packet else None,
            public_address=hci.Address(public_address, hci.Address.PUBLIC_DEVICE_ADDRESS),
        )
        # Legacy procedures only: the kernel's Bluetooth wants enhanced events otherwise, which
        # bumble does not send, and nothing here needs extended advertising.
        self.le_features &= ~(
            hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
        )
        # 251 bytes: the largest link-layer packet since Bluetooth 4.2, so that a value of up to
        # 244 bytes travels in one piece.
        self.le_acl_data_packet_length = 251
        self.le_legacy_advertiser = AirAdvertiser(self)
        self._reported: set[tuple[hci.Address, bytes]] = set()
        self._handles: dict[int, Connection] = {}

    def listens(self) -> bool:
        """Return whether an advertisement would be received now."""
        return bool(self.le_scan_enable or self.pending_le_connection)

    def shut_down(self) -> None:
        """Leave the air at once, as a device that lost its power: peers see a timeout."""
        self.hci_sink = None
        self.le_legacy_advertiser.stop()
        self.link.drop_controller(self)
        self.link.remove_controller(self)

    def on_packet(self, packet: bytes) -> None:
        """Take a packet from the host (the base class would print each one into a debug log)."""
        match hci.HCI_Packet.from_bytes(packet):
            case hci.HCI_Command() as command:
                self.on_hci_command_packet(command)
            case hci.HCI_AclDataPacket() as data:
                self.on_hci_acl_data_packet(data)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Give a packet to the host in the next turn of the loop, if it is still there then."""
        asyncio.get_running_loop().call_soon(self._deliver, bytes(packet))

    def _deliver(self, packet: bytes) -> None:
        if self.hci_sink is not None and not self._is_late(packet):
            self.hci_sink.on_packet(packet)

    def _is_late(self, packet: bytes) -> bool:
        """Return whether a packet answers a command that its host has given up.

        Stock bumble takes it for the answer to the next command, whose own answer then belongs to
        the one after it, until a command waits in vain.
        """
        place = {_COMMAND_COMPLETE: 4, _COMMAND_STATUS: 5}.get(packet[:2])
        host = self.hci_sink
        if place is None or not isinstance(host, Host):
            return False
        opcode = int.from_bytes(packet[place : place + 2], "little")
        command, response = host.pending_command, host.pending_response
        waits = command is not None and response is not None and not response.done()
        return opcode != 0 and not (waits and command is not None and command.op_code == opcode)

    def find_connection_by_handle(self, handle: int) -> Connection | None:
        connection = self._handles.get(handle)
        if connection is None or (
            self.le_connections.get(connection.peer_address) is not connection
        ):
            connection = super().find_connection_by_handle(handle)
            if connection is None:
                self._handles.pop(handle, None)
            else:
                self._handles[handle] = connection
        return connection

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=pending.peer_address.address_type,
                peer_address=pending.peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
        )
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def on_hci_le_create_connection_command(
        self, command: hci.HCI_LE_Create_Connection_Command
    ) -> None:
        super().on_hci_le_create_connection_command(command)
        if self.pending_le_connection is command:
            self.link.hurry(command.peer_address)

    def on_hci_le_set_scan_enable_command(
        self, command: hci.HCI_LE_Set_Scan_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        self._reported.clear()
        return super().on_hci_le_set_scan_enable_command(command)

    def on_advertising_pdu(self, pdu: ll.AdvInd) -> None:  # type: ignore[override]
        if not isinstance(pdu, Advertisement):
            return
        if self.le_scan_enable:
            self._report(pdu)
        pending = self.pending_le_connection
        if pending is not None and pending.peer_address == pdu.advertiser_address:
            self.create_le_connection(pdu.advertiser_address)

    def _report(self, pdu: Advertisement) -> None:
        if self.filter_duplicates:
            key = (pdu.advertiser_address, pdu.data)
            if key in self._reported:
                return
            self._reported.add(key)
        event = hci.HCI_LE_Advertising_Report_Event
        kinds = [(event.EventType.ADV_IND, pdu.data)]
        if self.le_scan_type == 1:
            kinds.append((event.EventType.SCAN_RSP, pdu.scan_response))
        for kind, data in kinds:
            report = event.Report(
                event_type=kind,
                address_type=pdu.advertiser_address.address_type,
                address=pdu.advertiser_address,
                data=data,
                rssi=pdu.rssi,
            )
            self.send_hci_packet(event([report]))

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


class _Sink:
    """A packet sink around a function."""

    def __init__(self, on_packet: Callable[[bytes], None]) -> None:
        self.on_packet = on_packet
