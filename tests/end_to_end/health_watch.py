"""Asks health five times a second beside an idle timer, in a process of its own.

health_watch.py URL      prints, at the end of its input, the slowest answer and the latest timer in
                         seconds, and how many times longer than alone a piece of work took at the
                         median: the last two are what the machine's other work costs
"""

import json
import statistics
import sys
import threading
import time
import urllib.request

EVERY_S = 0.2
TIMER_S = 0.02
WORK_S = 0.01


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
    slower: list[float] = []
    while not ended.wait(EVERY_S):
        began_s = time.monotonic()
        with urllib.request.urlopen(url, timeout=30) as answer:
            answer.read()
        answers.append(time.monotonic() - began_s)
        slower.append(work() / WORK_S)
    timer.join()
    found = {"slowest_s": max(answers), "asked": len(answers), "late_s": late[0]}
    print(json.dumps(found | {"slower": max(1.0, statistics.median(slower))}))


def work() -> float:
    """Return the seconds in which this thread gets `WORK_S` of a processor."""
    began_s, until_s = time.monotonic(), time.thread_time() + WORK_S
    while time.thread_time() < until_s:
        pass
    return time.monotonic() - began_s


if __name__ == "__main__":
    main(sys.argv[1])
