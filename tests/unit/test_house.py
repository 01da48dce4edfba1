"""The rules of the house, read off the source: how long, how wide, who may touch what. docs/decisions/0001 says why."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]
FLOORS = ("data", "export", "trainer", "service")
LONGEST_MODULE = 300
LONGEST_FUNCTION = 60
MOST_PARAMETERS = 5

ENVIRONMENT = ("environ", "environb", "getenv")
READS_THE_ENVIRONMENT = {"data/settings.py"}
PRINTS = {"service/terminal.py", "trainer/__main__.py"}
"""Where stdout is written to: answers of the command line, and events of the child process."""
REACHES_THE_NETWORK = {"trainer/bases/catalogue.py"}
NETWORK = {
    "aiohttp", "ftplib", "http", "httpx", "httpx2", "huggingface_hub", "requests", "smtplib", "socket", "ssl",
    "urllib.request", "urllib3", "websockets",
}  # fmt: skip
PICKLES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
FORBIDDEN_ARGUMENTS = {("trust_remote_code", True), ("weights_only", False), ("allow_pickle", True), ("shell", True)}


def modules() -> dict[str, str]:
    """Every module of the four floors by its path from the root."""
    paths = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


SOURCES = modules()
TREES = {path: ast.parse(source) for path, source in SOURCES.items()}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions() -> Iterator[tuple[str, Function]]:
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, Function):
                yield f"{path}: {node.name}", node


def imports(tree: ast.AST) -> set[str]:
    """Every imported name, dotted, those inside functions too: `import a.b` and `from a import b` give a and a.b."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names if node.module]
        else:
            continue
        for name in names:
            parts = name.split(".")
            found |= {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
    return found


def importers_of(names: set[str]) -> set[tuple[str, str]]:
    return {(path, name) for path, tree in TREES.items() for name in imports(tree) & names}


def calls() -> Iterator[tuple[str, ast.Call]]:
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield path, node


def test_there_is_a_house():
    assert len(SOURCES) > 100
    assert {path.split("/")[0] for path in SOURCES} == set(FLOORS)


def test_no_module_is_too_long():
    lengths = {path: source.count("\n") for path, source in SOURCES.items()}
    assert {path: lines for path, lines in lengths.items() if lines >= LONGEST_MODULE} == {}


def test_no_function_is_too_long():
    lengths = {name: (node.end_lineno or node.lineno) - node.lineno + 1 for name, node in functions()}
    assert {name: lines for name, lines in lengths.items() if lines >= LONGEST_FUNCTION} == {}


def test_no_function_takes_too_much():
    """More than five parameters ask for a noun. A verb of the command line may have one parameter per option."""
    counts = {}
    for name, node in functions():
        given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        counts[name] = len([one for one in given if one.arg not in ("self", "cls")])
    wide = {name: count for name, count in counts.items() if count > MOST_PARAMETERS}
    assert {name: count for name, count in wide.items() if not name.startswith("service/commands/")} == {}


def test_no_drawers():
    """A module is named after what it is about, never after being left over."""
    drawers = {"util", "utils", "helper", "helpers", "common", "misc", "shared", "tools"}
    assert {path for path in SOURCES if Path(path).stem in drawers} == set()


def test_every_module_says_what_it_is_for():
    missing = {path for path, tree in TREES.items() if ast.get_docstring(tree) is None}
    assert {path for path in missing if SOURCES[path].strip()} == set()
    assert imports(TREES["export/__init__.py"]) == {"os"}  # so that importing the read side imports nothing else


def test_only_the_settings_read_the_environment():
    reading = {
        path
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT and not _of_request(node))
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and "environ" in {a.name for a in node.names})
    }
    assert reading <= READS_THE_ENVIRONMENT


def _of_request(node: ast.Attribute) -> bool:
    """What the server says of one request bears the same name."""
    return isinstance(node.value, ast.Name) and node.value.id == "request"


def test_only_the_terminal_prints():
    printing = {path for path, call in calls() if isinstance(call.func, ast.Name) and call.func.id == "print"}
    assert printing <= PRINTS


def test_only_one_door_to_the_network():
    """And `socket` only to ask for the machine's own name, and where the server and its views look at connections of
    their callers."""
    reaching = {path for path, name in importers_of(NETWORK) if name != "socket"}
    assert reaching <= REACHES_THE_NETWORK
    used = {
        node.attr
        for path, tree in TREES.items()
        if path not in ("service/server.py", "service/hangups.py")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "socket"
    }
    assert used <= {"gethostname"}


def test_nothing_is_unpickled():
    assert importers_of(PICKLES) == set()


@pytest.mark.parametrize("name", ["load_from_checkpoint", "exec", "eval", "system", "popen"])
def test_never_called(name: str):
    """What runs what it reads. `.eval()` of a model, which takes nothing, is another matter."""
    found = {path for path, call in calls() if isinstance(call.func, ast.Attribute) and call.func.attr == name}
    named = {path for path, call in calls() if isinstance(call.func, ast.Name) and call.func.id == name}
    assert named == set()
    if name != "eval":
        assert found == set()


def test_no_argument_opens_a_boundary():
    given = {
        (path, word.arg, word.value.value)
        for path, call in calls()
        for word in call.keywords
        if isinstance(word.value, ast.Constant)
    }
    assert {one for one in given if one[1:] in FORBIDDEN_ARGUMENTS} == set()


def test_torch_files_are_read_as_weights_only():
    loads = [
        (path, {word.arg: word.value for word in call.keywords})
        for path, call in calls()
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == "load"
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "torch"
    ]
    careless = {path for path, words in loads if ast.unparse(words.get("weights_only", ast.Constant(None))) != "True"}
    assert careless == set()


def test_sql_lives_in_the_store():
    """Rows are written and read in one place; whoever needs some asks it."""
    assert {path for path, _ in importers_of({"sqlalchemy", "alembic", "sqlite3", "psycopg"})} <= {
        path for path in SOURCES if path.startswith("data/store/")
    }


def test_the_floors_carry_only_what_stands_on_them(capsys: pytest.CaptureFixture[str]):
    broken = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert broken == 0, capsys.readouterr().out
