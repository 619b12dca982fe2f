"""Time stamps by an authority of the test's own, which `openssl ts` runs."""

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from stillwatch.errors import Unreachable
from stillwatch.package import alone
from stillwatch.package.check import Trust, check
from stillwatch.package.make import order_of, package, sums
from stillwatch.package.stamp import stamped
from tests.package.authority import authority_in, openssl

pytestmark = [
    pytest.mark.issue(27),
    pytest.mark.skipif(
        shutil.which("openssl") is None, reason="no `openssl` command to run a time-stamping authority with"
    ),
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Folder and address of an authority that answers over HTTP."""
    folder = authority_in(tmp_path_factory.mktemp("tsa") / "one")

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self):
            (folder / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/other":
                (folder / "other").write_text("something else")
                openssl(
                    "ts", "-query", "-data", folder / "other", "-sha256", "-cert", "-out", folder / "query"
                )
            answer = (
                b"no"
                if self.path == "/nonsense"
                else openssl("ts", "-reply", "-config", folder / "tsa.cnf", "-queryfile", folder / "query")
            )
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def stamped_package(results, key, authority, tmp_path_factory):
    out = tmp_path_factory.mktemp("stamped") / "package"
    package(results, out, order_of("sealed", key, timestamp=authority[1]))
    return out


def test_a_stamped_package_states_its_time_and_openssl_agrees(stamped_package, authority, run):
    folder, _url = authority
    code, out, _err = run("verify", stamped_package, "--tsa-certificates", folder / "root.pem", "--json")
    assert code == 0
    verdict = json.loads(out)
    assert verdict["stamped_at"].startswith("20")
    assert not any("time stamp was not checked" in note for note in verdict["notes"])
    told = openssl(
        "ts",
        "-verify",
        "-in",
        stamped_package / "timestamp.tsr",
        "-data",
        stamped_package / "statement.json",
        "-CAfile",
        folder / "root.pem",
    )
    assert b"Verification: OK" in told
    assert alone.verify(stamped_package)[0] == []
    assert any("give --tsa-certificates" in note for note in check(stamped_package, Trust()).notes)


def test_a_stamp_of_another_authority_is_named(stamped_package, tmp_path):
    other = authority_in(tmp_path / "other")
    verdict = check(stamped_package, Trust(authorities=other / "root.pem"))
    assert [fault.file for fault in verdict.faults] == ["timestamp.tsr"]


def test_every_byte_of_a_stamp_is_held(stamped_package, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(stamped_package, copy)
    content = (copy / "timestamp.tsr").read_bytes()
    for place in range(0, len(content), 37):
        (copy / "timestamp.tsr").write_bytes(
            content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]
        )
        assert [fault.file for fault in check(copy, Trust()).faults] == ["timestamp.tsr"]
        assert [name for name, _what in alone.verify(copy)[0]] == ["timestamp.tsr"]


def test_a_stamp_cannot_be_taken_away_or_put_in_place_of_another(
    stamped_package, results, key, authority, tmp_path
):
    copy = tmp_path / "copy"
    shutil.copytree(stamped_package, copy)

    def named():
        files = {
            p.relative_to(copy).as_posix(): p.read_bytes()
            for p in copy.rglob("*")
            if p.is_file() and p.name != "SHA256SUMS"
        }
        (copy / "SHA256SUMS").write_bytes(sums(files))  # whoever does it makes the list agree
        return [fault.file for fault in check(copy, Trust()).faults], [
            name for name, _what in alone.verify(copy)[0]
        ]

    (copy / "timestamp.tsr").write_bytes(stamped(b"another statement", authority[1]))
    assert named() == (["timestamp.tsr"], ["timestamp.tsr"])
    (copy / "timestamp.tsr").unlink()
    assert named() == (["timestamp.tsr"], ["timestamp.tsr"])


@pytest.mark.parametrize("path", ["/nonsense", "/other", None])
def test_an_authority_that_gives_no_stamp_is_an_error_and_no_package_is_written(
    results, key, authority, tmp_path, path
):
    url = f"{authority[1]}{path}" if path else "file:///etc/passwd"
    with pytest.raises(Unreachable, match="gave no time stamp"):
        package(results, tmp_path / "out", order_of("sealed", key, timestamp=url))
    assert list(tmp_path.iterdir()) == []
