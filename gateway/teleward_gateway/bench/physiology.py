"""What patients cost and how right they are: ``teleward bench physiology [--data DIR]``.

Cost: processor time of one core, in percent of the time simulated. Fidelity: the simulated normal
adult beside recordings of MIT-BIH and BIDMC (PhysioNet formats), each measured by the same code.
"""

import argparse
import time
from pathlib import Path
from typing import Any

PATIENTS = 64
RENDER_S = 10
FAST_S = 3600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where recordings are."""
    parser.add_argument("--data", type=Path, help="folder with mitdb/ and bidmc/ recordings")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return costs, the matrix and, with recordings, the fidelity table."""
    from teleward_simulators.physiology.directions import score

    result: dict[str, Any] = {**_costs()}
    matrix = score()
    result["matrix_percent"] = round(matrix.percent, 2)
    result["matrix_cells"] = matrix.cells
    result["matrix_failures"] = list(matrix.failures)
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


def table(result: dict[str, Any]) -> str:
    """Return the result in words."""
    lines = [
        f"one step of a body            {result['engine_step_us']:8.2f} us "
        f"({result['fast_forward_ratio']} times life without waves)",
        f"64 patients, beats and body   {result['live_cpu_percent_64']:8.1f} % of a core",
        f"  and 12 leads at 250 Hz      {result['render_cpu_percent_64']:8.1f} % of a core",
        f"directional matrix            {result['matrix_percent']:8.2f} % of "
        f"{result['matrix_cells']} cells",
    ]
    lines += [f"    {failure}" for failure in result["matrix_failures"]]
    for row in result.get("fidelity", []):
        lines.append(
            f"{row['what']:28} simulated {row['simulated']:>22}   recorded {row['recorded']:>30}"
            f"   {row['differs']}"
        )
    return "\n".join(lines)
