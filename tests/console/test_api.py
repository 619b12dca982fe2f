"""Is the API's document valid and does the API answer whatever it is sent? Do dashboards name what exists?"""

import json
import re
from pathlib import Path

import pytest

from stillwatch.console.metrics import GAUGES
from stillwatch.console.openapi import PREFIX, document
from stillwatch.console.operation import operations
from stillwatch.console.pages import PAGES

pytestmark = pytest.mark.issue(29)
ROOT = Path(__file__).parents[2]
CALLS = 2  # calls of each operation in the test; benchmarks/console.py --fuzz makes 10,000


def test_the_document_is_valid_and_names_every_operation_once():
    from openapi_spec_validator import validate

    told = json.loads(json.dumps(document()))
    validate(told)
    names = [one["operationId"] for path in told["paths"].values() for one in path.values()]
    assert sorted(names) == sorted(operations())
    for one in operations().values():
        assert one.summary[:1].isupper(), one.name


def test_an_argument_that_a_query_cannot_carry_is_in_no_query_and_a_body_keeps_its_types(shared):
    for path in document()["paths"].values():
        for call in path.values():
            for one in call["parameters"]:
                held = [one["schema"], *one["schema"].get("anyOf", [])]
                assert not {"array", "object"} & {kind.get("type") for kind in held}, (call, one)
    lead = shared.api("types", "lead")
    for wrong in (True, "1700000000"):
        assert lead.post(f"{PREFIX}/cases/1/due", {"due_at": wrong}).status_code == 422
    assert lead.post(f"{PREFIX}/cases/1/due", {"due_at": 1_700_000_000}).status_code == 200
    assert lead.post(f"{PREFIX}/cases/1/due", {"due_at": None}).status_code == 200


def test_every_form_of_every_page_is_an_operation_of_the_api():
    folder = ROOT / "src" / "stillwatch" / "console" / "templates"
    forms = {name for page in folder.glob("*.j2") for name in re.findall(r'/do/(\w+)"', page.read_text())}
    writes = {one.name for one in operations().values() if one.writes and one.needs is not None}
    assert forms == writes
    assert {page.template for page in PAGES.values()} <= {page.name for page in folder.glob("*.j2")}


def test_the_document_is_served_and_an_unknown_path_and_a_body_that_is_none_are_answered_plainly(shared):
    client = shared.api("plain", "administrator")
    assert client.get(f"{PREFIX}/openapi.json").json()["openapi"] == "3.1.0"
    assert client.get(f"{PREFIX}/nothing").status_code == 404
    assert client.http.post(f"{shared.url}{PREFIX}/labels", data=b"{").status_code == 422
    assert client.http.post(f"{shared.url}{PREFIX}/labels", data=b"[]").status_code == 422
    assert client.http.post(f"{shared.url}{PREFIX}/cases", data=b"{}").status_code == 405
    assert client.http.post(f"{shared.url}{PREFIX}/people", data=b"x" * (2 << 20)).status_code == 413
    fault = client.post(f"{PREFIX}/labels", {"what": "case", "secret": "CANARY-in-an-argument"})
    assert fault.status_code == 422
    assert "CANARY" not in fault.text
    assert set(fault.json()) == {"title", "detail"}


def test_no_call_that_the_document_allows_or_forbids_is_answered_by_a_fault_of_the_program(serve):
    schemathesis = pytest.importorskip("schemathesis")
    from hypothesis import HealthCheck, Phase, given, settings

    served = serve()
    token = {"Authorization": served.api("fuzz", "lead").http.headers["Authorization"]}
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(document())))
    checks = [
        schemathesis.checks.not_a_server_error,
        schemathesis.specs.openapi.checks.status_code_conformance,
        schemathesis.specs.openapi.checks.response_schema_conformance,
    ]
    quick = settings(
        max_examples=CALLS,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    called = []
    for found in schema.get_all_operations():
        operation = found.ok()

        @quick
        @given(case=operation.as_strategy())
        def call(case):
            answer = case.call(base_url=served.url, headers=token)
            called.append(answer.status_code)
            case.validate_response(answer, checks=checks)

        call()
    assert len(called) >= len(operations())
    assert max(called) < 500


def test_metrics_are_exposed_to_who_has_a_token_and_dashboards_name_only_what_exists(shared, kit):
    assert kit.Client(shared.url).get("/metrics").status_code == 401
    text = shared.api("prometheus", "viewer").get("/metrics").text
    exposed = set(re.findall(r"^(\w+)(?:{| )", text, re.MULTILINE))
    assert set(GAUGES) <= exposed
    from stillwatch.watch.serve import METRICS

    core = (ROOT / "src" / "stillwatch" / "guard" / "app.py").read_text()
    guard = set(re.findall(r'"(stillwatch_guard_\w+)"', core))
    known = exposed | set(METRICS) | guard | {f"{name}_total" for name in guard}
    known |= {f"stillwatch_guard_seconds_{end}" for end in ("bucket", "sum", "count")}
    folder = ROOT / "deploy" / "grafana"
    boards = sorted(folder.glob("*.json"))
    assert [path.stem for path in boards] == ["guard", "queue", "watch"]
    for path in boards:
        board = json.loads(path.read_text())
        assert all(board[name] for name in ("uid", "title", "panels"))
        numbers = [panel["id"] for panel in board["panels"]]
        assert len(numbers) == len(set(numbers))
        for panel in board["panels"]:
            assert all(panel[name] for name in ("title", "targets")), path.name
            for target in panel["targets"]:
                named = set(re.findall(r"stillwatch_\w+", target["expr"]))
                assert named, target
                assert named <= known, (path.name, named - known)
