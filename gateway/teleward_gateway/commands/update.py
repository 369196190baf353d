"""``teleward update FILE|URL``: a newer version, watched for five minutes, else the one before.

    sudo teleward update teleward-0.2.0.update     file or https:// address; signed
    teleward update --history                      what became of each update
    sudo teleward update --back                    the version before the last update

What runs is not touched until the new version is unpacked, compiled and loads. Then a guard
restarts the gateway with it, and goes back by itself unless it does what the one before did.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from teleward_gateway.operation.update_history import history, note
from teleward_gateway.updating import steps
from teleward_gateway.updating.places import Places, release_of
from teleward_gateway.updating.steps import Step
from teleward_gateway.updating.trial import Trial, read_trial
from teleward_signal.errors import TelewardError

_FOLLOW_S = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("source", nargs="?", metavar="FILE|URL", help="the signed update")
    parser.add_argument("--older", action="store_true", help="take one that is not newer, too")
    parser.add_argument("--back", action="store_true", help="return to the version before")
    parser.add_argument("--history", action="store_true", help="show what became of each update")
    # for the service teleward-update, and for installs at other places
    parser.add_argument("--guard", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--install", type=Path, help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Return 0 when the update was accepted, 1 when it was refused or taken back."""
    places = Places() if arguments.install is None else Places.from_file(arguments.install)
    if arguments.history:
        print(shown_history(places))
        return 0
    if not (arguments.source or arguments.back or arguments.guard):
        print("teleward update: which file? see teleward update --help", file=sys.stderr)
        return 2
    asked_s = time.time()
    os.umask(0o022)  # the gateway's user reads what root unpacks
    try:
        # only root may change what starts at boot
        places.versions.mkdir(parents=True, exist_ok=True)
        if not os.access(places.versions, os.W_OK):
            raise PermissionError(13, "no right to write", str(places.versions))
        if arguments.guard:
            return guard(places)
        return start(arguments, places)
    except PermissionError as error:
        print(f"teleward update: {error}: run it as root (sudo)", file=sys.stderr)
    except (TelewardError, OSError) as error:
        print(f"teleward update: {error}\nNothing was changed.", file=sys.stderr)
        refused(places, arguments.source or "", str(error), asked_s)
    return 1


def start(arguments: argparse.Namespace, places: Places) -> int:
    """Prepare, hand over to the guard, and follow the trial to its end."""
    from teleward_gateway.updating.prepare import one_at_a_time, prepare, prepare_return
    from teleward_gateway.updating.service import Service

    with one_at_a_time(places):
        if arguments.back:
            trial = prepare_return(places)
        else:
            trial = prepare(arguments.source, places, older=arguments.older)
        steps.begin(Step.HAND_OVER)
        Service(places.systemctl).start_guard()
    return follow(places, trial)


def follow(places: Places, trial: Trial) -> int:
    """Wait for the end of a trial, and print it; ending this ends no trial."""
    shown = ""
    while (now := read_trial(places)) is not None:
        if now.stage != shown:
            shown = now.stage
            print(f"      {now.version}: {shown}", flush=True)
        time.sleep(_FOLLOW_S)
    last = next(iter(history(places.versions)[-1:]), {})
    print(
        f"{last.get('result', 'ended')}: {last.get('version')} {last.get('reason') or ''}".rstrip()
    )
    wanted = "back" if trial.gate_s == 0.0 else "accepted"
    return 0 if last.get("result") == wanted else 1


def guard(places: Places) -> int:
    """Carry the trial to its end; the service's command."""
    from teleward_gateway.updating.guard import Guard

    print(Guard(places).run(), flush=True)
    return 0


def refused(places: Places, source: str, reason: str, asked_s: float) -> None:
    """Keep a refused update in the history, as far as the disk takes it."""
    try:
        ours = release_of(places.current()).version
        note(places.versions, "refused", Path(source).name, ours, reason, asked_s)
    except OSError as error:
        print(f"teleward update: not in the history: {error}", file=sys.stderr)


def shown_history(places: Places) -> str:
    """Return the history as lines, newest last, and which version starts."""
    lines = [
        f"{each['time']}  {each['result']:9} {each['version']} (from {each['from']}, "
        f"{each['took_s']:.0f} s){': ' + each['reason'] if each['reason'] else ''}"
        for each in history(places.versions)
    ]
    return "\n".join([*lines, f"in use: {release_of(places.current()).version}"])
