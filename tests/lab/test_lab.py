"""Does a student learn from a teacher, keep its mark, and is an innocent one let go; do experiments
resume and show themselves?
"""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from stillwatch.errors import InputError, StateError

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from stillwatch.cli.main import cli  # noqa: E402
from stillwatch.lab import defences, experiments, models, school, traces  # noqa: E402
from stillwatch.prove.tests.radioactivity_open import radioactivity_open  # noqa: E402
from stillwatch.prove.tests.radioactivity_text import radioactivity_text  # noqa: E402
from stillwatch.prove.verdict import decide  # noqa: E402
from stillwatch.prove.weights import Weights  # noqa: E402

SIZE = models.Size(width=48, layers=2, heads=4)
LISTS = ("lists",)


@pytest.fixture(scope="module")
def teacher():
    torch.set_num_threads(1)
    return school.teach(0, steps=500, capabilities=LISTS, size=SIZE)


@pytest.fixture(scope="module")
def folder(teacher, tmp_path_factory):
    path = tmp_path_factory.mktemp("teacher")
    teacher.save(path)
    return path


def test_a_teacher_learns_and_comes_back_from_disk_as_it_was(teacher, folder):
    right = school.examine(teacher, 1, 60, LISTS)["lists"]
    assert right > 0.6
    back = models.load(folder)
    prompts = [task.prompt for task in school.prompts(3, 20, LISTS)]
    assert models.answer(back, prompts, seed=1) == models.answer(teacher, prompts, seed=1)


@pytest.mark.parametrize("name", ["gumbel", "tournament", "greenlist", "fingerprint"])
def test_marks_reach_the_answers_of_their_rows_and_no_others(teacher, name):
    from stillwatch.prove.registry import mark_named
    from stillwatch.prove.serving import row
    from stillwatch.prove.weighing import counted, tails, total
    from stillwatch.prove.windows import cut

    mark = mark_named(name)
    ring, (one,) = traces.keyring_of(1, name, 2)
    asked = [task.prompt for task in school.prompts(4, 200, LISTS)]
    rows = [row(ring, one) if at % 2 else None for at in range(200)]
    said = [answer for _, answer in school.serve(teacher, asked, seed=2, rows=rows, proxy=teacher)]
    found = {}
    for part in (0, 1):
        some = counted(cut((teacher.encode(answer) for answer in said[part::2]), 2))
        found[part] = tails(mark, total(mark, ring.key_of(one), some), some.weights)[0]
    assert found[1] < np.log(1e-6)
    assert found[0] > np.log(1e-3)


def test_a_mark_that_needs_a_proxy_student_is_refused_without_one_before_any_work(folder, tmp_path):
    told = CliRunner().invoke(
        cli,
        ["lab", "traces", "--teacher", str(folder), "--mark", "fingerprint", "--out", str(tmp_path / "out")],
    )
    assert told.exit_code
    assert "--base" in str(told.exception)
    assert not (tmp_path / "out").exists()


def test_following_says_what_reading_everything_again_says(teacher):
    rng = np.random.default_rng(3)
    follow = models.Following(teacher.net)
    ids = torch.tensor(rng.integers(5, 60, (3, 4)))
    with torch.inference_mode():
        for turn in range(12):
            if turn == 6:  # another batch, as long as the next step would have been
                ids = torch.tensor(rng.integers(5, 60, (3, ids.shape[1])))
            whole = teacher.net(input_ids=ids, use_cache=False).logits[:, -1].float()
            assert torch.allclose(follow.logits(ids), whole, atol=1e-3)
            ids = torch.cat((ids, torch.tensor(rng.integers(5, 60, (3, 1)))), dim=1)


def test_hugging_faces_generate_marks_the_rows_that_were_asked_for(teacher):
    """Prompts padded to one length, every other request marked; the marks are found in those and in no
    others.
    """
    from transformers import LogitsProcessorList

    from stillwatch.prove.marks.tournament import tournament
    from stillwatch.prove.serving import Marking, row
    from stillwatch.prove.weighing import counted, tails, total
    from stillwatch.prove.windows import cut

    ring, (one,) = traces.keyring_of(2, "tournament", 2)
    words = teacher.tokenizer
    words.padding_side = "left"
    asked = words(
        [f"<start> {task.prompt}" for task in school.prompts(8, 40, LISTS)], return_tensors="pt", padding=True
    )
    ids, mask = asked["input_ids"], asked["attention_mask"]
    marking = Marking([row(ring, one) if at % 2 else None for at in range(40)], ids.shape[1])
    torch.manual_seed(0)
    out = teacher.net.generate(input_ids=ids, attention_mask=mask, do_sample=True, top_k=0, max_new_tokens=50,
                               logits_processor=LogitsProcessorList([marking]))  # fmt: skip
    plain = {words.pad_token_id, words.eos_token_id}
    said = [[one for one in row_ if one not in plain] for row_ in out[:, ids.shape[1] :].tolist()]
    found = {}
    for part in (0, 1):
        some = counted(cut(said[part::2], 2))
        found[part] = tails(tournament, total(tournament, ring.key_of(one), some), some.weights)[0]
    assert found[1] < -20
    assert found[0] > np.log(1e-3)


@pytest.fixture(scope="module")
def students(teacher):
    """Two students from the same unmarked base: one of fully marked answers, one of unmarked ones."""
    trial = traces.StudentTrial(mark="gumbel", share=1.0, seed=3, answers=1_500, asked=500)
    ring, (issued,) = traces.keyring_of(3, "gumbel", 2)
    lesson = school.Lesson(steps=250, size=SIZE)
    out = {}
    from dataclasses import replace

    for name, share in (("guilty", 1.0), ("innocent", 0.0)):
        pairs = served_lists(teacher, replace(trial, share=share), ring, issued)
        out[name] = (traces.student_of(pairs, trial, lesson, teacher), pairs)
    shown = [pair for pair in out["guilty"][1] if pair.campaign][:600]
    return ring, out, shown


def served_lists(teacher, trial, ring, issued):
    from unittest.mock import patch

    with patch.object(school.prompts, "__defaults__", (LISTS,)):
        return traces.served(teacher, trial, ring, issued)


def test_a_student_of_marked_answers_is_proven_and_one_of_unmarked_answers_is_not(students, teacher):
    ring, out, shown = students
    words = {}
    for name, (student, _) in out.items():
        asked = [task.prompt for task in school.prompts(900, 500, LISTS)]
        from stillwatch.prove.case import PromptAnswer, SuspectCase

        said = [
            PromptAnswer(prompt=p, answer=a)
            for p, a in zip(asked, models.answer(student, asked, seed=5), strict=True)
        ]
        beside = Weights(teacher.net, teacher.tokenizer)
        text = SuspectCase(
            keyring=ring, answers=said, served=shown, tokenize=student.tokenize, teacher=beside, decoys=199
        )
        weights = SuspectCase(
            keyring=ring,
            served=shown,
            model=Weights(student.net, student.tokenizer),
            teacher=beside,
            tokenize=student.tokenize,
            decoys=199,
        )
        found = [*radioactivity_open.test(weights), *radioactivity_text.test(text)]
        words[name] = decide(found, alpha=1e-3, effects={}, answers=500, served=None).word
    assert words == {"guilty": "supported", "innocent": "not supported"}


def test_a_mark_is_weakened_by_further_training_on_unmarked_answers(students, teacher):
    """What removes a mark is tried: further training on unmarked answers of the same teacher."""
    ring, out, shown = students
    student, _ = out["guilty"]
    asked = [task.prompt for task in school.prompts(950, 1_500, LISTS)]
    clean = school.serve(teacher, asked, seed=9)
    later = models.copy_of(student)
    models.train(later, clean, steps=250, seed=9)
    from stillwatch.prove.case import SuspectCase

    effect = {}
    for name, one in (("before", student), ("after", later)):
        case = SuspectCase(
            keyring=ring,
            served=shown,
            model=Weights(one.net, one.tokenizer),
            teacher=Weights(teacher.net, teacher.tokenizer),
            tokenize=one.tokenize,
            decoys=9,
        )
        effect[name] = radioactivity_open.test(case)[0].effect
    assert effect["after"] < 0.7 * effect["before"]


@pytest.mark.parametrize("way", school.WAYS)
def test_every_way_of_learning_gives_a_student(teacher, way):
    asked = [task.prompt for task in school.prompts(5, 200, LISTS)]
    student = school.learn(
        way,
        school.serve(teacher, asked, seed=1),
        teacher=teacher,
        seed=1,
        lesson=school.Lesson(steps=6, size=SIZE),
    )
    assert set(school.examine(student, 1, 5, LISTS)) == {"lists"}


def test_defences_change_what_is_served_as_they_say():
    said = "one a ; two b ; three c ; answer 1 2"
    assert school.without_trace(said) == "answer 1 2"
    assert defences.summarised(said, 0.5) == "one a ; two b ; answer 1 2"
    assert defences.summarised(said, 0.0) == "answer 1 2"
    assert defences.shortened(said, 3) == "one a ;"


def test_antidistillation_raises_a_proxys_loss_more_than_noise_does(teacher):
    """Training a proxy on what antidistillation serves helps it less on the tasks that count (Savani and
    others 2025).
    """
    asked = [task.prompt for task in school.prompts(6, 400, LISTS)]
    proxy = school.learn(
        "reasoning",
        school.serve(teacher, asked, seed=6),
        teacher=teacher,
        seed=6,
        lesson=school.Lesson(steps=60, size=SIZE),
    )
    held = [(task.prompt, task.full) for task in school.prompts(7, 128, LISTS)]
    reshape = defences.antidistillation(proxy, held, 20.0)
    logits = torch.zeros(4, len(teacher.tokenizer))
    said = torch.tensor([[1, *teacher.encode("sort 3 1 2")]] * 4)
    first = reshape(said, logits)
    assert not torch.allclose(first, logits)
    longer = torch.cat((said, said[:, -1:]), dim=1)
    again = defences.antidistillation(proxy, held, 20.0)(longer, logits)
    assert torch.allclose(reshape(longer, logits), again, atol=1e-3)  # with the cache as without


def test_experiments_resume_show_themselves_and_refuse_another_teachers_outcomes(
    folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(experiments.school.prompts, "__defaults__", (LISTS,))
    out = tmp_path / "out"
    jobs = experiments.curve_jobs(60, (0.5, 1.0), ("reasoning", "answers"), 2, 4, 3)
    seen = []
    done = experiments.run(folder, jobs, out, 2, lambda *step: seen.append(step))
    assert len(done) == len(jobs) == 8
    files = sorted(path.name for path in out.glob("curve-*.json"))
    (out / files[0]).unlink()
    seen.clear()
    again = experiments.run(folder, jobs, out, 2, lambda *step: seen.append(step))
    assert seen[0] == ("lab", 7, 8)
    assert again == done
    whole = experiments.report("curve", folder, done, out)
    assert {row["capability"] for row in whole["rows"]} >= {"lists", "all"}
    page = (out / "curve.html").read_text()
    assert page.count("<svg") == len({row["capability"] for row in whole["rows"]})
    assert "nan" not in page.lower().replace("tournament", "")
    (out / "teacher.sha256").write_text("0\n")
    with pytest.raises(StateError, match="another teacher"):
        experiments.run(folder, jobs, out, 2, lambda *step: None)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="no model"):
        models.load(tmp_path)


def test_from_teacher_to_verdict_on_the_command_line(folder, tmp_path):
    def run(*words):
        result = CliRunner().invoke(cli, [str(word) for word in words])
        assert result.exit_code == 0, result.output + repr(result.exception)
        return result.output

    marks, served, student = tmp_path / "marks.json", tmp_path / "served.jsonl", tmp_path / "student"
    run("prove", "key", marks, "--campaign", "c1", "--campaign", "c2", "--mark", "gumbel")
    run(
        "lab",
        "serve",
        "--teacher",
        folder,
        "--answers",
        60,
        "--marks",
        marks,
        "--campaign",
        "c1",
        "--share",
        0.5,
        "--out",
        served,
        "--quiet",
    )
    rows = [json.loads(line) for line in served.read_text().splitlines()]
    assert sum(row["campaign_id"] == "c1" for row in rows) == 30
    run("lab", "learn", "--served", served, "--teacher", folder, "--steps", 3, "--out", student)
    ask = tmp_path / "ask.jsonl"
    told = run(
        "prove",
        "plan",
        "--marks",
        marks,
        "--served",
        served,
        "--tokenizer",
        folder,
        "--effect",
        0.05,
        "--questions",
        ask,
        "--out",
        tmp_path / "plan.json",
    )
    assert "commitment" in told
    answers = tmp_path / "answers.jsonl"
    asked = [json.loads(line)["prompt"] for line in ask.read_text().splitlines()]
    answers.write_text(
        "".join(json.dumps({"prompt": p, "answer": "so take done 1 ; answer 1"}) + "\n" for p in asked)
        + '{"prompt": "x", "answer": null}\n'
    )
    told = run(
        "prove",
        "--suspect",
        answers,
        "--marks",
        marks,
        "--served",
        served,
        "--tokenizer",
        folder,
        "--plan",
        tmp_path / "plan.json",
        "--decoys",
        99,
        "--out",
        tmp_path / "v1",
        "--quiet",
    )
    assert told.startswith("not supported")
    whole = json.loads((tmp_path / "v1" / "verdict.json").read_text())
    assert whole["plan"]["departures"] == []
    assert whole["passed_over"] == 1
    page = (tmp_path / "v1" / "verdict.html").read_text()
    assert asked[0] not in page
    told = run(
        "prove",
        "--suspect",
        student,
        "--marks",
        marks,
        "--served",
        served,
        "--decoys",
        99,
        "--out",
        tmp_path / "v2",
        "--json",
        "--quiet",
    )
    assert {one["test"] for one in json.loads(told)["findings"]} == {"radioactivity_open"}
    assert (tmp_path / "v2" / "manifest.json").exists()
