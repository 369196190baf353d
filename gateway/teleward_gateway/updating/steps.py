"""The steps of an update, in order, as a person reads them while it runs."""

import sys
from enum import StrEnum


class Step(StrEnum):
    """One step; up to `HAND_OVER` nothing that runs is touched, from there on the guard works."""

    FETCH = "get the file"
    SIGNATURE = "check the signature"
    VERSION = "compare the versions"
    DISK = "check the disk"
    POWER = "check the power supply"
    CLOCK = "check the clock"
    SETTINGS = "read the settings"
    BEFORE = "look at the running gateway"
    UNPACK = "unpack"
    KEEP = "write it to the disk"
    BYTE_CODE = "make byte code"
    TRY = "load it beside the running gateway"
    KERNELS = "compile the signal kernels"
    TRIAL = "note the trial"
    HAND_OVER = "hand over to the guard"
    SNAPSHOT = "take a snapshot of the data"
    SWITCH = "switch to the new version"
    RESTART = "restart the gateway"
    WATCH = "watch the new version"
    ACCEPT = "accept it"
    SWITCH_BACK = "switch back to the version before"
    RESTART_BACK = "restart the gateway with it"
    RECORD_BACK = "note that the update was taken back"


FORWARD = tuple(Step)[: tuple(Step).index(Step.ACCEPT) + 1]


def begin(step: Step, text: str = "") -> None:
    """Show that a step begins."""
    number = f"{FORWARD.index(step) + 1:2}/{len(FORWARD)}" if step in FORWARD else " back"
    print(f"{number}  {step}{f': {text}' if text else ''}", flush=True, file=sys.stdout)
