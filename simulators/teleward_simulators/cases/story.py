"""One case played rightly, wrongly and not at all: ``python -m teleward_simulators.cases.story``.

Asthma at night, on purpose with a sedative for the restlessness and a beta blocker for the fast
heart, beside the care of the file and beside none. Writes one chart of four vital signs to the
folder given and the ECG before and after as pages of paper; prints what the worker reported and
how it ended.
"""

import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path

from teleward_simulators.cases.catalogue import case_named
from teleward_simulators.cases.mutations import right_disposition
from teleward_simulators.cases.runner import CaseRun, make_case_patient
from teleward_simulators.physiology.patient import Order
from teleward_simulators.waveforms.atlas import FS, SECONDS, svg
from teleward_simulators.waveforms.leads import MATRIX

CASE = "asthma-01"
MINUTES = 60
Step = tuple[float, str, str]
"""Second, action and dose."""
WRONG: tuple[Step, ...] = (
    (600, "sedative", "10 mg"), (660, "beta_blocker", "5 mg"), (900, "beta_blocker", "5 mg"),
)  # fmt: skip
COLOURS = {"untreated": "#777777", "wrong": "#c62828", "right": "#2e7d32"}
SIGNS = (("spo2", "SpO2 %", 0, 100), ("rr", "breaths /min", 0, 45),
         ("hr", "heart rate /min", 0, 180), ("sbp", "systolic mmHg", 0, 180))  # fmt: skip
WIDTH, HEIGHT, LEFT, TOP = 900, 150, 70, 40
ECG_AT_S = {"before": 560, "after": 1500}


@dataclass(frozen=True, slots=True)
class Played:
    """One way of playing: the signs of every ten seconds, the words and the end."""

    rows: tuple[tuple[float, ...], ...]
    words: tuple[tuple[int, str], ...]
    result: str


def play(steps: tuple[Step, ...]) -> Played:
    """Play the case with ``steps``."""
    run, left, rows = CaseRun(case_named(CASE)), sorted(steps), []
    for second in range(0, MINUTES * 60, 10):
        while left and left[0][0] <= second:
            _, name, dose = left.pop(0)
            run.act(name, dose)
        rows.append(tuple(run.body.engine.get(name) for name, *_ in SIGNS))
        run.advance(10, coarse=True)
    state = run.director.state
    words = tuple((line.second, line.text) for line in state.messages if line.who == "worker")
    return Played(tuple(rows), words, state.result or "goes on")


def chart(ways: dict[str, Played]) -> str:
    """Return the signs of all ways over the hour as SVG."""
    height = TOP + len(SIGNS) * HEIGHT + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" font-family="sans-serif" font-size="12">'
        '<rect width="100%" height="100%" fill="#fff"/>'
    ]
    for n, (way, played) in enumerate(ways.items()):
        parts.append(_text(LEFT + 220 * n, 20, f"{way}: {played.result}", COLOURS[way]))
    for row in range(len(SIGNS)):
        parts += _axes(row)
        parts += [_curve(way, played, row) for way, played in ways.items()]
    for n, (second, name, _) in enumerate(WRONG):
        x = _across(second / 60)
        parts.append(f'<path d="M{x:.0f} {TOP}V{height - 40}" stroke="#c62828" stroke-width=".5"/>')
        parts.append(_text(x + 3, TOP + 10 + 14 * n, name.replace("_", " "), COLOURS["wrong"]))
    for minute in range(0, MINUTES + 1, 10):
        parts.append(_text(_across(minute) - 14, height - 12, f"{minute} min"))
    return "\n".join([*parts, "</svg>\n"])


def _across(minute: float) -> float:
    return LEFT + minute / MINUTES * (WIDTH - LEFT - 30)


def _up(row: int, value: float) -> float:
    """Return where a value of a sign stands, held to its range."""
    _, _, low, high = SIGNS[row]
    share = (min(max(value, low), high) - low) / (high - low)
    return TOP + row * HEIGHT + (1.0 - share) * (HEIGHT - 25)


def _text(x: float, y: float, text: str, colour: str = "#222") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}">{escape(text)}</text>'


def _axes(row: int) -> list[str]:
    _, label, low, high = SIGNS[row]
    top, bottom = _up(row, high), _up(row, low)
    path = f'<path d="M{LEFT} {top}V{bottom}H{WIDTH - 30}" fill="none" stroke="#999"/>'
    marks = [_text(LEFT - 30, _up(row, v) + 4, str(v)) for v in (low, (low + high) // 2, high)]
    return [path, _text(6, top - 8, label), *marks]


def _curve(way: str, played: Played, row: int) -> str:
    n = len(played.rows)
    points = " ".join(
        f"{_across(MINUTES * i / n):.1f},{_up(row, signs[row]):.1f}"
        for i, signs in enumerate(played.rows)
    )
    return f'<polyline points="{points}" fill="none" stroke="{COLOURS[way]}" stroke-width="1.8"/>'


def pages() -> dict[str, str]:
    """Return the ECG before and after the wrong care as pages of paper."""
    patient = make_case_patient(case_named(CASE), exam=True)
    for second, name, dose in WRONG:
        data = {"name": name, "dose": dose, "confirmed": True}
        patient.order(Order(int(second * 10), "act", data))
    found = {}
    for name, second in ECG_AT_S.items():
        leads = patient.leads(MATRIX, float(FS), second * FS, SECONDS * FS)
        found[name] = svg(f"{name} the wrong care, minute {second // 60}", leads)
    return found


def main(arguments: list[str]) -> int:
    """Write the pictures and print the words."""
    if len(arguments) != 1:
        sys.exit("usage: python -m teleward_simulators.cases.story OUT")
    out = Path(arguments[0])
    out.mkdir(parents=True, exist_ok=True)
    case = case_named(CASE)
    right = tuple((s.at_s, s.action, s.dose) for s in case.treatment)
    right += ((case.last_band_s, right_disposition(case), ""),)
    ways = {"untreated": play(()), "wrong": play(WRONG), "right": play(right)}
    (out / "signs.svg").write_text(chart(ways), encoding="utf-8")
    for name, page in pages().items():
        (out / f"ecg-{name}.svg").write_text(page, encoding="utf-8")
    for way, played in ways.items():
        print(f"{way}: {played.result}")
        for second, text in played.words:
            print(f"  {second // 60:3}:{second % 60:02} {text}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
