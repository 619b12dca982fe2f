"""Is the mark of a fine-tuned student measured from one command, from a teacher to a page, at any size?"""

import json

import pytest
from click.testing import CliRunner

from stillwatch.errors import InputError, UsageError

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'stillwatch[lab]'")
pytest.importorskip("transformers", reason="transformers is not installed: pip install 'stillwatch[lab]'")
pytest.importorskip("peft", reason="peft is not installed: pip install 'stillwatch[lab]'")

from stillwatch.cli.main import cli  # noqa: E402
from stillwatch.lab import models, school, tables, tuning  # noqa: E402

SIZE = models.Size(width=16, layers=1, heads=2)


def run(*words):
    result = CliRunner().invoke(cli, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A teacher and a base of another size, hardly taught."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("models")
    run(
        "lab",
        "teach",
        "--width",
        16,
        "--layers",
        1,
        "--heads",
        2,
        "--steps",
        4,
        "--batch",
        8,
        "--out",
        out / "teacher",
        "--quiet",
    )
    run(
        "lab",
        "teach",
        "--width",
        24,
        "--layers",
        2,
        "--heads",
        2,
        "--steps",
        4,
        "--batch",
        8,
        "--form-only",
        "--out",
        out / "base",
        "--quiet",
    )
    return out / "teacher", out / "base"


SMALL = (
    "--answers",
    24,
    "--asked",
    12,
    "--steps",
    2,
    "--batch",
    4,
    "--rank",
    2,
    "--seeds",
    1,
    "--workers",
    1,
    "--longest",
    24,
    "--json",
)


@pytest.mark.issue(25)
def test_from_a_teacher_to_curves_of_power_on_the_command_line(folders, tmp_path):
    teacher, base = folders
    out = tmp_path / "power"
    common = ("lab", "power", "--teacher", teacher, "--base", base, "--out", out, *SMALL)
    rows = json.loads(run(*common, "--share", 0, "--share", 0.5, "--reword", 1))
    assert {(row["share"], row["reword"]) for row in rows} == {(0.0, 0.0), (0.5, 0.0), (0.5, 1.0)}
    assert {row["access"] for row in rows} == {"text", "text_beside_teacher", "open", "open_beside_teacher"}
    assert all(0 <= row["power"]["1e-05"] <= 1 and row["seeds"] == 1 for row in rows)
    page = (out / "power.html").read_text()
    assert page.count("<svg") == 2
    assert "nan" not in page.lower()
    assert len(list(out.glob("power-*.json"))) == 3
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("power-*.json")}
    run(*common, "--share", 0, "--share", 0.5, "--reword", 1)
    assert {path.name: path.stat().st_mtime_ns for path in out.glob("power-*.json")} == before


def test_questions_of_ones_own_are_served_and_asked_and_answers_are_said_again_by_the_base(folders, tmp_path):
    teacher, base = folders
    asked = tmp_path / "asked.jsonl"
    asked.write_text("".join(json.dumps({"prompt": f"sort {i % 10} {i // 10}"}) + "\n" for i in range(36)))
    rows = json.loads(
        run(
            "lab",
            "power",
            "--teacher",
            teacher,
            "--base",
            base,
            "--out",
            tmp_path / "out",
            "--prompts",
            asked,
            *SMALL,
            "--share",
            1,
            "--reword",
            0.5,
        )
    )
    assert {row["reword"] for row in rows} == {0.0, 0.5}
    with pytest.raises(InputError, match="too few different prompts"):
        run(
            "lab",
            "power",
            "--teacher",
            teacher,
            "--base",
            base,
            "--out",
            tmp_path / "out2",
            "--prompts",
            asked,
        )


def test_adapters_alone_are_trained_and_are_added_to_the_weights(folders):
    _, base = folders
    before = models.load(base)
    pairs = school.serve(before, [task.prompt for task in school.prompts(1, 8)], seed=1, longest=8)
    student = models.adapted(before, 2, 0)
    learnt = sum(one.numel() for one in student.net.parameters() if one.requires_grad)
    assert 0 < learnt < 0.5 * sum(one.numel() for one in before.net.parameters())
    models.train(student, pairs, steps=3, seed=0, batch=4, rate=0.05)
    after = models.merged(student)
    assert set(after.net.state_dict()) == set(before.net.state_dict())
    changed = {
        name
        for name, one in after.net.state_dict().items()
        if not torch.allclose(one, before.net.state_dict()[name])
    }
    assert changed
    assert not any("norm" in name or "embed" in name for name in changed)


def test_power_is_that_of_the_mean_effect_and_counts_students_that_are_rejected():
    def job(seed, effect, log10_p):
        one = {"effect": effect, "units": 10_000, "log10_p": log10_p}
        return {
            "mark": "gumbel",
            "share": 0.1,
            "reword": 0.0,
            "seed": seed,
            "text": one,
            "text_beside_teacher": one,
        }

    rows = tables.power([job(0, 0.06, -8.0), job(1, 0.04, -3.5)])
    assert [row["access"] for row in rows] == [
        "text",
        "text_beside_teacher",
    ]  # another tokeniser: no findings on weights
    assert rows[0]["rejected"] == {"0.001": 2, "1e-05": 1}
    assert rows[0]["power"]["1e-05"] == pytest.approx(
        0.7689, abs=1e-3
    )  # 5 standard deviations against 4.2649


def test_students_of_every_share_and_of_every_rewording_at_the_largest():
    some = tuning.students(tuning.Tuning(base="b"), (0.0, 0.5), (0.0, 1.0), 2)
    assert [(one.seed, one.share, one.reword) for one in some] == [
        (seed, share, reword) for seed in (0, 1) for share, reword in ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0))
    ]


def test_heads_that_do_not_divide_the_width_are_refused(tmp_path):
    with pytest.raises(UsageError, match="do not divide"):
        run("lab", "teach", "--width", 10, "--heads", 4, "--out", tmp_path / "x")


def test_a_model_with_a_template_is_asked_in_it_and_one_without_a_first_token_is_asked_after_its_last():
    from types import SimpleNamespace

    def encode(text, *, add_special_tokens):
        assert not add_special_tokens
        return [ord(sign) for sign in text]

    plain = SimpleNamespace(bos_token_id=None, eos_token_id=7, pad_token_id=None, encode=encode)
    assert models.Model(None, plain).asked("ab") == [7, 97, 98]
    assert models.Model(None, plain).pad == 7
    chat = SimpleNamespace(
        **vars(plain), chat_template="x",
        apply_chat_template=lambda turns, *, add_generation_prompt, tokenize: f"<{turns[0]['content']}>",
    )  # fmt: skip
    assert models.Model(None, chat).asked("a") == [60, 97, 62]
