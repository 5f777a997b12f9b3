"""The house rules that can be read off the code: who may import whom, and how long a module is."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_MODULE_LINES = 300
MAX_FUNCTION_LINES = 40

TOP_LEVEL = {
    "sync_core",
    "handlers",
    "cfn",
    "scripts",
    "tests",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "requirements.lock",
}

MODEL = {"model", "errors"}
PURE = {"events", "marker", "evidence", "echo", "routing", "decide", "backoff", "parts", "compare"}
PURE |= {"occasion", "tags", "hints", "agreement", "draft", "safety", "holds", "prefix_list"}
PURE |= {"notifications", "entries", "ranges", "checksums"}
PROTOCOLS = {"storage.protocol", "records.protocol", "queues.protocol"}
PROTOCOLS |= {"storage.parts_protocol", "storage.sync_store", "records.uploads_protocol"}
CORE = {"stack", "gather", "transfer", "multipart", "evaluation", "pipeline", "settle", "worker"}
CORE |= {"verify", "losers", "tagging", "outcomes", "finder", "schedule", "explain", "conflicts"}
CORE |= {"blocked", "guard", "journal", "sentinel", "probe", "turn", "shared_round"}
CORE |= {"claim", "copy_task", "in_hand", "large", "part_work", "sharing", "standing"}
CORE |= {"watch", "orphans", "provider_check", "provider_trials", "streamed", "feed_check"}
ADAPTERS = {"storage", "records", "queues"}
WIRING = {
    "config",
    "variables",
    "policies",
    "signing",
    "assembly",
    "connections",
    "bootstrap",
    "startup",
    "remote",
    "forwarder",
    "telemetry",
}
PEOPLE = {"cli", "launch", "local"}

IMPURE = {"os", "io", "time", "random", "secrets", "socket", "threading", "subprocess", "logging"}

VENDORS = {
    "awscrt": {"checksums"},
    "boto3": {
        "storage",
        "records",
        "queues",
        "connections",
        "bootstrap",
        "remote",
        "launch",
        "local",
    },
    "botocore": {
        "storage",
        "records",
        "queues",
        "connections",
        "bootstrap",
        "remote",
        "launch",
        "local",
    },
    "pynamodb": {"records"},
    "aws_lambda_powertools": {"telemetry"},
    "cachetools": {"startup", "remote", "local"},
    "ministack": {"local"},
    "hypercorn": {"local"},
    "typer": {"cli"},
    "rich": {"cli"},
}


def modules(folder: str = "sync_core") -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    """Return `storage.s3` for sync_core/storage/s3.py and `` for sync_core/__init__.py."""
    parts = path.relative_to(ROOT / "sync_core").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def layer_of(name: str) -> str:
    return name.split(".", maxsplit=1)[0]


def imports_of(path: Path) -> Iterator[str]:
    """Yield what a file imports; `from a import b` is `a.b`, whatever b is."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(path: Path) -> set[str]:
    """Return the modules of sync_core that a file imports, by their names below it."""
    known = {name_of(module) for module in modules()}
    found = (name.removeprefix("sync_core.") for name in imports_of(path) if "sync_core." in name)
    return {name if name in known else name.rpartition(".")[0] for name in found} - {""}


BELOW_CORE = MODEL | PURE | PROTOCOLS
BELOW_PEOPLE = BELOW_CORE | CORE | ADAPTERS | WIRING


def allowed_for(name: str) -> set[str]:
    """Return the layers (or single modules) that a module of sync_core may import."""
    if name in PROTOCOLS:
        return MODEL | PROTOCOLS
    layer = layer_of(name)
    for members, allowed in (
        (MODEL, MODEL),
        (PURE, MODEL | PURE),
        (CORE, BELOW_CORE | CORE),
        (ADAPTERS, MODEL | PURE | {layer}),
        (WIRING, BELOW_PEOPLE),
    ):
        if layer in members:
            return allowed
    return BELOW_PEOPLE | PEOPLE


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_imports_only_from_its_layer_and_those_below(path: Path) -> None:
    name = name_of(path)
    allowed = allowed_for(name)
    strangers = {
        found
        for found in own_imports(path)
        if found not in allowed and layer_of(found) not in allowed - PROTOCOLS
    }
    assert strangers == set(), f"{name} may import from {sorted(allowed)} only"


def test_every_layer_that_is_named_exists() -> None:
    layers = {layer_of(name_of(path)) for path in modules()} - {""}
    assert layers == MODEL | PURE | CORE | ADAPTERS | WIRING | PEOPLE


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_vendors_library_stays_where_it_belongs(path: Path) -> None:
    layer = layer_of(name_of(path))
    for name in imports_of(path):
        homes = VENDORS.get(name.split(".", maxsplit=1)[0])
        assert homes is None or layer in homes, f"{name} belongs into {homes}"


@pytest.mark.parametrize("path", modules("handlers"), ids=str)
def test_a_handler_knows_powertools_and_no_other_vendor(path: Path) -> None:
    vendors = {name.split(".", maxsplit=1)[0] for name in imports_of(path)} & set(VENDORS)
    assert vendors <= {"aws_lambda_powertools"}


def test_ports_and_adapters_in_memory_need_no_vendor() -> None:
    for path in modules():
        if path.stem == "protocol" or path.stem.startswith("memory"):
            imported = {name.split(".", maxsplit=1)[0] for name in imports_of(path)}
            assert imported <= sys.stdlib_module_names | {"sync_core"}, path


def test_pynamodb_stays_in_the_adapter_of_dynamodb() -> None:
    homes = {
        path.stem
        for path in modules()
        if any(name.split(".", maxsplit=1)[0] == "pynamodb" for name in imports_of(path))
    }
    assert all(home.startswith("dynamodb") for home in homes)


@pytest.mark.parametrize(
    "path",
    [path for path in modules() if layer_of(name_of(path)) in MODEL | PURE],
    ids=name_of,
)
def test_a_pure_module_has_no_io_no_clock_and_no_chance(path: Path) -> None:
    imported = {name.split(".", maxsplit=1)[0] for name in imports_of(path)}
    assert imported & IMPURE == set()
    # awscrt is used for arithmetic only, see VENDORS.
    assert imported <= sys.stdlib_module_names | {"sync_core", "awscrt"}
    calls = {
        node.func.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert calls & {"now", "utcnow", "today"} == set()


def test_pure_modules_do_not_import_one_another_in_a_circle() -> None:
    by_name = {name_of(path): own_imports(path) for path in modules()}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, f"a circle: {above} -> {name}"
        if name not in done:
            for found in sorted(by_name[name] - {name}):
                visit(found, (*above, name))
            done.add(name)

    for name in sorted(by_name):
        if layer_of(name) in MODEL | PURE | CORE:
            visit(name, ())


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_the_environment_is_read_in_config_only(path: Path) -> None:
    # local/ prepares the emulator's and the workers' environments; signing tells botocore, which
    # offers no other way, to sign in Python.
    if layer_of(name_of(path)) in {"config", "local", "signing"}:
        return
    nodes = ast.walk(ast.parse(path.read_text()))
    named = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    assert named & {"environ", "getenv"} == set()


@pytest.mark.parametrize("path", modules() + modules("handlers"), ids=str)
def test_modules_and_functions_are_short(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MAX_MODULE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", modules() + modules("handlers"), ids=str)
def test_no_provider_is_asked_for_by_name(path: Path) -> None:
    if path.name in {"dialects.py", "bootstrap.py"}:
        return
    assert "if provider" not in path.read_text()


def test_tests_replace_nothing_behind_the_codes_back() -> None:
    forbidden = "mock" + ".patch"
    assert [path for path in modules("tests") if forbidden in path.read_text()] == []


def test_the_top_level_holds_what_the_design_names() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    entries = {line.split("/")[0] for line in listed.stdout.splitlines()}
    assert {entry for entry in entries if not entry.startswith(".")} <= TOP_LEVEL
