"""A suspect's folder is a stranger's: nothing of it is run, nobody is asked, nothing is fetched."""

import io
import json
import os
import pickle
import socket
import subprocess
import sys
import types

import pytest

from stillwatch.errors import InputError
from stillwatch.prove import weights
from stillwatch.prove.quarters import RefusedOperation, confined


class Bomb:
    def __reduce__(self):
        return (open, ("ran", "w"))


@pytest.mark.issue(21)
@pytest.mark.parametrize(
    "work",
    [
        lambda: socket.create_connection(("127.0.0.1", 9)),
        lambda: socket.getaddrinfo("example.org", 80),
        lambda: subprocess.run(["true"]),
        lambda: os.system("true"),
        lambda: pickle.loads(pickle.dumps(Bomb())),
        lambda: input("run the suspect's code? "),
    ],
    ids=["connect", "resolve", "run", "shell", "unpickle", "ask"],
)
def test_what_a_strangers_code_would_do_is_refused_inside_and_allowed_outside(work, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    with pytest.raises(RefusedOperation):
        confined(work)
    assert not (tmp_path / "ran").exists()
    assert subprocess.run(["true"]).returncode == 0


@pytest.mark.issue(21)
def test_the_result_comes_back_and_the_hub_is_off():
    assert confined(lambda: (os.environ["HF_HUB_OFFLINE"], os.environ["TRANSFORMERS_OFFLINE"])) == ("1", "1")
    with pytest.raises(KeyError):
        confined(lambda: {}["none"])


@pytest.fixture
def library(monkeypatch):
    """In place of the library: what it was asked for."""
    asked = []

    class Auto:
        @classmethod
        def from_pretrained(cls, folder, **how):
            asked.append(how)
            return types.SimpleNamespace(bos_token_id=None, eval=lambda: None)

    logging = types.SimpleNamespace(set_verbosity_error=lambda: None, disable_progress_bar=lambda: None)
    module = types.ModuleType("transformers")
    module.AutoModelForCausalLM = module.AutoTokenizer = Auto
    utils = types.ModuleType("transformers.utils")
    utils.logging = logging
    monkeypatch.setitem(sys.modules, "torch", types.ModuleType("torch"))
    monkeypatch.setitem(sys.modules, "transformers", module)
    monkeypatch.setitem(sys.modules, "transformers.utils", utils)
    return asked


@pytest.mark.issue(21)
def test_weights_and_tokeniser_are_read_from_the_folder_without_trust(library, tmp_path):
    weights.load(tmp_path)
    net, tokenizer = library
    assert net == {"local_files_only": True, "use_safetensors": True, "trust_remote_code": False}
    assert tokenizer == {"local_files_only": True, "trust_remote_code": False}


@pytest.mark.issue(21)
@pytest.mark.parametrize(
    "where",
    [{"attn_implementation": "evil/kernel"}, {"text_config": {"_attn_implementation": "evil/kernel"}}],
)
def test_a_configuration_that_names_compiled_code_of_a_hub_is_refused(library, tmp_path, where):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"} | where))
    with pytest.raises(InputError, match="compiled code of a hub"):
        weights.load(tmp_path)
    assert not library


def test_a_tokeniser_with_code_of_its_own_is_refused_without_a_question(tmp_path, monkeypatch):
    """With the library itself: `auto_map` is how a folder names code of its own."""
    pytest.importorskip("transformers")
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "unheard-of", "auto_map": {"AutoConfig": "evil.Config"}})
    )
    told = {"tokenizer_class": "Evil", "auto_map": {"AutoTokenizer": ["evil.Evil", None]}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(told))
    (tmp_path / "evil.py").write_text(
        f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Evil: pass\nclass Config: pass\n"
    )
    monkeypatch.setattr("builtins.input", lambda *_words: pytest.fail("a question was asked"))
    with pytest.raises((ValueError, OSError, KeyError, RefusedOperation, ImportError)):
        confined(lambda: weights._tokenizer(tmp_path))
    assert not (tmp_path / "ran").exists()
