"""Asks health five times a second beside an idle loop, in a process of its own, until told to end.

health_watch.py URL      prints, at the end of its input, the slowest answer and the latest timer in
                         seconds: the second is what this machine owes to its other work
"""

import json
import sys
import threading
import time
import urllib.request

EVERY_S = 0.2
TIMER_S = 0.02


def main(url: str) -> None:
    """Measure until the input ends."""
    ended, late = threading.Event(), [0.0]

    def idle() -> None:
        while not ended.is_set():
            due_s = time.monotonic() + TIMER_S
            time.sleep(TIMER_S)
            late[0] = max(late[0], time.monotonic() - due_s)

    def wait_for_the_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    timer = threading.Thread(target=idle)
    timer.start()
    answers: list[float] = []
    while not ended.wait(EVERY_S):
        began_s = time.monotonic()
        with urllib.request.urlopen(url, timeout=30) as answer:
            answer.read()
        answers.append(time.monotonic() - began_s)
    timer.join()
    print(json.dumps({"slowest_s": max(answers), "asked": len(answers), "late_s": late[0]}))


if __name__ == "__main__":
    main(sys.argv[1])
