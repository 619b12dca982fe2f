"""Names that say what they hold: constants say of what they are a bound, and types of one name are one type."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

pytestmark = pytest.mark.issue(22)
SOURCE = Path(__file__).parents[2] / "src/stillwatch"
WITHOUT_AN_OBJECT = {
    "FEWEST", "MOST", "LEAST", "SURE", "DEEPEST", "LONGEST", "SHORTEST", "LARGEST", "SMALLEST", "WIDEST", "NARROWEST",
    "STRONGEST", "LOUDEST", "BUSIEST", "NEAR", "LARGE", "LONG", "SHORT",
}  # fmt: skip
OF_SPEECH = {"SAID", "ASKED", "ASKS", "TOLD", "UNTOLD", "SPOKEN", "HEARD"}
"""Words that do not say which field, text or table is meant."""
MODULES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SOURCE.rglob("*.py"))}


def assigned(statement):
    """Names that a statement of a module assigns."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return {
        name.id
        for target in targets
        if target is not None
        for name in ast.walk(target)
        if isinstance(name, ast.Name)
    }


def test_every_bound_says_of_what_and_no_constant_is_called_by_a_verb_of_speech():
    assert MODULES
    found = [
        (path.name, name)
        for path, module in MODULES.items()
        for statement in module.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for name in assigned(statement) & (WITHOUT_AN_OBJECT | OF_SPEECH)
    ]
    assert found == []


def test_functions_inside_functions_have_a_docstring_too():
    found = [
        (str(path.relative_to(SOURCE)), inner.name)
        for path, module in MODULES.items()
        for outer in ast.walk(module)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(outer)
        if inner is not outer
        and isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
        and not ast.get_docstring(inner)
    ]
    assert found == []


def types_of(module):
    """Names of the classes and type aliases that a module defines."""
    for statement in module.body:
        if isinstance(statement, ast.ClassDef):
            yield statement.name
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            yield from (
                name for name in assigned(statement) if name.lstrip("_")[:1].isupper() and not name.isupper()
            )


def test_no_two_types_share_a_name():
    places = defaultdict(list)
    for path, module in MODULES.items():
        for name in types_of(module):
            places[name].append(str(path.relative_to(SOURCE)))
    assert len(places) > 500
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_tests_are_a_package_and_change_no_path():
    folder = Path(__file__).parents[1]
    rule = "sys" + ".path"
    assert [str(file) for file in folder.rglob("*.py") if rule in file.read_text(encoding="utf-8")] == []
    homes = {file.parent for file in folder.rglob("*.py")}
    assert [str(home) for home in homes if not (home / "__init__.py").exists()] == []
