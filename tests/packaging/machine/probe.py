"""Client of a gateway on this machine, for tests of packages; standard library only.

probe.py wait SECONDS        until the gateway is started; prints its version and health
probe.py chart N             enters N temperatures for the subject p1; prints their identities
probe.py list                prints the identity of each on record
probe.py find < identities   prints how many of them are on record
probe.py device              prints the states of all devices
probe.py newest              prints the time of the value that was entered last
probe.py times SECONDS       until the times on record are later than 2020; prints them
"""

import json
import sys
import time
import urllib.error
import urllib.request
from typing import Any

API = "http://127.0.0.1:8080/api/v1"


def ask(path: str, body: object = None) -> Any:
    """Return the answer to a request; raises URLError."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(API + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def wait(seconds: float) -> None:
    """Wait until the gateway answers."""
    end_s = time.monotonic() + seconds
    while True:
        try:
            about, health = ask("/gateway"), ask("/health")
            break
        except (urllib.error.URLError, OSError, ValueError) as error:
            if time.monotonic() > end_s:
                raise SystemExit(f"no answer within {seconds} s: {error}") from None
            time.sleep(0.5)
    problems = {name: part["error"] for name, part in health["parts"].items() if not part["ok"]}
    print(json.dumps({"version": about["version"], "status": health["status"], "up_s":
                      round(health["uptime_s"], 1), "problems": problems}))  # fmt: skip


def chart(count: int) -> None:
    """Enter values; each is answered once its commit is on disk."""
    for number in range(count):
        reading = {"metric": "body_temperature", "value": 36.0 + number % 20 / 10}
        body = {"author": "test", "readings": [reading]}
        for identity in ask("/subjects/p1/observations", body):
            print("kept " + json.dumps(identity, sort_keys=True), flush=True)


def entered() -> list[dict[str, Any]]:
    """Return all temperatures on record that a person entered."""
    found, after = [], ""
    while True:
        page = ask(f"/subjects/p1/observations?metric=body_temperature&limit=1000{after}")
        found += [each for each in page["observations"] if each["device"] is None]
        if not page["next"]:
            return found
        after = f"&after={page['next']}"


def on_record() -> list[str]:
    """Return the identities of what was entered."""
    return [json.dumps(each["id"], sort_keys=True) for each in entered()]


def times(seconds: float) -> None:
    """Wait until what was entered has a time of today."""
    end_s = time.monotonic() + seconds
    while any(each["time"] < "2020" for each in entered()) and time.monotonic() < end_s:
        time.sleep(1.0)
    for each in entered():
        print(f"recorded at {each['time']} within {each['uncertainty_s']:.3f} s")


def find() -> None:
    """Count the identities of standard input that are on record."""
    wanted = [line.removeprefix("kept ").strip() for line in sys.stdin if line.strip()]
    found = on_record()
    counts = {"wanted": len(wanted), "found": len(set(wanted) & set(found)),
              "repeated": len(found) - len(set(found))}  # fmt: skip
    print(json.dumps(counts))


def main() -> None:
    """Run the command."""
    command, *words = sys.argv[1:]
    if command == "wait":
        wait(float(words[0]))
    elif command == "chart":
        chart(int(words[0]))
    elif command == "times":
        times(float(words[0]))
    elif command == "newest":
        last = entered()[-1]
        print(f"{last['time']} within {last['uncertainty_ns'] / 1e9:.0f} s")
    elif command == "list":
        print("".join(f"have {identity}\n" for identity in on_record()), end="")
    elif command == "device":
        print(json.dumps([(each["id"], each["state"]) for each in ask("/devices")]))
    else:
        find()


main()
