"""``teleward cases``: list, check and run teaching cases.

teleward cases list [--json]           what there is, and how each was reviewed
teleward cases check [FILE ...]        does each do what its file says, and end as it should
teleward cases harm [FILE ...]         what every harmful action does beside no treatment
teleward cases lint [FILE ...]         how much each case has to answer, teach and mark
teleward cases arrest                  who comes back from which arrest
teleward cases archetypes [CASE]       what six kinds of learners score
teleward cases run ID --speed 60 --plot out.png
"""

import argparse
import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from teleward_gateway.commands import cases_tables
from teleward_gateway.commands.plot import Panel, write_plot

if TYPE_CHECKING:
    from teleward_simulators.cases.runner import CaseRun

CAUTION = (
    "Synthetic patients, for teaching only; not medical advice. Cases are unreviewed unless marked."
)
SHOWN = ("HR", "SBP", "DBP", "RR", "SPO2", "T", "ETCO2", "PH", "G")
PANELS = (("HR", "/min"), ("SBP", "mmHg"), ("DBP", "mmHg"), ("RR", "/min"), ("SPO2", "%"),
          ("T", "Cel"), ("PACO2", "mmHg"))  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare list, check and run."""
    parser.add_argument("--folder", type=Path, help="a further folder of cases")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    listing = verbs.add_parser("list", help="list the cases")
    listing.add_argument("--json", action="store_true", help="print one JSON array")
    check = verbs.add_parser("check", help="check bands, treatment and critical actions")
    check.add_argument("files", nargs="*", help="files or ids; all when left out")
    check.add_argument("--json", action="store_true", help="print one JSON array")
    cases_tables.add_arguments(verbs)
    play = verbs.add_parser("run", help="run one case without devices")
    play.add_argument("case", help="id or file")
    play.add_argument("--speed", type=float, default=0.0, help="times life; 0: as fast as can be")
    play.add_argument("--minutes", type=float, help="of case time; until its last check otherwise")
    play.add_argument("--treat", action="store_true", help="with the treatment of the file")
    play.add_argument("--seed", type=int, default=0)
    play.add_argument("--plot", type=Path, help="write a picture of the course, .png or .svg")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 0 when all is well."""
    try:
        match arguments.verb:
            case "list":
                return _list(arguments)
            case "check":
                return _check(arguments)
            case "harm":
                return cases_tables.harm(arguments)
            case "lint":
                return cases_tables.lint(arguments)
            case "arrest":
                return cases_tables.arrest(arguments)
            case "archetypes":
                return cases_tables.archetypes(arguments)
            case _:
                return _run(arguments)
    except (ValueError, OSError) as error:
        print(f"cases: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        remedy = 'pip install ".[sim]" in the folder of its sources'
        print(f"cases: needs {error.name}; {remedy}", file=sys.stderr)
        return 2


def _list(arguments: argparse.Namespace) -> int:
    from teleward_simulators.cases.catalogue import all_cases

    cases, errors = all_cases(arguments.folder)
    rows = [
        {"name": case.id, "status": case.status, "title": case.title, "opening": case.opening,
         "difficulty": case.difficulty, "speed": case.speed, "devices": list(case.devices),
         "competencies": list(case.competencies), "sources": list(case.sources)}
        for case in sorted(cases.values(), key=lambda case: (case.difficulty, case.id))
    ]  # fmt: skip
    if arguments.json:
        print(json.dumps(rows, ensure_ascii=False))
    else:
        for row in rows:
            title: dict[str, str] = row["title"]  # type: ignore[assignment]
            print(f"{row['name']:28} {row['difficulty']}  {row['status']:11} {title['en']} / "
                  f"{title['hi']}")  # fmt: skip
        print(f"\n{len(rows)} cases. {CAUTION}")
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


def _check(arguments: argparse.Namespace) -> int:
    from teleward_simulators.cases.catalogue import all_cases, case_named
    from teleward_simulators.cases.check import check

    if arguments.files:
        cases = [case_named(name, arguments.folder) for name in arguments.files]
        errors: list[Any] = []
    else:
        found, errors = all_cases(arguments.folder)
        cases = list(found.values())
    rows: list[dict[str, Any]] = [{"name": "", "problems": [str(error)]} for error in errors]
    for case in cases:
        report = check(case)
        rows.append(
            {"name": case.id, "status": case.status, "bands": len(report.untreated),
             "treated_bands": len(report.treated), "critical": list(report.missed),
             "endings": {e.play: {"result": e.result, "second": e.second}
                         for e in report.endings},
             "problems": report.problems()}
        )  # fmt: skip
        if not arguments.json:
            problems = report.problems()
            held = sum(r.holds for r in (*report.untreated, *report.treated))
            total = len(report.untreated) + len(report.treated)
            print(f"{case.id:28} {held}/{total} bands, {sum(report.missed.values())}/"
                  f"{len(report.missed)} critical actions matter  {case.status}")  # fmt: skip
            print("    " + "; ".join(
                f"{e.play}: {e.result or 'no ending'} at {e.second} s" for e in report.endings
            ))  # fmt: skip
            for problem in problems:
                print(f"    {problem}")
    if arguments.json:
        print(json.dumps(rows, ensure_ascii=False))
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if any(row["problems"] for row in rows) else 0


def _run(arguments: argparse.Namespace) -> int:
    from teleward_simulators.cases.catalogue import case_named
    from teleward_simulators.cases.runner import CaseRun

    case = case_named(arguments.case, arguments.folder)
    last_s = max(band.at_s for band in (*case.checks, *(case.treated if arguments.treat else ())))
    end_s = int(arguments.minutes * 60) if arguments.minutes else int(last_s)
    print(f"{case.title['en']} / {case.title['hi']}   review: {case.status}\n{CAUTION}\n")
    print("min    " + "".join(f"{name:>7}" for name in SHOWN) + "  rhythm")
    times: list[float] = []
    values: dict[str, list[float]] = {name: [] for name, _ in PANELS}
    course, began = _Course(CaseRun(case, arguments.seed), arguments.treat), time.monotonic()
    for second in range(end_s + 1):
        course.treat(second)
        course.print_messages()
        if second % 10 == 0:
            times.append(second / 60)
            for name in values:
                values[name].append(_reading(course.run, name))
        if second % max(60, end_s // 30) == 0:
            course.print_numbers(second)
        if arguments.speed:
            time.sleep(max(0.0, began + (second + 1) / arguments.speed - time.monotonic()))
        if course.advance():
            break
    if arguments.plot:
        panels = [Panel(f"{name} {unit}", times, values[name]) for name, unit in PANELS]
        write_plot(arguments.plot, f"{case.id} ({case.status})", "minutes", panels)
        print(f"written: {arguments.plot}")
    return 0


class _Course:
    """A case that runs and is printed; with ``treat`` the right treatment is given."""

    def __init__(self, run: "CaseRun", treat: bool) -> None:
        self.run = run
        self._steps = list(run.case.treatment) if treat else []
        self._shown = 0

    def treat(self, second: int) -> None:
        """Give what is due."""
        while self._steps and self._steps[0].at_s <= second:
            step = self._steps.pop(0)
            self.run.act(step.action, step.dose)
            print(f"       {second / 60:.1f} min: {step.action} {step.dose}")

    def print_messages(self) -> None:
        """Print the messages that are new."""
        messages = self.run.director.state.messages
        for line in messages[self._shown :]:
            print(f"       {line.who}: {line.text}")
        self._shown = len(messages)

    def print_numbers(self, second: int) -> None:
        """Print a row of vital signs."""
        numbers = [_reading(self.run, name) for name in SHOWN]
        row = "".join(f"{'--':>7}" if math.isnan(n) else f"{n:7.1f}" for n in numbers)
        print(f"{second / 60:6.1f} {row}  {self.run.body.rhythm}", flush=True)

    def advance(self) -> bool:
        """Go on by a second; return whether the case has ended."""
        self.run.advance(1)
        result = self.run.director.state.result
        if result:
            print(f"       ended: {result}")
        return bool(result)


def _reading(course: "CaseRun", name: str) -> float:
    """Return a vital sign, NaN for the heart rate of a heart that does not beat."""
    value = float(course.variable(name))
    return math.nan if name == "HR" and value == 0.0 else value
