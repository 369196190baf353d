"""What patients cost and how right they are: ``teleward bench physiology [--data DIR]``.

Cost: processor time of one core, in percent of the time simulated. Fidelity: the simulated normal
adult beside recordings of MIT-BIH and BIDMC (PhysioNet formats), each measured by the same code.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PATIENTS = 64
RENDER_S = 10
FAST_S = 3600
FAST_CASE = "sepsis-01"
"""The case with the most conditions to look at."""

OPENING = f"""
import time
began = time.process_time()
from teleward_simulators.cases.catalogue import case_named
from teleward_simulators.cases.runner import make_case_patient
make_case_patient(case_named("{FAST_CASE}")).waveform("ecg_ii", 250.0, 0, 250)
print(time.process_time() - began)
"""
"""The patient of the first room of a process; kernels come from the cache."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where recordings are."""
    parser.add_argument("--data", type=Path, help="folder with mitdb/ and bidmc/ recordings")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return costs, the matrix and, with recordings, the fidelity table."""
    from teleward_simulators.physiology.direction_score import score
    from teleward_simulators.physiology.spot_checks import spot_checks
    from teleward_simulators.physiology.targets import compare

    result: dict[str, Any] = {**_costs()}
    matrix = score()
    result["matrix_percent"] = round(matrix.percent, 2)
    result["matrix_cells"] = matrix.cells
    result["demanded_percent"] = round(matrix.demanded_percent, 2)
    result["demanded_cells"] = len(matrix.demanded)
    result["demanded_groups"] = {name: list(pair) for name, pair in matrix.groups().items()}
    result["matrix_failures"] = list(matrix.failures)
    result["demanded_failures"] = [str(cell) for cell in matrix.demanded if not cell.holds]
    result["spot_checks"] = [
        {"name": s.name, "variable": s.variable, "value": round(s.value, 2), "low": s.low,
         "high": s.high, "biogears": s.biogears, "pulse": s.pulse, "source": s.source,
         "holds": s.holds} for s in spot_checks()
    ]  # fmt: skip
    result["targets"] = [
        {"illness": f.target.illness, "minute": f.target.minute, "variable": f.target.variable,
         "value": round(f.value, 1), "low": f.target.low, "high": f.target.high, "holds": f.holds}
        for f in compare()
    ]  # fmt: skip
    result["opening_s"] = round(_opening_s(), 2)
    result["fast_case_cpu_percent"] = round(_fast_case(), 1)
    if arguments.data:
        from teleward_gateway.bench.physiology_fidelity import fidelity

        result["fidelity"] = fidelity(arguments.data)
    return result


def _costs() -> dict[str, float]:
    from teleward_simulators.physiology.engine import Engine
    from teleward_simulators.physiology.patient import PhysiologyPatient
    from teleward_simulators.waveforms.leads import MATRIX

    engine = Engine()
    began = time.process_time()
    engine.advance(FAST_S * 10)
    step_us = (time.process_time() - began) / (FAST_S * 10) * 1e6
    patients = [PhysiologyPatient(seed=seed) for seed in range(PATIENTS)]
    for patient in patients:
        patient.leads(MATRIX, 250.0, 0, 250)
        patient.waveform("pleth", 125.0, 0, 125)
    lived = rendered = 0.0
    for second in range(5, 5 + RENDER_S):
        began = time.process_time()
        for patient in patients:
            patient.live(second + 1.0)
        lived += time.process_time() - began
        began = time.process_time()
        for patient in patients:
            patient.leads(MATRIX, 250.0, second * 250, 250)
        rendered += time.process_time() - began
    return {
        "engine_step_us": round(step_us, 2),
        "patients": PATIENTS,
        "patient_second_ms": round((lived + rendered) / RENDER_S / PATIENTS * 1e3, 3),
        "live_cpu_percent_64": round(100 * lived / RENDER_S, 1),
        "render_cpu_percent_64": round(100 * (lived + rendered) / RENDER_S, 1),
        "fast_forward_ratio": round(1e6 / (step_us * 10)),
    }


def _opening_s() -> float:
    """Return what the first patient of a fresh process takes of a core, s."""
    command = [sys.executable, "-c", OPENING]
    subprocess.run(command, check=True, capture_output=True)  # a cold cache is filled here
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def _fast_case() -> float:
    """Return what one case at speed 60, guards and waves and all, takes of a core in percent."""
    from teleward_simulators.cases.catalogue import case_named
    from teleward_simulators.cases.runner import make_case_patient
    from teleward_simulators.physiology.patient import Order

    patient = make_case_patient(case_named(FAST_CASE))
    patient.order(Order(0, "clock", {"speed": 60}))
    patient.live(1.0)
    began = time.process_time()
    patient.live(1.0 + RENDER_S)
    return 100 * (time.process_time() - began) / RENDER_S


def table(result: dict[str, Any]) -> str:
    """Return the result in words."""
    lines = [
        f"one step of a body            {result['engine_step_us']:8.2f} us "
        f"({result['fast_forward_ratio']} times life without waves)",
        f"64 patients, beats and body   {result['live_cpu_percent_64']:8.1f} % of a core",
        f"  and 12 leads at 250 Hz      {result['render_cpu_percent_64']:8.1f} % of a core",
        f"first patient of a process    {result['opening_s']:8.2f} s of a core, kernels cached",
        f"a case at speed 60            {result['fast_case_cpu_percent']:8.1f} % of a core",
        f"directional matrix            {result['matrix_percent']:8.2f} % of "
        f"{result['matrix_cells']} cells",
    ]
    lines.append(
        f"demanded directions           {result['demanded_percent']:8.2f} % of "
        f"{result['demanded_cells']}"
    )
    for name, (held, total) in result["demanded_groups"].items():
        lines.append(f"    {name:32} {held:4d} of {total}")
    lines += [f"    {failure}" for failure in result["demanded_failures"]]
    lines.append(f"spot checks{'':35}{'Teleward':>9} {'published':>14} {'BioGears':>11} "
                 f"{'Pulse':>7}")  # fmt: skip
    lines += [
        f"    {row['name'][:42]:42} {row['variable'][:26]:26} {row['value']:8.2f} "
        f"{row['low']:6g} to {row['high']:<6g} {row['biogears']:>11} {row['pulse']:>6}"
        f"{'' if row['holds'] else '   MISS'}  {row['source']}"
        for row in result["spot_checks"]
    ]
    held = sum(row["holds"] for row in result["targets"])
    lines.append(f"stated numbers of illnesses   {held:8d} of {len(result['targets'])} hold")
    lines += [
        f"    {row['illness']:28} {row['minute']:3g} min {row['variable']:5} {row['value']:6.1f}  "
        f"{row['low']:g} to {row['high']:g}{'' if row['holds'] else '   MISS'}"
        for row in result["targets"]
    ]
    for row in result.get("fidelity", []):
        lines.append(
            f"{row['what']:28} simulated {row['simulated']:>22}   recorded {row['recorded']:>30}"
            f"   {row['differs']}"
        )
    return "\n".join(lines)
