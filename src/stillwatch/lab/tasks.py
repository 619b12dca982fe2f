"""Tasks of the lab's models, whose answers can be scored exactly.

Five capabilities, each with a prompt, a trace of reasoning that leads to the answer, and a checker that
reads the answer only. Words are separated by spaces and numbers are written digit by digit, so that a
tokeniser is a list of words. A trace can be worded in many ways (sixty openings, names of variables), like
prose; a watermark needs this freedom.
"""

from __future__ import annotations

import ast
import itertools
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Random = np.random.Generator
# First words of filler sentences.
OPENINGS = """
    first so now next then well okay here again indeed thus clearly right fine good look also further hence
    since likewise meanwhile afterwards accordingly naturally obviously certainly surely simply basically
    actually finally firstly secondly lastly besides moreover still therefore consequently similarly equally
    plainly directly quickly carefully slowly gently calmly briefly honestly truly really perhaps maybe
    possibly probably usually often always
""".split()
# Second words of filler sentences.
VERBS = """
    take use consider get write note keep put see pick set place read have find add bring draw choose hold
    give make show say tell mark move pass pull push reach send start store try turn fetch grab gather handle
    include insert join lay leave let list load match meet name obtain order own present quote raise record
    return select
""".split()
# Last words of filler sentences.
TAILS = """
done as wanted needed seen noted true sure clear ready settled kept known given found shown proven checked
written agreed stated granted assured obvious evident plain simple easy quick exact correct proper valid sound
solid firm safe certain definite final complete whole full entire total perfect ideal neat tidy clean bright
sharp smooth steady stable fixed sealed closed finished ended
""".split()
NAMES = "a b c d e f g h i j k l m n o p".split()  # names of variables and nodes
# Words on which tasks with text work.
WORDS = (
    "plan still watch model token river stone cloud paper green light sound table house train world".split()
)
CITIES = "paris oslo rome lima cairo delhi tokyo quito".split()  # cities in tool calls
DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()  # days in tool calls
# Words before an answer and after it.
ANSWER, END = "answer", "<end>"


@dataclass(frozen=True, slots=True)
class Task:
    """One question: its capability, prompt, reasoning (`trace`) and answer."""

    capability: str
    prompt: str
    trace: str
    answer: str

    @property
    def full(self) -> str:
        """Reasoning, then answer."""
        return f"{self.trace} {ANSWER} {self.answer}"

    @property
    def short(self) -> str:
        """The answer without reasoning."""
        return f"{ANSWER} {self.answer}"


def digits(number: int) -> str:
    """A number with its digits separated by spaces."""
    return " ".join(str(number))


def say(rng: Random) -> str:
    """A random opening, verb and further word, sixty of each."""
    return f"{_one(rng, OPENINGS)} {_one(rng, VERBS)} {_one(rng, TAILS)}"


def arithmetic(rng: Random) -> Task:
    """Sums of two numbers of up to three digits, column by column."""
    x, y = (int(v) for v in rng.integers(10, 999, 2))
    steps, carry = [], 0
    for place in range(max(len(str(x)), len(str(y)))):
        a, b = x // 10**place % 10, y // 10**place % 10
        steps.append(f"{say(rng)} {a} {b} {carry} is {digits(a + b + carry)}")
        carry = (a + b + carry) // 10
    return Task("arithmetic", f"sum {digits(x)} and {digits(y)}", _reasoning(rng, steps), digits(x + y))


def lists(rng: Random) -> Task:
    """Sorting four to six digits, smallest first."""
    values = [int(v) for v in rng.integers(0, 10, rng.integers(4, 7))]
    left, steps = list(values), []
    for _ in values:
        smallest = min(left)
        left.remove(smallest)
        steps.append(f"{say(rng)} {smallest}")
    return Task(
        "lists",
        f"sort {' '.join(map(str, values))}",
        _reasoning(rng, steps),
        " ".join(map(str, sorted(values))),
    )


def planning(rng: Random) -> Task:
    """The path through a small map of one-way roads; misleading roads start at other places."""
    nodes = [NAMES[i] for i in rng.permutation(8)[:7]]
    way, rest = nodes[: rng.integers(3, 6)], nodes[-2:]
    roads = [f"{a} {b}" for a, b in itertools.pairwise(way)]
    roads += [f"{a} {way[rng.integers(len(way))]}" for a in rest]
    order = [roads[i] for i in rng.permutation(len(roads))]
    steps = [f"{say(rng)} {a} {b}" for a, b in itertools.pairwise(way)]
    return Task(
        "planning", f"way {way[0]} {way[-1]} roads {' , '.join(order)}", _reasoning(rng, steps), " ".join(way)
    )


def tools(rng: Random) -> Task:
    """A tool call as JSON from a request in words, which may name its parts in any order."""
    city, day, count = CITIES[rng.integers(8)], DAYS[rng.integers(7)], int(rng.integers(1, 10))
    name = ("weather", "book", "train")[rng.integers(3)]
    parts = [f"in {city}", f"on {day}", f"for {count}"]
    asked = " ".join(parts[i] for i in rng.permutation(3))
    call = json.dumps({"tool": name, "city": city, "day": day, "count": count}, separators=(" , ", " : "))
    steps = [f"{say(rng)} {what}" for what in (name, city, day, str(count))]
    return Task(
        "tools", f"call {name} {asked}", _reasoning(rng, steps), call.replace("{", "{ ").replace("}", " }")
    )


# Name of an operation: its expression in code and what it computes.
OPERATIONS: dict[str, tuple[str, Callable[[str], str]]] = {
    "reverse": ("{} [ : : - 1 ]", lambda s: s[::-1]),
    "upper": ("{} . upper ( )", str.upper),
    "twice": ("{} * 2", lambda s: s * 2),
    "tail": ("{} [ 1 : ]", lambda s: s[1:]),
    "head": ("{} [ : 2 ]", lambda s: s[:2]),
    "strip": ("{} [ : - 1 ]", lambda s: s[:-1]),
}


def programs(rng: Random) -> Task:
    """A small program on strings; names of variables are free, and tests decide whether it is right."""
    names = [list(OPERATIONS)[i] for i in rng.integers(0, len(OPERATIONS), rng.integers(2, 4))]
    steps = [f"{say(rng)} {name}" for name in names]
    variable = NAMES[rng.integers(16)]
    body = variable
    for name in names:
        body = OPERATIONS[name][0].format(f"( {body} )" if " * " in body else body)
    return Task(
        "programs", f"program {' '.join(names)}", _reasoning(rng, steps), f"lambda {variable} : {body}"
    )


# Function that draws a task, by capability.
CAPABILITIES: dict[str, Callable[[Random], Task]] = {
    "arithmetic": arithmetic, "lists": lists, "planning": planning, "tools": tools, "programs": programs,
}  # fmt: skip


def words() -> list[str]:
    """Every word of prompts and answers, in a fixed order."""
    some = [*"0123456789", *NAMES, *OPENINGS, *VERBS, *TAILS, *CITIES, *DAYS, *OPERATIONS, *"()[]{}:;,.-*"]
    some += ["sum", "and", "sort", "way", "roads", "call", "in", "on", "for", "is", "program", "lambda"]
    some += ["weather", "book", "train", "tool", "city", "day", "count", ANSWER]
    some += [
        f'"{word}"' for word in ("tool", "city", "day", "count", "weather", "book", "train", *CITIES, *DAYS)
    ]
    return list(dict.fromkeys(some))


def is_right(prompt: str, answer: str) -> bool:
    """Whether the text after the last `answer` solves the prompt; the reasoning is ignored."""
    said = answer.split(END, maxsplit=1)[0].split()
    if ANSWER not in said:
        return False
    given = " ".join(said[len(said) - said[::-1].index(ANSWER) :])
    what, _, rest = prompt.partition(" ")
    return CHECKS[what](rest, given)


def _is_sum(asked: str, given: str) -> bool:
    """Whether an answer is the sum."""
    x, _, y = asked.partition(" and ")
    return given == digits(int(x.replace(" ", "")) + int(y.replace(" ", "")))


def _is_sorted(asked: str, given: str) -> bool:
    """Whether an answer is the sorted list."""
    return given.split() == sorted(asked.split())


def _is_way(asked: str, given: str) -> bool:
    """Whether an answer is a shortest way."""
    start, end, _, *roads = asked.split()
    text = " ".join(roads).split(" , ")
    edges = {(road.split()[0], road.split()[1]) for road in text}
    way, best = given.split(), _way(edges, start, end)
    steps = list(itertools.pairwise(way))
    return bool(best) and len(way) == len(best) and way[0] == start and way[-1] == end and set(steps) <= edges


def _is_call(asked: str, given: str) -> bool:
    """Whether an answer is the tool call that was asked for."""
    parts = asked.split()
    wanted = {"tool": parts[0], "city": parts[parts.index("in") + 1], "day": parts[parts.index("on") + 1],
              "count": int(parts[parts.index("for") + 1])}  # fmt: skip
    try:
        return bool(json.loads(given) == wanted)
    except ValueError:
        return False


def _passes(asked: str, given: str) -> bool:
    """Run a program of the lab's own small language on tests; nothing else is ever run."""
    try:
        tree = ast.parse(given.replace(" ", "").replace("lambda", "lambda "), mode="eval")
    except (SyntaxError, ValueError):
        return False
    allowed = (
        ast.Expression,
        ast.Lambda,
        ast.arguments,
        ast.arg,
        ast.Name,
        ast.Load,
        ast.Subscript,
        ast.Slice,
        ast.UnaryOp,
        ast.USub,
        ast.Constant,
        ast.BinOp,
        ast.Mult,
        ast.Call,
        ast.Attribute,
    )
    some = list(ast.walk(tree))
    if not isinstance(tree.body, ast.Lambda) or not all(isinstance(node, allowed) for node in some):
        return False
    if any(isinstance(node, ast.Attribute) and node.attr != "upper" for node in some):
        return False
    if any(isinstance(node, ast.Constant) and node.value not in (1, 2) for node in some):
        return False
    program = eval(compile(tree, "answer", "eval"), {"__builtins__": {}})  # noqa: S307  only the nodes above
    try:
        for word in WORDS[:6]:
            wanted = word
            for name in asked.split():
                wanted = OPERATIONS[name][1](wanted)
            if program(word) != wanted:
                return False
    except (TypeError, NameError, AttributeError, IndexError):
        return False
    return True


# Function that checks an answer, by kind of task.
CHECKS: dict[str, Callable[[str, str], bool]] = {
    "sum": _is_sum, "sort": _is_sorted, "way": _is_way, "call": _is_call, "program": _passes,
}  # fmt: skip


def draw(rng: Random, number: int, capabilities: tuple[str, ...]) -> list[Task]:
    """`number` random tasks, in turn over the capabilities."""
    return [CAPABILITIES[capabilities[i % len(capabilities)]](rng) for i in range(number)]


def _reasoning(rng: Random, steps: list[str]) -> str:
    """The steps of an answer's reasoning as text, with filler at the end."""
    return f"{' ; '.join(steps)} ; {say(rng)} ;"


def _one(rng: Random, some: list[str]) -> str:
    """One of several texts, at random."""
    return some[rng.integers(len(some))]


def _way(edges: set[tuple[str, str]], start: str, end: str) -> list[str]:
    """A shortest way between two nodes; empty where there is none."""
    paths: deque[list[str]] = deque([[start]])
    seen = {start}
    while paths:
        path = paths.popleft()
        if path[-1] == end:
            return path
        for a, b in sorted(edges):
            if a == path[-1] and b not in seen:
                seen.add(b)
                paths.append([*path, b])
    return []
