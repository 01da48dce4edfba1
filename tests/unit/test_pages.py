"""What the pages say exists exists, and what exists is on the pages."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from data import settings_reference
from data.errors import AttuneError
from data.profile import Acceptance, BotProfile, Intent
from service import cli_reference, reference
from service.api.docs import described
from trainer.generation.recipe import GenerateRecipe, PreferenceRecipe
from trainer.recipes import EntityRecipe, IntentRecipe, LabelRecipe, ReplyRecipe, Seq2SeqRecipe

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FLOORS = ("data", "export", "trainer", "service")
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def first_column(text: str) -> set[str]:
    """Every `name` in the first cell of a table's row."""
    return {
        name
        for row in re.findall(r"^\| (`[^|]+) \|", text, flags=re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", row)
    }


def error_codes() -> set[str]:
    """The code of every class of the tree, and every code that is given to an error later on."""
    codes, kinds = set(), [AttuneError]
    while kinds:
        kind = kinds.pop()
        codes.add(kind.code)
        kinds += kind.__subclasses__()
    for path in (path for floor in FLOORS for path in (ROOT / floor).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and any(
                isinstance(t, ast.Attribute) and t.attr == "code" for t in node.targets
            ):
                codes |= set(texts(node.value))
    return codes


def texts(value: ast.expr) -> Iterator[str]:
    """The texts that an expression may come to; one that is handed to a function, such as a name, is none."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif not isinstance(value, ast.Call):
        for part in ast.iter_child_nodes(value):
            if isinstance(part, ast.expr):
                yield from texts(part)


def test_every_setting():
    assert page("docs/settings.md") == settings_reference.reference(), "run `python -m data.settings_reference`"
    missing = [name for name in settings_reference.documented() if f"`{name}`" not in page("docs/settings.md")]
    assert missing == []


def test_the_settings_page_can_be_checked_and_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(settings_reference, "PAGE", tmp_path / "settings.md")
    settings_reference.PAGE.write_text("stale", encoding="utf-8")
    assert settings_reference.main(["--check"]) == 1
    assert settings_reference.main([]) == 0
    assert settings_reference.main(["--check"]) == 0


def test_every_verb():
    assert page("docs/cli.md") == cli_reference.reference(), "run `python -m service.cli_reference`"


def test_every_route():
    written = reference.markdown(reference.reference(described()))
    assert page("docs/http.md") == written, "run `python -m service.reference`"


def test_every_metric_stands_on_the_page_for_those_who_run_it():
    named = re.findall(r'"(attune_[a-z_]+)"', page("service/metrics.py"))
    assert len(named) > 4
    assert [name for name in named if f"`{name}" not in page("docs/operations.md")] == []


def test_settings_that_the_pages_name_exist():
    known = set(settings_reference.documented())
    for path in (path for path in PAGES if path.parent.name != "decisions"):  # they speak of typos, too
        named = set(re.findall(r"ATTUNE_[A-Z]+__[A-Z_]*[A-Z]", path.read_text(encoding="utf-8")))
        assert named - known - {"ATTUNE_SECTION__NAME"} == set(), path.name


def test_every_error_code():
    assert first_column(page("docs/errors.md")) == error_codes()


@pytest.mark.parametrize(
    ("kind", "title"),
    [(BotProfile, "The bot"), (Intent, "An intent: `[[intents]]`"), (Acceptance, "Goals: `[acceptance]`")],
)
def test_every_field_of_a_profile(kind: type[BaseModel], title: str):
    section = page("docs/profile.md").split(f"## {title}\n")[1].split("\n## ")[0]
    assert first_column(section) == set(kind.model_fields)


RECIPES = (IntentRecipe, ReplyRecipe, LabelRecipe, EntityRecipe, Seq2SeqRecipe, GenerateRecipe, PreferenceRecipe)


@pytest.mark.parametrize("kind", RECIPES)
def test_every_field_of_a_recipe_with_its_default(kind: type[BaseModel]):
    text = page("docs/recipes.md")
    rows = []
    for name, field in kind.model_fields.items():
        value = str(field.default).lower() if isinstance(field.default, bool) else field.default
        rows.append(f"| `{name}` | {'required' if field.is_required() else f'`{value}`'} |")
    assert [row for row in rows if row not in text] == []


def test_no_field_of_a_recipe_that_is_not():
    fields = page("docs/recipes.md").split("## Fields of every recipe")[1]
    assert first_column(fields) == {name for kind in RECIPES for name in kind.model_fields}


def test_every_benchmark():
    modules = (ROOT / "tests" / "bench").glob("*.py")
    programs = {path.stem for path in modules if "__main__" in path.read_text(encoding="utf-8")}
    assert first_column(page("docs/benchmarks.md")) == programs


def test_every_package_has_its_licence():
    pins = re.findall(r"^([A-Za-z0-9._-]+)==", page("constraints.txt"), flags=re.MULTILINE)
    listed = {row.split(" ")[0] for row in re.findall(r"^\| ([^|]+) \|", page("THIRD_PARTY.md"), flags=re.MULTILINE)}
    assert sorted(set(pins) - listed) == []
    assert len(pins) == len(set(pins)) > 100


def test_decisions_are_numbered_and_say_what_was_asked():
    pages = sorted((DOCS / "decisions").glob("*.md"))
    assert [path.name[:4] for path in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {int(path.name[:4])}. ")
        assert "\nStatus: " in text
        assert "\n## The question\n" in text


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path):
    local = [link for link in LINK.findall(path.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in local if not (path.parent / link.partition("#")[0]).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_code_that_is_named_exists(path: Path):
    """Paths in back quotes that begin with one of our folders."""
    if path.name == "CHANGELOG.md":
        return
    named = re.findall(r"`((?:data|export|trainer|service|tests|docs)/[\w./-]*)`", path.read_text(encoding="utf-8"))
    gone = [name for name in named if not ((ROOT / name).exists() or (ROOT / f"{name}.py").exists())]
    assert gone == []


@pytest.mark.parametrize("floor", FLOORS)
def test_every_module_has_its_room(floor: str):
    """A module is named by itself, a package within a floor as a folder."""
    rooms = page("docs/architecture.md").split("## The rooms\n")[1].split("\n## ")[0].split("\n\n")
    named = {
        name for room in rooms if room.strip().startswith(f"**{floor}**") for name in re.findall(r"`([^`]+)`", room)
    }
    modules = {path.stem for path in (ROOT / floor).glob("*.py")} - {"__init__"}
    folders = {f"{path.parent.name}/" for path in (ROOT / floor).glob("*/__init__.py")}
    assert (modules | folders) - named == set()


def test_the_base_install_is_free_of_torch():
    needed = tomllib.loads(page("pyproject.toml"))["project"]["dependencies"]
    names = {re.split(r"[ <>=~!\[]", one)[0] for one in needed}
    assert names & {"torch", "transformers", "lightning", "datasets", "scikit-learn", "onnx", "onnxscript"} == set()
