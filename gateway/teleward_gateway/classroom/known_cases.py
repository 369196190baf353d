"""Whether there is such a case: all that the command line may know of one."""

from teleward_simulators.cases.catalogue import case_named


def check(case: str) -> None:
    """Raise ValueError when there is no such case, naming those there are."""
    case_named(case)
