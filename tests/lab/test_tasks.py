"""Is every answer scored exactly, and nothing but the lab's own language ever run?"""

import itertools

import numpy as np
import pytest

from stillwatch.lab.tasks import CAPABILITIES, draw, is_right, words

TASKS = draw(np.random.default_rng(0), 1_000, tuple(CAPABILITIES))


def test_every_drawn_answer_is_right_with_and_without_its_trace():
    assert all(is_right(task.prompt, task.full) and is_right(task.prompt, task.short) for task in TASKS)


def test_another_tasks_answer_is_wrong():
    by = {name: [task for task in TASKS if task.capability == name] for name in CAPABILITIES}
    for some in by.values():
        wrong = [
            is_right(one.prompt, two.full)
            for one, two in itertools.pairwise(some)
            if one.answer != two.answer
        ]
        assert np.mean(wrong) < 0.1  # two programs may do the same


def test_every_word_is_known_to_the_tokeniser():
    known = set(words())
    assert {word for task in TASKS for word in f"{task.prompt} {task.full}".split()} - known <= {","}


@pytest.mark.parametrize(
    "said",
    [
        "",
        "answer",
        "answer 1 2",
        "no answer here",
        'answer { "tool" : }',
        "answer lambda a : __import__ ( 'os' )",
        "answer lambda a : a . lower ( )",
        "answer lambda a : a [ 9 ** 9 ]",
        "answer lambda a : ( lambda b : b ) ( a )",
        "answer a",
        "answer lambda : 1",
    ],
)
def test_what_does_not_solve_is_wrong_and_never_runs(said):
    for prompt in (
        "program reverse twice",
        "sum 1 2 and 3 4",
        "sort 3 1",
        "way a b roads a b",
        "call book in rome for 3 on monday",
    ):
        assert not is_right(prompt, said)
