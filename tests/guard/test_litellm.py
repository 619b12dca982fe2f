"""The configuration of LiteLLM's page, against the real proxy in an environment of its own.

LiteLLM pins many packages that others here need in other versions, and is heavy: it is not installed by
`./dev check`.

    python3 -m venv /tmp/litellm && /tmp/litellm/bin/pip install 'litellm[proxy]'
    STILLWATCH_LITELLM=/tmp/litellm/bin/litellm python -m pytest tests/guard/test_litellm.py
"""

import json
import os
import re
import socket
import subprocess
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

PROGRAM = os.environ.get("STILLWATCH_LITELLM", "")
pytestmark = pytest.mark.skipif(
    not PROGRAM, reason="STILLWATCH_LITELLM names no litellm program (see the head of this file)"
)


def test_a_refused_account_gets_400_with_the_policys_words_and_others_an_answer(
    serve, results, policy, model, tmp_path
):
    guard = serve(results, "--mode", "enforce", "--policy", policy("suspend", 'message = "No."'))
    page = (Path(__file__).parents[2] / "docs" / "gateways" / "litellm.md").read_text()
    text = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0]
    text = text.replace("127.0.0.1:8790", f"127.0.0.1:{guard.port}").replace(
        "api_key: none", 'api_key: none, mock_response: "hello"'
    )
    (tmp_path / "config.yaml").write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    environment = os.environ | {
        "HOME": str(tmp_path),
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    environment.pop("PYTHONPATH", None)
    proxy = subprocess.Popen(
        [PROGRAM, "--config", str(tmp_path / "config.yaml"), "--port", str(port), "--host", "127.0.0.1"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + 240
        while time.monotonic() < until:
            assert proxy.poll() is None
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.2)

        def ask(user):
            connection = HTTPConnection("127.0.0.1", port, timeout=60)
            content = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "user": user}
            connection.request(
                "POST", "/v1/chat/completions", json.dumps(content), {"content-type": "application/json"}
            )
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

        status, body = ask("a1")
        assert status == 400
        assert json.loads(body)["error"]["message"].startswith("No. Appeal:")
        assert not [word for word in ("campaign", "stillwatch", "C1") if word in body]
        assert ask("somebody")[0] == 200
    finally:
        proxy.terminate()
        proxy.wait(30)
