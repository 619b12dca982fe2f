"""Names that say what they hold: constants say of what they are a bound, and types of one name are one type."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

pytestmark = pytest.mark.issue(22)
SOURCE = Path(__file__).parents[2] / "src/stillwatch"
WITHOUT_AN_OBJECT = {"FEWEST", "MOST", "LEAST", "SURE"}
ONE_TYPE_EACH = {"Finding", "Campaign", "Interval", "Card", "Mark", "Rows", "Progress"}
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


def test_every_bound_says_of_what():
    assert MODULES
    found = [
        (path.name, name)
        for path, module in MODULES.items()
        for statement in module.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for name in assigned(statement) & WITHOUT_AN_OBJECT
    ]
    assert found == []


def test_no_two_types_share_one_of_these_names():
    places = defaultdict(list)
    for path, module in MODULES.items():
        for statement in module.body:
            if isinstance(statement, ast.ClassDef) and statement.name in ONE_TYPE_EACH:
                places[statement.name].append(path.name)
    assert {name: files for name, files in places.items() if len(files) > 1} == {}
