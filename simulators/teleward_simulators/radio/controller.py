"""One radio on the `Air`: bumble's controller, with what it does to its host corrected.

The head of `air` lists what bumble leaves out.
"""

import asyncio
from collections.abc import Callable

from bumble import hci, ll
from bumble.controller import Connection, LegacyAdvertiser
from bumble.host import Host

from teleward_simulators.radio.air import Air, Radio
from teleward_simulators.radio.conditions import Advertisement

ADVERTISING_UNIT_S = 0.000625
"""Bluetooth Core 5.4, Vol 4 Part E 7.8.5: an advertising interval counts 0.625 ms."""
ADVERTISING_JITTER_S = 0.010
"""Bluetooth Core 5.4, Vol 6 Part B 4.4.2.2.1: advDelay is random between 0 and 10 ms."""
_COMMAND_COMPLETE, _COMMAND_STATUS = b"\x04\x0e", b"\x04\x0f"


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


class AirController(Radio):
    """The host's side of a radio: commands and packets."""

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


class _Sink:
    """A packet sink around a function."""

    def __init__(self, on_packet: Callable[[bytes], None]) -> None:
        self.on_packet = on_packet
