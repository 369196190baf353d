"""The score of the directional matrix: all cells, and those that demand a direction, by group."""

from dataclasses import dataclass

from teleward_simulators.physiology.body import Body
from teleward_simulators.physiology.direction_classes import MORE
from teleward_simulators.physiology.directions import (
    NOTICEABLE,
    SCENARIOS,
    TIMES_S,
    VARIABLES,
    Scenario,
)
from teleward_simulators.physiology.knobs import KNOBS

EVERY: tuple[Scenario, ...] = (*SCENARIOS, *MORE)
"""All scenarios."""
DEMANDED = "+-"


@dataclass(frozen=True, slots=True)
class Cell:
    """One expectation: a scenario, a time, a variable, and whether it holds."""

    scenario: str
    group: str
    time_s: int
    variable: str
    wanted: str
    change: float

    @property
    def holds(self) -> bool:
        """Return whether the variable went where it should."""
        return agrees(self.wanted, self.change, NOTICEABLE[self.variable])

    def __str__(self) -> str:
        where = f"{self.scenario}, {self.time_s} s, {self.variable}"
        return f"{where}: {self.wanted} expected, {self.change:+.3g}"


@dataclass(frozen=True, slots=True)
class MatrixScore:
    """The outcome; ``failures`` name each cell that does not hold."""

    found: tuple[Cell, ...]

    @property
    def cells(self) -> int:
        """Return the number of cells."""
        return len(self.found)

    @property
    def demanded(self) -> tuple[Cell, ...]:
        """Return the cells that demand up or down."""
        return tuple(cell for cell in self.found if cell.wanted in DEMANDED)

    @property
    def failures(self) -> tuple[str, ...]:
        """Return the cells that do not hold, in words."""
        return tuple(str(cell) for cell in self.found if not cell.holds)

    @property
    def percent(self) -> float:
        """Return the share of all cells that hold, in percent."""
        return _percent(self.found)

    @property
    def demanded_percent(self) -> float:
        """Return the share of demanded directions that hold, in percent."""
        return _percent(self.demanded)

    def groups(self) -> dict[str, tuple[int, int]]:
        """Return (demanded directions that hold, demanded directions) of every group."""
        found: dict[str, tuple[int, int]] = {}
        for cell in self.demanded:
            held, total = found.get(cell.group, (0, 0))
            found[cell.group] = (held + cell.holds, total + 1)
        return found


def _percent(cells: tuple[Cell, ...]) -> float:
    return 100.0 * sum(cell.holds for cell in cells) / len(cells)


def score(scenarios: tuple[Scenario, ...] = EVERY) -> MatrixScore:
    """Run every scenario and compare."""
    return MatrixScore(tuple(
        Cell(s.name, s.group, time_s, variable, wanted, changes[variable])
        for s in scenarios
        for time_s, row, changes in zip(TIMES_S, s.expected, run(s), strict=True)
        for variable, wanted in zip(VARIABLES, row, strict=True)
    ))  # fmt: skip


def run(scenario: Scenario) -> list[dict[str, float]]:
    """Return the change of every variable at the three times against the start."""
    body = Body()
    if scenario.first_rhythm:
        body.set_rhythm(scenario.first_rhythm)
    for name, value in scenario.before:
        _turn(body, name, value)
    for action, dose in scenario.first:
        body.act(action, dose)
    if scenario.before or scenario.first or scenario.first_rhythm:
        body.advance(600 if scenario.first_rhythm in ("vf", "pea") else 6000)
    start = {name: body.engine.get(name) for name in VARIABLES}
    for name, value in scenario.knobs:
        _turn(body, name, value, 30.0)
    for action, dose in scenario.actions:
        body.act(action, dose)
    if scenario.rhythm:
        body.set_rhythm(scenario.rhythm)
    out = []
    done = 0
    for time_s in TIMES_S:
        body.advance((time_s - done) * 10)
        done = time_s
        out.append({name: body.engine.get(name) - start[name] for name in VARIABLES})
    return out


def _turn(body: Body, name: str, value: float, over_s: float = 0.0) -> None:
    if name == "blood":
        body.engine.put("blood_ml", body.engine.get("blood_ml") + value)
    elif name in KNOBS:
        body.turn(name, value, over_s)
    else:
        body.engine.put(name, value)


def agrees(wanted: str, change: float, least: float) -> bool:
    """Return whether ``change`` is what a letter of the matrix wants."""
    match wanted:
        case "+":
            return change > least
        case "-":
            return change < -least
        case "u":
            return change > -least
        case "d":
            return change < least
        case "*":
            return True
    return abs(change) <= least
