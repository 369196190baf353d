"""Print what pip-audit found; exit 1 for a vulnerable dependency."""

import json
import sys
from pathlib import Path


def main(report: str, log: str, status: str) -> int:
    """Return the exit code: 0 when nothing is known against any dependency."""
    try:
        found = json.loads(Path(report).read_text())["dependencies"]
    except (ValueError, KeyError, OSError):
        lines = Path(log).read_text().splitlines()
        reason = lines[-1] if lines else f"pip-audit ended with {status}"
        print(f"dependencies: SKIPPED, no advisories can be had here: {reason[:200]}")
        return 0
    known = [each for each in found if "skip_reason" not in each]
    if not known:
        print(f"dependencies: SKIPPED, the index has no advisories for any of {len(found)}")
        return 0
    bad = [each for each in known if each["vulns"]]
    for each in bad:
        names = ", ".join(one["id"] for one in each["vulns"])
        fixed = sorted({v for one in each["vulns"] for v in one["fix_versions"]})
        print(f"{each['name']} {each['version']}: {names}; fixed in {', '.join(fixed) or 'none'}")
    unknown = len(found) - len(known)
    print(f"dependencies: {len(bad)} vulnerable of {len(known)}, {unknown} not in the index")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
