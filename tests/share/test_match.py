"""Two providers learn how many values they have in common, which only where both agree, and nothing else
whoever attacks.
"""

import base64
import hashlib
import json
import threading

import orjson
import pytest

from stillwatch.errors import InputError
from stillwatch.share import match_client, match_server, matching, oprf, sessions
from stillwatch.share.client import PeerServer
from stillwatch.share.sets import canonical, encoded, read_set, write_set

pytestmark = pytest.mark.issue(28)


def cards(numbers):
    return [("payment_fingerprint", f"card_{number:07d}") for number in numbers]


THEIRS = cards(range(100, 300))
MINE = cards(range(50, 150))


@pytest.fixture
def provider(state, running):
    """A provider that serves `THEIRS`; gives its state and the server as a peer sees it."""

    def start(pairs=THEIRS, peer="lab-b", **limits):
        app = match_server.app(state, matching.prepare(pairs), match_server.PeerLimits(**limits))
        return state, PeerServer(url=running(app), token=state.add_peer(peer))

    return start


def test_the_asker_learns_the_size_and_no_value_until_both_agree(provider, tmp_path):
    state, server = provider()
    kept, out, theirs = tmp_path / "session", tmp_path / "common.json", tmp_path / "theirs.json"
    told = match_client.ask(server, MINE, "joint defence", kept)
    assert (told["asked"], told["served"], told["in_common"]) == (100, 200, 50)
    with pytest.raises(InputError, match="refuses") as refused:
        match_client.reveal(server, kept, out, "lab-a")
    assert "consented" in refused.value.problems[0].why
    sessions.consent(state, told["session"], "J. Doe")
    assert match_client.reveal(server, kept, out, "lab-a") == 50
    assert sessions.opened(state, told["session"], theirs) == 50
    mine, other = (json.loads(path.read_bytes())["values"] for path in (out, theirs))
    assert (
        mine == other == [{"kind": kind, "value": value} for kind, value in sorted(set(MINE) & set(THEIRS))]
    )
    assert [line["kind"] for line in state.journal.read()] == [
        "peer",
        "match",
        "match consent",
        "match order told",
        "match opened",
    ]


def test_without_the_order_no_place_of_the_answer_is_known_to_be_a_value():
    asked = matching.ask(MINE)
    prepared = matching.prepare(THEIRS)
    seen = set()
    for _turn in range(5):
        seed = oprf.random_scalar()
        places = matching.matched(asked, matching.answer(prepared, asked.elements(), seed), prepared.tags)
        assert len(places) == 50
        seen.add(tuple(places))
    assert len(seen) == 5


def test_a_dictionary_of_a_million_values_is_refused_and_so_is_one_in_pieces(provider):
    state, server = provider()
    element = oprf.hashed(b"x")
    many = b"".join(number.to_bytes(4) + element[4:] for number in range(1_000_000))
    with pytest.raises(InputError) as refused:
        begin(server, base64.b64encode(many).decode(), "0" * 64)
    assert "too many values" in refused.value.problems[0].why
    begin(server, elements(cards([0])), f"{0:064x}")
    for piece in range(1, 40):  # one new set a day, whatever it holds
        with pytest.raises(InputError) as refused:
            begin(server, elements(cards([piece])), f"{piece:064x}")
        assert "another set" in refused.value.problems[0].why
    assert len(state.journal.read("match refused")) == 40
    assert len(state.rows("SELECT id FROM sessions")) == 1


def begin(server, whole, commitment, nonce=None, purpose="test"):
    nonce = nonce or hashlib.sha256(whole.encode() + commitment.encode()).hexdigest()
    return server.send(
        "POST",
        "/match/sessions",
        {"commitment": commitment, "nonce": nonce, "purpose": purpose, "elements": whole},
    ).json()


def elements(pairs):
    return base64.b64encode(b"".join(matching.ask(pairs).elements())).decode()


def test_one_set_may_be_asked_again_until_the_day_is_used_up_and_a_month_has_few_sets(provider):
    state, server = provider()
    whole = elements(MINE)
    for turn in range(4):
        begin(server, whole, "1" * 64, f"{turn:064x}")
    with pytest.raises(InputError) as refused:
        begin(server, whole, "1" * 64, "f" * 64)
    assert "too many sessions" in refused.value.problems[0].why
    for days in (2, 3, 4, 5):
        state.write(
            "UPDATE sessions SET at = ? WHERE at > ?",
            (match_server._ago(days=days), match_server._ago(days=1)),
        )
        if days < 5:
            begin(server, whole, f"{days}" * 64, f"{days:060x}aaaa")
    with pytest.raises(InputError) as refused:
        begin(server, whole, "9" * 64, "e" * 64)
    assert "too many sets" in refused.value.problems[0].why


def test_a_recorded_request_cannot_be_used_again_nor_by_another_peer_to_learn_anything(provider):
    state, server = provider()
    asked = matching.ask(MINE)
    whole = base64.b64encode(b"".join(asked.elements())).decode()
    begin(server, whole, asked.tree.root.hex(), "a" * 64)
    with pytest.raises(InputError) as refused:
        begin(server, whole, asked.tree.root.hex(), "a" * 64)
    assert "nonce was used before" in refused.value.problems[0].why
    other = PeerServer(url=server.url, token=state.add_peer("lab-c"))
    told = begin(other, whole, asked.tree.root.hex(), "a" * 64)
    answered = base64.b64decode(told["elements"])
    tags = other.send("GET", f"/match/sets/{told['set']}").body
    parts = [answered[at : at + oprf.ELEMENT] for at in range(0, len(answered), oprf.ELEMENT)]
    guess = matching.AskerSecrets(pairs=asked.pairs, blind=oprf.random_scalar(), seed=asked.seed)
    assert matching.matched(guess, parts, tags) == []  # without the blinding scalar nothing follows


def test_all_that_crosses_the_wire_confirms_no_guess(provider, tmp_path, monkeypatch):
    state, server = provider()
    wire = []
    send = PeerServer.send

    def recorded(self, method, path, body=None, **more):
        told = send(self, method, path, body, **more)
        wire.append(orjson.dumps(body) + told.body)
        return told

    monkeypatch.setattr(PeerServer, "send", recorded)
    match_client.ask(server, MINE, "test", None)
    seen = b"".join(wire) + state.journal.path.read_bytes() + (state.folder / "share.sqlite").read_bytes()
    seen += b"".join(base64.b64decode(part) for one in wire for part in _base64_of(one))
    for pair in {*MINE, *THEIRS}:
        value = encoded(pair)
        element = oprf.hashed(value)
        for form in (
            pair[1].encode(),
            element,
            oprf.tag(element),
            hashlib.sha256(value).digest(),
            hashlib.sha512(value).digest()[:12],
        ):
            assert form not in seen
            assert form.hex().encode() not in seen


def _base64_of(one):
    for text in one.replace(b"}{", b"}\n{").split(b"\n"):
        try:
            yield orjson.loads(text)["elements"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            continue


def test_values_that_were_not_committed_to_or_that_the_server_lacks_are_not_opened(provider, tmp_path):
    state, server = provider()
    told = match_client.ask(server, MINE, "test", tmp_path / "session")
    sessions.consent(state, told["session"], "J. Doe")
    kept = orjson.loads((tmp_path / "session").read_bytes())
    asked = matching.AskerSecrets(
        pairs=tuple(map(tuple, kept["pairs"])),
        blind=bytes.fromhex(kept["blind"]),
        seed=bytes.fromhex(kept["seed"]),
    )
    place = f"/match/sessions/{told['session']}"
    seed = bytes.fromhex(server.send("POST", f"{place}/order", {}).json()["order"])
    outside = next(at for at in range(100) if asked.pairs[matching.shuffled(100, seed)[at]] not in THEIRS)
    true, false = (matching.openings(asked, [at], seed)[0] for at in (kept["places"][0], outside))
    made_up = matching.Opening(pair=THEIRS[-1], index=true.index, salt=true.salt, proof=true.proof)
    for one in (false, made_up):
        with pytest.raises(InputError) as refused:
            server.send("POST", f"{place}/openings", {"openings": [as_json(one)]})
        assert "no value of both sets" in refused.value.problems[0].why
    with pytest.raises(InputError) as refused:  # nothing new until the intersection is opened
        match_client.ask(server, MINE, "test", None)
    assert "not opened" in refused.value.problems[0].why


def as_json(one):
    return {
        "kind": one.pair[0],
        "value": one.pair[1],
        "index": one.index,
        "salt": one.salt.hex(),
        "proof": [step.hex() for step in one.proof],
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"commitment": "0" * 64},
        {"commitment": "0" * 64, "nonce": "0" * 64, "purpose": " ", "elements": "AAAA"},
        {"commitment": "0" * 64, "nonce": "0" * 64, "purpose": "x", "elements": "AAAA"},
        {
            "commitment": "0" * 64,
            "nonce": "0" * 64,
            "purpose": "x",
            "elements": base64.b64encode(b"\xff" * 32).decode(),
        },
        {
            "commitment": "0" * 64,
            "nonce": "0" * 64,
            "purpose": "x",
            "elements": base64.b64encode(bytes(64)).decode(),
        },
        [],
        "text",
        None,
    ],
)
def test_requests_that_are_not_as_they_must_be_are_refused(provider, body):
    _state, server = provider()
    with pytest.raises(InputError) as refused:
        server.send("POST", "/match/sessions", body)
    assert refused.value.problems[0].found == "HTTP 400"


def test_nobody_without_a_token_is_answered_and_an_ended_one_is_none(provider):
    state, server = provider()
    with pytest.raises(InputError, match="refuses"):
        PeerServer(url=server.url, token="guess").send("GET", "/match/sets/x")
    state.end_peer("lab-b")
    with pytest.raises(InputError, match="refuses"):
        server.send("GET", "/match/sets/x")


def test_a_kept_set_is_served_again_under_its_key_and_another_under_a_fresh_one(tmp_path):
    first = matching.prepare(MINE)
    matching.keep(tmp_path / "set", MINE, first)
    again = matching.kept(tmp_path / "set", list(reversed(MINE)))
    assert again == first
    assert matching.kept(tmp_path / "set", MINE[1:]) is None
    assert matching.prepare(MINE).key != first.key
    assert all(
        pair[1] not in path.read_text("latin-1") for path in (tmp_path / "set").iterdir() for pair in MINE
    )


@pytest.mark.parametrize(
    ("kind", "value", "same"),
    [
        ("client_prefix", "192.0.2.77", "192.0.2.0/24"),
        ("client_prefix", "192.0.2.128/25", "192.0.2.0/24"),
        ("client_prefix", "2001:DB8::1", "2001:db8::/48"),
        ("signup_address", "::ffff:192.0.2.1", "192.0.2.1"),
        ("email_domain", " Mail.EXAMPLE. ", "mail.example"),
        ("tls_fingerprint", "T13D1812H2_4C8466FF5BAD_5A2BE9D1C3F0", "t13d1812h2_4c8466ff5bad_5a2be9d1c3f0"),
        ("payment_fingerprint", " Fp_1 ", "Fp_1"),
    ],
)
def test_values_that_are_the_same_are_written_the_same(kind, value, same):
    assert canonical(kind, value) == same
    assert canonical(kind, same) == same


def test_a_row_that_is_no_value_is_named_and_nothing_is_left_out_in_silence(tmp_path):
    path = tmp_path / "set.csv"
    path.write_text("kind,value\nemail_domain,a.example\nclient_prefix,SECRET-TEXT\n")
    with pytest.raises(InputError) as refused:
        read_set(path)
    assert "row 3" in refused.value.problems[0].where
    assert "SECRET-TEXT" not in str(refused.value.problems)
    path.write_text("a,b\n")
    with pytest.raises(InputError, match="kind"):
        read_set(path)


def test_a_set_is_private_and_comes_back_as_it_was(tmp_path, small_world):
    assert write_set(tmp_path / "set.csv", [*MINE, *MINE]) == 100
    assert (tmp_path / "set.csv").stat().st_mode & 0o077 == 0
    assert read_set(tmp_path / "set.csv") == sorted(MINE)


def test_journal_lines_of_several_threads_follow_from_each_other_and_a_changed_one_is_found(state):
    threads = [
        threading.Thread(target=lambda: [state.journal.add("x", {"n": n}) for n in range(5)])
        for _ in range(4)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(state.journal.read()) == 20
    lines = state.journal.path.read_bytes().splitlines(keepends=True)
    for spoiled in (lines[:7] + lines[8:], [*lines[:7], lines[7].replace(b'"n":', b'"m":'), *lines[8:]]):
        state.journal.path.write_bytes(b"".join(spoiled))
        with pytest.raises(InputError, match="does not follow"):
            state.journal.read()


def test_the_commands_go_from_a_set_to_the_values_in_common(run, tmp_path, state, running):
    theirs, mine = tmp_path / "theirs.csv", tmp_path / "mine.csv"
    write_set(theirs, THEIRS)
    write_set(mine, MINE)
    code, out, _err = run("match", "serve", theirs, "--state", state.folder, "--prepare-only", "--json")
    assert (code, json.loads(out)["values"]) == (0, 200)
    prepared = matching.kept(state.folder / "set", THEIRS)
    url, token = running(match_server.app(state, prepared)), tmp_path / "token"
    code, out, _err = run("share", "peer", "lab-b", "--state", state.folder)
    token.write_text(out)
    to = ("--url", url, "--token-file", token)
    code, out, _err = run(
        "match", "ask", mine, *to, "--purpose", "test", "--keep", tmp_path / "session", "--json"
    )
    assert code == 0
    told = json.loads(out)
    assert told["in_common"] == 50
    code, out, _err = run("match", "sessions", "--state", state.folder)
    assert (code, "size only" in out) == (0, True)
    reveal = (
        "match",
        "reveal",
        tmp_path / "session",
        *to,
        "--peer",
        "lab-a",
        "--out",
        tmp_path / "common.json",
    )
    code, _out, err = run(*reveal)
    assert (code, "has not consented" in err) == (1, True)
    assert run("match", "consent", told["session"], "--state", state.folder, "--approver", "J. Doe")[0] == 0
    assert run(*reveal)[0] == 0
    code, out, _err = run(
        "match", "opened", told["session"], "--state", state.folder, "--out", tmp_path / "ours.json"
    )
    assert (code, "50 values" in out) == (0, True)


@pytest.mark.parametrize("more", [("--host", "0.0.0.0"), ("--tls-cert", __file__)])
def test_a_server_never_listens_beyond_this_machine_without_tls(run, tmp_path, more):
    for command in (("taxii", "serve"), ("match", "serve", tmp_path / "set.csv")):
        write_set(tmp_path / "set.csv", MINE)
        code, _out, err = run(*command, "--state", tmp_path / "sharing", *more)
        assert (code, "tls" in err) == (2, True)
