"""Does the command mark those who are suspected and nobody else, and refuse what it cannot use?"""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from stillwatch.cli.main import cli
from stillwatch.errors import InputError, UsageError
from stillwatch.prove import keyring
from stillwatch.prove.text import choices

SAID = (
    "For example, it does not fail in use. Furthermore, the whole team often helps them. Therefore it "
    "cannot stop the work."
)
NOUNS = "team shop house man woman book dog cat tree car road river town child idea".split()


def run(*words):
    result = CliRunner().invoke(cli, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def marks(tmp_path):
    path = tmp_path / "marks.json"
    assert "issued choices/C1/1" in run("prove", "key", path, "--campaign", "C1", "--campaign", "C2")
    return path


def test_only_answers_of_members_are_marked_each_under_its_campaigns_key(tmp_path, marks):
    pq.write_table(
        pa.table(
            {"campaign_id": ["C1", "C2"], "account_id": ["a", "b"], "score": [1.0, 1.0], "exchanges": [1, 1]}
        ),
        tmp_path / "members.parquet",
    )
    rows = [
        {"account_id": who, "answer": SAID, "n": i} for i, who in enumerate(["a", "honest", "b", "a", None])
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = run(
        "prove",
        "mark",
        marks,
        tmp_path / "in.jsonl",
        "--campaigns",
        tmp_path / "members.parquet",
        "--out",
        tmp_path / "out.jsonl",
    )
    out = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    ring = keyring.read(marks)
    assert [row["n"] for row in out] == list(range(5))
    assert out[1]["answer"] == out[4]["answer"] == SAID
    assert out[3]["answer"] == choices.apply(SAID, ring.key("choices", "C1", 1))
    assert out[2]["answer"].startswith(choices.apply(SAID, ring.key("choices", "C2", 1)))
    assert "of 5 answers marked" in told
    assert (
        "21 of 24 places of equal words carry a choice; left alone: 3 the other word would not do here"
        in told
    )


def test_text_marks_need_no_tokeniser_and_no_pytorch(tmp_path, marks):
    ring = keyring.read(marks)
    key = ring.key("choices", "C1", 1)
    said = [
        choices.apply(
            f"The {one}{two} often came to us. For example, the {one}{two} does not fail us. It was the "
            f"{two}{one} and the {two}{one} cannot stop.",
            key,
        )
        for one in NOUNS
        for two in NOUNS
    ]
    (tmp_path / "answers.jsonl").write_text(
        "".join(json.dumps({"prompt": f"q{i}", "answer": one}) + "\n" for i, one in enumerate(said))
    )
    told = run(
        "prove",
        "--suspect",
        tmp_path / "answers.jsonl",
        "--marks",
        marks,
        "--decoys",
        199,
        "--out",
        tmp_path / "v",
        "--json",
        "--quiet",
    )
    whole = json.loads(told)
    assert whole["verdict"]["word"] == "supported"
    assert whole["verdict"]["named"] == "C1"
    page = (tmp_path / "v" / "verdict.html").read_text()
    assert "shoptown" not in page
    assert "<svg" in page


def test_a_new_key_of_a_campaign_is_a_new_epoch_and_the_file_stays_private(marks):
    run("prove", "key", marks, "--campaign", "C1", "--mark", "choices")
    ring = keyring.read(marks)
    assert ring.current("choices", "C1").epoch == 2
    assert marks.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", ['{"a": 1}\n', "not json\n", ""])
def test_a_suspect_without_prompts_and_answers_is_refused(tmp_path, marks, content):
    path = tmp_path / "x.jsonl"
    path.write_text(content)
    with pytest.raises(InputError, match=r"no prompts and answers|could not be read"):
        run("prove", "--suspect", path, "--marks", marks, "--out", tmp_path / "v")
    assert not (tmp_path / "v").exists()


def test_without_a_suspect_it_says_what_it_needs():
    with pytest.raises(UsageError, match="needs a suspect and a keyring"):
        run("prove")


def test_logs_as_scan_reads_them_are_served_answers_with_results_saying_whose(tmp_path, marks):
    from stillwatch.flows.answers import Unread, served_pairs

    rows = [
        {
            "exchange_id": f"e{i}",
            "timestamp": "2026-05-01T00:00:00Z",
            "account_id": "a",
            "model": "m",
            "prompt": f"p{i}",
            "response": f"r{i}",
        }
        for i in range(4)
    ]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    results = tmp_path / "results"
    results.mkdir()
    pq.write_table(
        pa.table({"campaign_id": ["C1", "C2"], "exchange_id": ["e1", "e3"]}), results / "exchanges.parquet"
    )
    pairs = served_pairs([str(tmp_path / "log.jsonl")], results, {"C1", "C2"}, Unread())
    assert [(one.prompt, one.answer, one.campaign) for one in pairs] == [
        ("p1", "r1", "C1"),
        ("p3", "r3", "C2"),
    ]


def test_weights_that_may_run_code_are_refused(tmp_path, marks):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    import pickle

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    folder = tmp_path / "suspect"
    folder.mkdir()
    (folder / "config.json").write_text(
        json.dumps(
            {
                "architectures": ["LlamaForCausalLM"],
                "model_type": "llama",
                "vocab_size": 8,
                "hidden_size": 8,
                "intermediate_size": 8,
                "num_hidden_layers": 1,
                "num_attention_heads": 1,
            }
        )
    )
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(InputError, match="could not be loaded"):
        run("prove", "--suspect", folder, "--marks", marks, "--out", tmp_path / "v")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("place", [0, 1, 3])
def test_lines_of_answers_that_cannot_be_read_are_passed_over(tmp_path, place):
    from stillwatch.flows.answers import NO_PAIR, Unread, pairs_of

    said = [json.dumps({"prompt": f"p{n}", "answer": f"a{n}", "n": n}) for n in range(3)]
    for odd in ("null", "{broken", "[]", json.dumps({"prompt": ["p"], "answer": "a"})):
        path = tmp_path / "answers.jsonl"
        path.write_text("\n".join([*said[:place], odd, *said[place:]]) + "\n")
        unread = Unread()
        assert [(one.prompt, one.answer) for one in pairs_of(path, unread)] == [
            ("p0", "a0"),
            ("p1", "a1"),
            ("p2", "a2"),
        ]
        (told,) = unread.counts()
        assert (told["rows"], told["first"]) == (1, [place + 1])
        assert told["reason"] == NO_PAIR or "line is not" in told["reason"]
