"""The pages' JavaScript is type-checked from its JSDoc, strictly, with the types of lit-html."""

import json
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

OPTIONS = {
    "allowJs": True,
    "checkJs": True,
    "noEmit": True,
    "strict": True,
    "target": "es2022",
    "module": "esnext",
    "moduleResolution": "bundler",
    "lib": ["es2023", "dom", "dom.iterable"],
    "skipLibCheck": True,
    "types": ["trusted-types"],
}

VENDORED = {"vendor", "directives"}


@pytest.mark.skipif(shutil.which("npm") is None, reason="type checks need npm; the pages do not")
def test_the_pages_are_typed(tmp_path: Path) -> None:
    dashboard = Path(str(files("teleward_gateway") / "dashboard"))
    sources = [path for path in dashboard.rglob("*.js") if path.parent.name not in VENDORED]
    for path in [*sources, *dashboard.glob("package*.json")]:
        copy = tmp_path / path.relative_to(dashboard)
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(path, copy)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    fetched = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert fetched.returncode == 0, fetched.stderr
    library, vendor = tmp_path / "node_modules" / "lit-html", tmp_path / "vendor"
    (vendor / "directives").mkdir(parents=True)
    for types in ("lit-html.d.ts", "directive.d.ts", "directives/repeat.d.ts"):
        shutil.copy(library / types, vendor / types)
    config = {
        "compilerOptions": OPTIONS,
        "include": ["*/*.js"],
        "exclude": ["vendor", "node_modules"],
    }
    (tmp_path / "tsconfig.json").write_text(json.dumps(config))
    compiler = tmp_path / "node_modules" / ".bin" / "tsc"
    checked = subprocess.run([compiler, "-p", "."], cwd=tmp_path, capture_output=True, text=True)
    assert checked.stdout == ""
    assert checked.returncode == 0
