"""The guard of a trial: killed at any step it goes on, and the right version runs at the end."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from teleward_gateway.operation.update_history import history, note
from teleward_gateway.updating import guard, steps
from teleward_gateway.updating.gate import Look
from teleward_gateway.updating.guard import Guard
from teleward_gateway.updating.places import CURRENT, GUARD, PREVIOUS, Places
from teleward_gateway.updating.service import ServiceState
from teleward_gateway.updating.steps import FORWARD, Step
from teleward_gateway.updating.trial import (
    Stage,
    Trial,
    boot_id,
    read_trial,
    write_trial,
)

BEFORE = Look(answers=True, pid=1, memory_bytes=10**8, recording=True, commits=5, grows=True)


class Killed(BaseException):
    """The end of the guard's process."""


@dataclass
class Machine:
    """A gateway whose versions are folders; the service of the guard looks at it."""

    places: Places
    works: bool = True
    runs: str = "app"
    pid: int = 1
    now_s: float = 1000.0
    log: list[str] = field(default_factory=list)

    def state(self) -> ServiceState:
        return ServiceState(self.pid, 0)

    def restart(self) -> None:
        self.runs, self.pid = self.places.current().name, self.pid + 1

    def stop(self) -> None:
        self.pid, self.runs = 0, ""

    def look(self) -> Look:
        if not self.pid or (self.runs != "app" and not self.works):
            return Look(pid=self.pid)
        return Look(answers=True, pid=self.pid, recording=True, commits=int(self.now_s))

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    for name in ("app", "versions/2.0"):
        (tmp_path / name).mkdir(parents=True)
    data = tmp_path / "data"
    (data / "field").mkdir(parents=True)
    (data / "field" / "journal").write_text("of before")
    config = tmp_path / "teleward.toml"
    config.write_text(f'[gateway]\nname = "g"\ndata_folder = "{data}"\n')
    found = Machine(Places(tmp_path / "versions", tmp_path / "app", config=config))
    monkeypatch.setattr(guard, "Service", lambda systemctl: found)
    monkeypatch.setattr(guard, "Lookout", lambda *words: found)
    monkeypatch.setattr(guard, "_now_s", lambda: found.now_s)
    monkeypatch.setattr(time, "sleep", found.sleep)
    return found


def begin(machine: Machine, **changes: object) -> Trial:
    places = machine.places
    places.set_link(GUARD, places.app)
    trial = Trial(
        version="2.0", to=str(places.versions / "2.0"), from_version="1.0",
        from_folder=str(places.app), before=BEFORE.to_json(), settings_sha256="",
        gate_s=300.0, asked_s=0.0, boot=boot_id(),
    )  # fmt: skip
    return write_trial(places, trial, **changes)


def run_with_kill(machine: Machine, wanted: Step, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the guard, kill it when a step begins, and run it again, as its service does."""
    left = [wanted]

    def shown(step: Step, text: str = "") -> None:
        machine.log.append(step.name)
        if step in left:
            left.remove(step)
            raise Killed

    monkeypatch.setattr(steps, "begin", shown)
    with pytest.raises(Killed):
        Guard(machine.places).run()
    return Guard(machine.places).run()


@pytest.mark.parametrize("step", FORWARD[FORWARD.index(Step.SNAPSHOT) :])
def test_killed_at_each_step_a_version_that_works_is_accepted(
    machine: Machine, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(machine, snapshot=step is Step.SNAPSHOT)
    assert run_with_kill(machine, step, monkeypatch) == "accepted"
    places = machine.places
    assert (machine.runs, places.current().name) == ("2.0", "2.0")
    assert places.link(PREVIOUS) == places.app
    assert places.link(GUARD) is None
    assert [each["result"] for each in history(places.versions)] == ["accepted"]
    assert read_trial(places) is None


@pytest.mark.parametrize("step", list(Step)[list(Step).index(Step.SWITCH_BACK) :])
@pytest.mark.parametrize("snapshot", [False, True])
def test_killed_at_each_step_back_the_version_before_runs(
    machine: Machine, step: Step, snapshot: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.works = False
    begin(machine, snapshot=snapshot)
    journal = machine.places.config.parent / "data" / "field" / "journal"
    real = machine.restart

    def write_too() -> None:
        real()
        if machine.runs == "2.0":
            journal.write_text("of the new version")

    monkeypatch.setattr(machine, "restart", write_too)
    began_s = machine.now_s
    assert "not answered for 151 s" in run_with_kill(machine, step, monkeypatch)
    assert (machine.runs, machine.places.current().name) == ("app", "app")
    assert not (machine.places.versions / CURRENT).exists()
    assert [each["result"] for each in history(machine.places.versions)] == ["back"]
    assert machine.now_s - began_s < 360
    assert journal.read_text() == ("of before" if snapshot else "of the new version")
    if snapshot:
        aside = journal.parents[1] / "field-written-by-2.0" / "journal"
        assert aside.read_text() == "of the new version"


def test_a_guard_that_is_ended_again_and_again_goes_back(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(machine, resumed=3, stage=Stage.WATCHING)
    machine.places.start_with(machine.places.versions / "2.0")
    assert Guard(machine.places).run() == "back: the guard was ended several times"
    assert machine.runs == "app"


def test_a_boot_before_the_switch_ends_the_trial(machine: Machine) -> None:
    begin(machine, boot="another")
    assert Guard(machine.places).run() == "ended before the switch"
    assert machine.runs == "app"
    assert [each["result"] for each in history(machine.places.versions)] == ["refused"]
    assert Guard(machine.places).run() == "no update is on trial"


def test_a_boot_during_the_trial_goes_on_with_it(machine: Machine) -> None:
    begin(machine, boot="another", stage=Stage.WATCHING, began_s=9e9)
    machine.places.start_with(machine.places.versions / "2.0")
    machine.restart()
    assert Guard(machine.places).run() == "accepted"
    assert machine.runs == "2.0"


def test_a_package_that_is_installed_meanwhile_ends_the_trial(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(machine)
    sleeps = iter(range(10))

    def sleep(seconds: float) -> None:
        if next(sleeps) == 3:
            (machine.places.versions / "trial.json").unlink()

    monkeypatch.setattr(time, "sleep", sleep)
    assert "a package was installed" in Guard(machine.places).run()
    assert not (machine.places.versions / "trial.json").exists()


def test_a_line_of_the_history_that_was_cut_off_hides_no_other(machine: Machine) -> None:
    lines = [json.dumps({"result": "accepted"}), '{"result": "ba']
    (machine.places.versions / "history.jsonl").write_text("\n".join(lines))
    assert history(machine.places.versions) == [{"result": "accepted"}]
    note(machine.places.versions, "refused", "3.0", "2.0", "", 0.0)
    assert [each["result"] for each in history(machine.places.versions)] == ["accepted", "refused"]
