"""The six patients of the demo ward as numbers: where a vital sign starts and where it goes."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Trend:
    """A vital sign that moves from ``start`` to ``end`` between two times and stays there."""

    start: float
    end: float | None = None
    from_s: float = 60.0
    until_s: float = 1260.0

    def at(self, time_s: float) -> float:
        """Return the value at ``time_s``."""
        if self.end is None:
            return self.start
        share = (time_s - self.from_s) / (self.until_s - self.from_s)
        return self.start + (self.end - self.start) * min(1.0, max(0.0, share))


@dataclass(frozen=True, slots=True)
class Profile:
    """A patient; ``irregularity`` is the SD of RR over its mean (fibrillation: 0.18 to 0.28)."""

    name: str
    title: str
    age: int
    sex: str
    heart_rate: Trend
    spo2: Trend
    respiratory_rate: Trend
    body_temperature: Trend
    nibp_systolic: Trend
    nibp_diastolic: Trend
    perfusion_index: Trend = field(default_factory=lambda: Trend(4.0))
    irregularity: float = 0.02
    p_wave: bool = True


def _steady(value: float) -> Trend:
    return Trend(value)


PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            "steady", "Well, day after surgery", 34, "F",
            _steady(72), _steady(98), _steady(14), _steady(36.8), _steady(118), _steady(74),
        ),
        Profile(
            "tachycardic", "Blood loss, heart racing", 27, "M",
            _steady(128), _steady(97), _steady(20), _steady(37.0), _steady(104), _steady(62),
            perfusion_index=Trend(1.6),
        ),
        Profile(
            "hypoxic", "Pneumonia, low oxygen", 61, "M",
            _steady(104), _steady(87), _steady(26), _steady(37.9), _steady(126), _steady(76),
        ),
        Profile(
            "febrile", "Fever, cause unknown", 45, "F",
            _steady(108), _steady(96), _steady(21), _steady(39.3), _steady(112), _steady(68),
        ),
        Profile(
            "irregular", "Atrial fibrillation", 73, "M",
            _steady(92), _steady(95), _steady(17), _steady(36.6), _steady(138), _steady(82),
            irregularity=0.22, p_wave=False,
        ),
        Profile(
            "deteriorating", "Sepsis, getting worse", 58, "F",
            Trend(84, 136), Trend(96, 86), Trend(17, 31), Trend(37.6, 39.4), Trend(122, 84),
            Trend(74, 46), perfusion_index=Trend(3.2, 0.9),
        ),
    )
}  # fmt: skip
"""By name, in the order in which the demo admits them."""
