"""The network's budget: waveforms go first, then all but one value in 10 s, alarms never."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from teleward_cloud.mqtt.budget import OVERHEAD_BYTES, Budget, Level
from teleward_signal.record import Record, RecordKind

Make = Callable[..., Record]
NS = 1_000_000_000
METRICS = ("heart_rate", "spo2", "pulse_rate", "respiratory_rate", "perfusion_index")
VALUE_BYTES, WAVE_BYTES = 22, 500


class Ward:
    """Eight patients, second by second, and what was sent of them."""

    def __init__(self, record: Make, budget: Budget, *, waves: bool = True) -> None:
        self.make, self.budget, self.waves = record, budget, waves
        self.sent: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.n_bytes = 0
        self.second = 0

    def batch(self) -> list[Record]:
        second, made = self.second, []
        time_ns = 1_772_352_000 * NS + second * NS
        for bed in range(8):
            subject = f"bed-{bed}"
            for part, metric in enumerate(METRICS):
                made.append(
                    self.make(second, part, subject=subject, metric=metric, time_ns=time_ns)
                )
            beat = {"symbol": "N"}
            made.append(self.make(second, 9, kind=RecordKind.ANNOTATION, subject=subject,
                                  metric="ecg_ii", time_ns=time_ns, payload=beat))  # fmt: skip
            if self.waves:
                made.append(
                    self.make(second, 20, kind=RecordKind.WAVEFORM, subject=subject,
                              metric="ecg_ii", time_ns=time_ns, samples=bytes(WAVE_BYTES))
                )  # fmt: skip
        if second % 97 == 0:
            made.append(self.make(second, 30, kind=RecordKind.ALARM, time_ns=time_ns))
            cuff = {"value": 120.0, "group": f"cuff-{second}"}
            made.append(self.make(second, 31, metric="nibp_systolic", time_ns=time_ns,
                                  payload=cuff))  # fmt: skip
            rhythm = {"symbol": "+", "label": f"AFIB {second}"}
            made.append(self.make(second, 32, kind=RecordKind.ANNOTATION, time_ns=time_ns,
                                  payload=rhythm))  # fmt: skip
        return [replace(found, monotonic_ns=second * NS) for found in made]

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            batch = self.batch()
            wanted, left_out = self.budget.choose(batch, live=True, now_s=float(self.second))
            assert len(wanted) + len(left_out) == len(batch)
            size = sum(len(r.samples) + 80 if r.samples else VALUE_BYTES for r in wanted)
            if wanted:
                self.budget.spent(size, 1, len(wanted))
                self.n_bytes += size + OVERHEAD_BYTES
            known = {found.id for found in wanted}
            for found in batch:
                kept = self.sent if found.id in known else self.left_out
                kept[f"{found.kind}:{found.metric}"] += 1
            self.second += 1


@pytest.mark.parametrize(
    ("mb_per_day", "level"),
    [(1000.0, Level.FULL), (200.0, Level.NO_WAVEFORMS), (30.0, Level.SPARSE)],
)
def test_a_day_keeps_to_its_budget(record: Make, mb_per_day: float, level: Level) -> None:
    ward = Ward(record, Budget(mb_per_day))
    ward.run(300)
    assert ward.budget.level is level
    before = ward.n_bytes
    ward.run(300)
    assert (ward.n_bytes - before) * 288 / 1e6 <= mb_per_day
    assert (ward.left_out["waveform:ecg_ii"] > 0) == (level >= Level.NO_WAVEFORMS)
    assert (ward.left_out["measurement:spo2"] > 0) == (level is Level.SPARSE)
    for never in ("alarm:spo2", "measurement:nibp_systolic"):
        assert ward.left_out[never] == 0, never
        assert ward.sent[never] == 7


def test_values_come_every_10_s_and_rhythm_changes_at_once(record: Make) -> None:
    ward = Ward(record, Budget(30.0), waves=False)
    ward.run(200)
    assert ward.budget.level is Level.SPARSE
    ward.sent.clear()
    ward.run(100)
    assert ward.sent["measurement:spo2"] == 80, "ten each of eight patients"
    assert ward.sent["annotation:ecg_ii"] == 0, "marks of single beats"
    assert ward.budget.notice == (
        "network budget of 30 MB a day: waveforms are not sent, values every 10 s"
    )


def test_a_better_level_returns_when_it_fits(record: Make) -> None:
    ward = Ward(record, Budget(200.0))
    ward.run(200)
    assert ward.budget.level is Level.NO_WAVEFORMS
    ward.waves = False
    ward.run(1000)
    assert int(ward.budget.level) == Level.FULL
    assert ward.budget.notice is None


def test_what_it_remembers_is_bounded(record: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("teleward_cloud.mqtt.budget._MOST_STREAMS", 50)
    budget = Budget(1.0, level=Level.SPARSE)
    for seq in range(500):
        budget.choose([record(seq, subject=f"bed-{seq}")], live=True, now_s=0.0)
    assert len(budget._slots) <= 50
