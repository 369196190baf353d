"""Check a driver's options: an error names an unknown option or wrong type and the remedy."""

from collections.abc import Callable, Mapping
from typing import Any

from teleward_signal.errors import Invalid


def read_options(
    driver: str, options: Mapping[str, Any], known: Mapping[str, tuple[type, Any]]
) -> dict[str, Any]:
    """Return every known option, given or default.

    ``known`` maps a name to its type and default. ValueError names driver, option and choices.
    """
    for name, value in options.items():
        if name not in known:
            choices = ", ".join(sorted(known)) or "none"
            raise Invalid(f"driver {driver}: unknown option {name!r}; options: {choices}")
        wanted = known[name][0]
        accepted = (int, float) if wanted is float else wanted
        wrong_bool = isinstance(value, bool) and wanted is not bool
        if not isinstance(value, accepted) or wrong_bool:
            raise Invalid(
                f"driver {driver}: option {name!r} must be {wanted.__name__}, not {value!r}"
            )
    return {name: options.get(name, default) for name, (_, default) in known.items()}


def no_options(driver: str, make: Callable[[], Any]) -> Callable[[dict[str, Any]], Any]:
    """Return a ``make`` for `DriverInfo` of a driver without options."""

    def made(options: dict[str, Any]) -> Any:
        read_options(driver, options, {})
        return make()

    return made
