"""The rules from which every simulated prompt is made, and the names of those that others begin with.

The rules stand in `data/grammar.json`: name of a rule → its choices, in the notation of
`stillwatch.simulate.prompts`.
"""

from __future__ import annotations

import json
from importlib import resources

from stillwatch.simulate.prompts import Grammar

RULES = resources.files("stillwatch.simulate").joinpath("data/grammar.json")  # file with the rules
GRAMMAR = Grammar(json.loads(RULES.read_text(encoding="utf-8")))  # the rules, ready to write text

# Languages of prompts; the place of one is its number elsewhere.
LANGUAGES = ("en", "de", "fr", "es", "pt", "zh", "ja")

# Rules with which a text can begin.
ROOTS: tuple[str, ...] = (
    *(f"person_{language}" for language in LANGUAGES),
    "dev",
    "agent_task",
    "product_item",
    "tool_item",
    "student_note",
    "label_item",
    "eval_item",
    "hack_item",
    "release_item",
    "item_math",
    "item_code",
    "item_agentic",
    "item_data",
    "item_grade",
    "item_rewrite",
    "attack",
    "want_reasoning",
    "want_agentic",
    "want_grade",
    "want_rewrite",
    "want_data",
)
ROOT = {name: index for index, name in enumerate(ROOTS)}  # number of a rule in `ROOTS`, by its name

# Rule for a follow-up, for each rule of `ROOTS`.
FOLLOW_UP: tuple[str, ...] = tuple(
    f"follow_{name[-2:]}"
    if name.startswith("person_")
    else "agent_step"
    if name == "agent_task"
    else "follow_en"
    for name in ROOTS
)
