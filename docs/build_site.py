"""Site builder: the repository's Markdown and the generated reference, checked strictly.

    *.md, docs/, pictures  --copied-->  build/site-source  --zensical build --strict-->  build/site
    settings schema, OpenAPI  --written-->  docs/reference

Pages keep their places, so that a link works the same on the site and in the repository. Links to
files that are no pages (code, licence) are checked here and shown as plain text.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "build" / "site-source"
COPIED = (".md", ".png", ".svg")
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")
Schema = dict[str, Any]


def main() -> int:
    """Build the site; return the builder's exit code."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    copy_pages()
    reference = SOURCE / "docs" / "reference"
    reference.mkdir(parents=True)
    (reference / "settings.md").write_text(settings_page())
    (reference / "api.md").write_text(api_page())
    command = ["zensical", "build", "--strict", "--clean", "-f", str(ROOT / "zensical.toml")]
    program = Path(sys.executable).with_name("zensical")
    command[0] = str(program if program.exists() else "zensical")
    return subprocess.run(command, cwd=ROOT).returncode


def copy_pages() -> None:
    """Copy every tracked page and picture; raises SystemExit for a link to a missing file."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\n")  # fmt: skip
    missing = []
    for name in (name for name in listed if name.endswith(COPIED)):
        if name.startswith((".github/", "tests/")):
            continue
        place = SOURCE / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if not name.endswith(".md"):
            shutil.copy(ROOT / name, place)
            continue
        text = (ROOT / name).read_text()
        missing += missing_files(ROOT / name, text)
        place.write_text(site_text(text))
    if missing:
        raise SystemExit("links to files that are not there:\n  " + "\n  ".join(missing))


def missing_files(page: Path, text: str) -> list[str]:
    """Return ``page: target`` of every relative link whose file does not exist."""
    found = []
    for _, target in LINK.findall(text):
        path = target.partition("#")[0]
        if "://" in target or not path or "/reference/" in f"/{path}":
            continue
        if not (page.parent / path).exists():
            found.append(f"{page.relative_to(ROOT)}: {target}")
    return found


def site_text(text: str) -> str:
    """Return a page as the site needs it: links to what is no page become plain text."""

    def replace(match: re.Match[str]) -> str:
        label, target = match[1], match[2]
        path = target.partition("#")[0]
        if "://" in target or not path or path.endswith(COPIED):
            return match[0]
        return label

    return LINK.sub(replace, text)


def settings_page() -> str:
    """Return the settings reference, one table per section of the file."""
    from teleward_gateway.settings.model import Settings

    schema = Settings.model_json_schema()
    lines = [
        "# Settings",
        "",
        "Every key of the settings file (TOML), made from its schema. "
        "`teleward config check FILE` checks a file; `teleward config schema` prints the schema.",
    ]
    for name, entry in schema["properties"].items():
        lines += section(name, entry, schema["$defs"])
    return "\n".join(lines) + "\n"


def section(name: str, entry: Schema, definitions: Schema) -> list[str]:
    """Return the lines of one table of the file and of the tables in it."""
    target, many = target_of(entry, definitions)
    if target is None:
        return []
    title = f"[[{name}]]" if many else f"[{name}]"
    lines = ["", f"## {title}", "", cell(entry.get("description", "")), ""]
    lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
    inner = []
    required = target.get("required", [])
    for key, value in target.get("properties", {}).items():
        nested, _ = target_of(value, definitions)
        if nested is not None and "properties" in nested:
            inner += section(f"{name}.{key}", value, definitions)
            continue
        default = "required" if key in required else f"`{json.dumps(value.get('default'))}`"
        if default == "`null`":
            default = ""
        meaning = cell(value.get("description", ""))
        lines.append(f"| `{key}` | {type_of(value, definitions)} | {cell(default)} | {meaning} |")
    return lines + inner


def target_of(entry: Schema, definitions: Schema) -> tuple[Schema | None, bool]:
    """Return the object that an entry refers to, and whether it is a list of them."""
    for option in (entry, *entry.get("anyOf", ()), *entry.get("allOf", ())):
        if "$ref" in option:
            found = definitions[option["$ref"].rsplit("/", 1)[-1]]
            return (found, False) if found.get("type") == "object" else (None, False)
        if option.get("type") == "array" and "$ref" in option.get("items", {}):
            found = definitions[option["items"]["$ref"].rsplit("/", 1)[-1]]
            return (found, True) if found.get("type") == "object" else (None, False)
    return None, False


def type_of(entry: Schema, definitions: Schema) -> str:
    """Return a schema's type in words."""
    if "$ref" in entry:
        return type_of(definitions[entry["$ref"].rsplit("/", 1)[-1]], definitions)
    if "enum" in entry:
        return cell(" or ".join(f"`{json.dumps(value)}`" for value in entry["enum"]))
    if "anyOf" in entry:
        kinds = [type_of(option, definitions) for option in entry["anyOf"]]
        return " or ".join(dict.fromkeys(kind for kind in kinds if kind != "null"))
    kind = str(entry.get("type", "any"))
    return f"list of {type_of(entry['items'], definitions)}" if "items" in entry else kind


def api_page() -> str:
    """Return the API reference: every route with its parameters, by tag."""
    document = openapi()
    lines = [
        "# API",
        "",
        "Made from OpenAPI. A running gateway serves the whole document, with all fields, at "
        "`/api/v1/openapi.json`.",
        "",
        document["info"]["description"].strip(),
    ]
    by_tag: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            by_tag.setdefault((route.get("tags") or ["other"])[0], []).extend(
                route_lines(path, method, route, document["components"]["schemas"])
            )
    for tag, routes in by_tag.items():
        lines += ["", f"## {tag}", *routes]
    return "\n".join(lines) + "\n"


def route_lines(path: str, method: str, route: Schema, definitions: Schema) -> list[str]:
    """Return the lines of one route."""
    lines = ["", f"### {method.upper()} {path}".replace("{", "\\{"), ""]
    lines.append(" ".join(str(route.get("description", route.get("summary", ""))).split()))
    parameters = route.get("parameters", [])
    if parameters:
        lines += ["", "| parameter | in | type | meaning |", "|---|---|---|---|"]
        for row in parameters:
            kind = type_of(row.get("schema", {}), definitions)
            needed = "" if row.get("required") else " (optional)"
            meaning = cell(row.get("description", row.get("schema", {}).get("description", "")))
            lines.append(f"| `{row['name']}` | {row['in']} | {kind}{needed} | {meaning} |")
    body = route.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = body.get("schema", {}).get("$ref", "").rsplit("/", 1)[-1]
    if name:
        lines += ["", f"Body: `{name}`."]
    return lines


def openapi() -> Schema:
    """Return the OpenAPI document of a gateway with rooms and classes."""
    from teleward_gateway.api.factory import create_app
    from teleward_gateway.classroom.start import add_routes

    view = SimpleNamespace(summary=lambda: SimpleNamespace(version="0"), health=None)
    app = create_app(cast(Any, view))
    add_routes(app)
    return app.openapi()


def cell(text: str) -> str:
    """Return a text for one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
