"""Tables of ``teleward cases``: wrong care, arrests, and how much each case has to answer."""

import argparse
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from teleward_simulators.cases.harm import Harm, State


def add_arguments(verbs: Any) -> None:
    """Declare harm, arrest, lint and archetypes."""
    lint = verbs.add_parser("lint", help="count answers, comments and marks of the cases")
    lint.add_argument("files", nargs="*", help="files or ids; all when left out")
    lint.add_argument("--json", action="store_true", help="print one JSON array")
    harm = verbs.add_parser("harm", help="try every harmful action of the cases beside none")
    harm.add_argument("files", nargs="*", help="files or ids; all when left out")
    harm.add_argument("--json", action="store_true", help="print one JSON array")
    arrest = verbs.add_parser("arrest", help="try every way into an arrest and the way back")
    arrest.add_argument("--seeds", type=int, default=60, help="patients for each way")
    arrest.add_argument("--json", action="store_true", help="print one JSON array")
    kinds = verbs.add_parser("archetypes", help="score six kinds of learners on a case")
    kinds.add_argument("case", nargs="?", default="anaphylaxis-01", help="id or file, or 'all'")
    kinds.add_argument("--json", action="store_true", help="print one JSON array")


def harm(arguments: argparse.Namespace) -> int:
    """Print the table of wrong care; 1 when some of it helps or too little of it shows."""
    from teleward_simulators.cases.catalogue import all_cases, case_named
    from teleward_simulators.cases.harm import harms

    if arguments.files:
        cases = [case_named(name, arguments.folder) for name in arguments.files]
    else:
        cases = list(all_cases(arguments.folder)[0].values())
    rows: list[Harm] = []
    if not arguments.json:
        print(f"{'case':26} {'harmful action':22} {'at s':>6}   {'untreated, at the end':38} "
              f"{'with it':38} shows")  # fmt: skip
    for case in sorted(cases, key=lambda case: case.id):
        for row in harms(case):
            rows.append(row)
            if not arguments.json:
                print(f"{row.case:26} {row.action:22} {row.at_s:6}   {_state(row.untreated):38} "
                      f"{_state(row.harmed):38} {_shows(row)}", flush=True)  # fmt: skip
    return _sum_up(arguments, rows)


def archetypes(arguments: argparse.Namespace) -> int:
    """Print what six kinds of learners score; 1 when doing nothing passes or an expert does not."""
    from teleward_gateway.classroom.scoring.archetypes import NAMES
    from teleward_gateway.classroom.scoring.archetypes import archetypes as play
    from teleward_simulators.cases.catalogue import all_cases, case_named

    if arguments.case == "all":
        cases = sorted(all_cases(arguments.folder)[0].values(), key=lambda case: case.id)
    else:
        cases = [case_named(arguments.case, arguments.folder)]
    rows = [
        {"case": case.id, "name": name, "score": report.score, "shares": report.shares,
         "missed": report.parts.missed, "grave": report.parts.grave, "passed": report.passed}
        for case in cases for name, report in play(case).items()
    ]  # fmt: skip
    if arguments.json:
        print(json.dumps(rows))
    else:
        print(f"{'case':28}" + "".join(f"{name:>16}" for name in NAMES))
        for case in cases:
            own = {row["name"]: row["score"] for row in rows if row["case"] == case.id}
            print(f"{case.id:28}" + "".join(f"{own[name]:16.1f}" for name in NAMES))
    passed = {(row["case"], row["name"]) for row in rows if row["passed"]}
    wrong = [case for case in cases if (case.id, "expert") not in passed]
    wrong += [
        case for case in cases for name in ("diagnosis_only", "idle") if (case.id, name) in passed
    ]
    return int(bool(wrong))


def lint(arguments: argparse.Namespace) -> int:
    """Print what every case has; 1 when one lacks something."""
    from collections import Counter
    from dataclasses import asdict

    from teleward_simulators.cases.catalogue import all_cases, case_named
    from teleward_simulators.cases.lint import lint as count

    if arguments.files:
        cases = [case_named(name, arguments.folder) for name in arguments.files]
    else:
        cases = list(all_cases(arguments.folder)[0].values())
    rows = [count(case) for case in sorted(cases, key=lambda case: case.id)]
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows]))
        return int(any(row.problems for row in rows))
    print(f"{'case':28} schema history examination tests diagnostic marks commented")
    for row in rows:
        print(f"{row.case:28} {row.schema:6} {row.history:7} {row.examination:11} {row.tests:5} "
              f"{row.diagnostic:10} {row.marks:5} {row.commented:9}")  # fmt: skip
        for problem in row.problems:
            print(f"    {problem}")
    competencies = Counter(name for case in cases for name in case.competencies)
    print("\ncompetencies: " + ", ".join(f"{n} {c}" for n, c in sorted(competencies.items())))
    return int(any(row.problems for row in rows))


def _sum_up(arguments: argparse.Namespace, rows: "list[Harm]") -> int:
    marks = {(row.case, row.action) for row in rows}
    shown = {(row.case, row.action) for row in rows if row.shows}
    helped = [row for row in rows if row.better]
    if arguments.json:
        print(json.dumps([
            {"case": r.case, "action": r.action, "weight": r.weight, "at_s": r.at_s,
             "untreated": r.untreated.result, "harmed": r.harmed.result, "shown_s": r.shown_s,
             "shows": r.shows, "better": r.better, "why_no_effect": r.why} for r in rows
        ]))  # fmt: skip
    else:
        print(f"\n{len(rows)} tries of {len(marks)} harmful actions: better than untreated "
              f"{len(helped)}, shown within ten minutes or at the end {len(shown)}")  # fmt: skip
    return int(bool(helped))


def _state(state: "State") -> str:
    values = state.values
    return (
        f"{state.result or 'no ending':10} {state.rhythm[:9]:9} SBP {values['SBP']:3.0f} "
        f"SpO2 {values['SPO2']:3.0f}"
    )


def _shows(row: "Harm") -> str:
    after = f"after {row.shown_s:.0f} s" if row.shown_s is not None else ""
    text = after or ("at the end" if row.shows else "no")
    return text + ("  BETTER THAN UNTREATED" if row.better else "")


def arrest(arguments: argparse.Namespace) -> int:
    """Print who comes back; 1 when a share is not as designed."""
    from teleward_simulators.physiology.arrests import LEAST, MOST, WAYS, decay_s, way_back

    rows = []
    for way in WAYS:
        first, seconds = decay_s(way)
        for cured in (True, False):
            found = way_back(way, cured, arguments.seeds)
            rows.append({"way": way.name, "first_rhythm": first, "asystole_after_s": seconds,
                         "cause_removed": cured, "arrested": found.arrested, "back": found.back,
                         "holds": found.holds})  # fmt: skip
            if not arguments.json:
                state = "cause removed" if cured else "cause remains"
                print(f"{way.name:16} {first:10} asystole untreated after {seconds:4.0f} s   "
                      f"{state}: {found.back:2} of {found.arrested} back"
                      f"{'' if found.holds else '   NOT AS DESIGNED'}", flush=True)  # fmt: skip
    if arguments.json:
        print(json.dumps(rows))
    else:
        print(f"\nTwenty minutes of good resuscitation; designed: {LEAST:.0f} to {MOST:.0f} % back "
              "with the cause removed, nobody without.")  # fmt: skip
    return int(not all(row["holds"] for row in rows))
