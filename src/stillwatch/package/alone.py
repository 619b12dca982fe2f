"""Verifies a package of Stillwatch with Python 3.11 alone: python -I verify.py [PACKAGE] [--public-key
KEY.pem]

PACKAGE is a folder or a .zip; the default is the folder of this file. Exit code 0: unchanged. 1: changed;
each changed, missing or added file is named. 2: wrong usage. Take this file from a release of Stillwatch
and not from the package in question: a changed package may contain a changed verifier.

Checked: SHA-256 of every file; the Ed25519 signature of the statement, and that the statement names exactly
these files; the Merkle tree over the rows that are shown; the numbers of campaigns that follow from the
tables. Not checked: the signer's identity, unless the public key is given; the signature of a time stamp
(`openssl ts -verify -in timestamp.tsr -data statement.json -CAfile ROOTS.pem`); what follows from sketches of
the log, where the package holds them, which takes Stillwatch itself (`stillwatch verify PACKAGE --rescan`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import os
import struct
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zlib import crc32

# Files of a package: digests, signed statement, time stamp and public key.
SUMS, STATEMENT, STAMP, PUBLIC = "SHA256SUMS", "statement.json", "timestamp.tsr", "public_key.pem"
# Files of a package: manifest, tree, rows with proofs, tables, dossiers and sketches.
MANIFEST, TREE, ROWS = "manifest.json", "tree.json", "rows.jsonl"
TABLES, DOSSIERS, SKETCHES = "tables/", "dossiers/", "sketches/"
# Start of the last line of this file, which is followed by the digest.
LAST_LINE = "# sha256 of the lines above: "
KIND = "application/vnd.in-toto+json"  # media type of a statement in a signed envelope (DSSE)

FileFault = tuple[str, str]  # a file and what is wrong with it


# ------------------------------------------------------------------------------------- Ed25519 (RFC 8032)

# the field's prime, the order of the base point, and the curve's constant d (section 5.1)
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493  # order of the base point of edwards25519 (RFC 8032)
D = -121665 * pow(121666, P - 2, P) % P  # constant d of the curve edwards25519 (RFC 8032)
Point = tuple[int, int, int, int]


def add(a: Point, b: Point) -> Point:
    """The sum of two points in extended coordinates (section 5.1.4)."""
    one, two = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    three, four = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = two - one, four - three, four + three, two + one
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number: int, a: Point) -> Point:
    """The point multiplied by a non-negative integer."""
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = add(total, a)
        a, number = add(a, a), number >> 1
    return total


def point(data: bytes) -> Point:
    """Decode a point from 32 bytes; raises `ValueError` where they encode none (section 5.1.3)."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        raise ValueError("no point of the curve")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))  # base point of edwards25519 (RFC 8032)


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is valid for the key and message (section 5.1.7)."""
    if len(public) != 32 or len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    try:
        key, r = point(public), point(signature[:32])
    except ValueError:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    left, right = times(s, BASE), add(r, times(h, key))
    is_same = (
        (left[0] * right[2] - right[0] * left[2]) % P == 0 == (left[1] * right[2] - right[1] * left[2]) % P
    )
    return s < ORDER and is_same


def key_of(pem: bytes) -> bytes:
    """The 32 bytes of an Ed25519 public key in a PEM file; raises `ValueError` for other content."""
    lines = pem.decode("ascii").split("\n")
    if lines[0] != "-----BEGIN PUBLIC KEY-----" or lines[2:] != ["-----END PUBLIC KEY-----", ""]:
        raise ValueError("no PEM file of a public key")
    der = base64.b64decode(lines[1], validate=True)
    if len(der) != 44 or der[:12].hex() != "302a300506032b6570032100":
        raise ValueError("no public key of Ed25519")
    return der[12:]


# -------------------------------------------------------------------------------- Merkle trees (RFC 6962)


def leaf_hash(data: bytes) -> bytes:
    """SHA-256 of a leaf: of a zero byte and its data (RFC 6962, section 2.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def root_of(hashes: list[bytes]) -> bytes:
    """Root hash over hashes of leaves."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    while len(hashes) > 1:
        pairs = [
            hashlib.sha256(b"\x01" + hashes[i] + hashes[i + 1]).digest() for i in range(0, len(hashes) - 1, 2)
        ]
        hashes = pairs + hashes[len(hashes) & ~1 :]
    return hashes[0]


def root_by(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to; None where the proof's length does not match index and
    size.
    """
    if not 0 <= index < size:
        return None
    found, rest = leaf, list(proof)
    while size > 1:
        if index ^ 1 < size:
            if not rest:
                return None
            one = rest.pop(0)
            found = hashlib.sha256(b"\x01" + (one + found if index & 1 else found + one)).digest()
        index, size = index >> 1, (size + 1) >> 1
    return None if rest else found


# ------------------------------------------------------------------------------------------ files


class PackageFolder:
    """The files of a package in a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.faults: list[FileFault] = []
        self.names = set()
        for folder, folders, files in os.walk(path):
            for name in files + [one for one in folders if (Path(folder) / one).is_symlink()]:
                one = Path(folder) / name
                relative = one.relative_to(path).as_posix()
                if one.is_symlink() or not one.is_file():
                    self.faults.append((relative, "it is no plain file"))
                else:
                    self.names.add(relative)

    def read(self, name: str) -> bytes:
        """Content of a file; raises `KeyError` for an unknown name."""
        if name not in self.names:
            raise KeyError(name)
        return (self.path / name).read_bytes()


class Zip:
    """The files of a package in a .zip, uncompressed; every byte of the archive follows from names and
    contents.
    """

    def __init__(self, path: Path) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: list[FileFault] = []
        data, at, whole = path.read_bytes(), 0, b"PK\x03\x04"
        while data[at : at + 4] == whole and len(data) >= at + 30:
            size, length = struct.unpack("<I4xH", data[at + 18 : at + 28])
            name = data[at + 30 : at + 30 + length].decode("utf-8", "replace")
            at += 30 + length + size
            self.files[name] = data[at - size : at]
        self.names = set(self.files)
        if zipped(self.files) != data:
            self.faults.append((path.name, "the archive around its files is not as Stillwatch writes it"))

    def read(self, name: str) -> bytes:
        """Content of a file; raises `KeyError` for an unknown name."""
        return self.files[name]


def zipped(files: dict[str, bytes]) -> bytes:
    """The archive of these files: sorted by name, uncompressed, dated 1980-01-01, readable by all."""
    local, central = b"", b""
    for name in sorted(files):
        data, label = files[name], name.encode("utf-8")
        fields = struct.pack(
            "<HHHHHIIIHH", 20, 0, 0, 0, 0x21, crc32(data), len(data), len(data), len(label), 0
        )
        central += b"PK\x01\x02" + struct.pack("<H", 0x314) + fields
        central += struct.pack("<HHHII", 0, 0, 0, 0o100644 << 16, len(local)) + label
        local += b"PK\x03\x04" + fields + label + data
    end = struct.pack("<4H2IH", 0, 0, len(files), len(files), len(central), len(local), 0)
    return local + central + b"PK\x05\x06" + end


PackageFiles = PackageFolder | Zip


def listed_faults(files: PackageFiles) -> list[FileFault]:
    """Differences from SHA256SUMS; a fault of that file itself is the only one returned."""
    if SUMS not in files.names:
        return [(SUMS, "it is missing")]
    text = files.read(SUMS)
    body, mark, rest = text.rpartition(LAST_LINE.encode())
    if not mark or rest != hashlib.sha256(body).hexdigest().encode() + b"\n":
        return [(SUMS, "it is not what was written: its last line is not the digest of the others")]
    try:
        digests = {line[66:]: line[:64] for line in body.decode().splitlines()}
    except UnicodeDecodeError:
        return [(SUMS, "it is not UTF-8")]
    faults = [(name, "it is missing") for name in digests.keys() - files.names]
    faults += [(name, "it was added") for name in files.names - digests.keys() - {SUMS}]
    for name in sorted(digests.keys() & files.names):
        if hashlib.sha256(files.read(name)).hexdigest() != digests[name]:
            faults.append((name, "its content was changed"))
    return faults


# ------------------------------------------------------------------------------------------ statement, tree


def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object as dict; raises `ValueError` for a repeated name."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def parse(data: bytes) -> Any:
    """Parse JSON; raises `ValueError` for invalid JSON and repeated names."""
    return json.loads(data, object_pairs_hook=without_repeats)


def statement_of(files: PackageFiles, public: bytes | None) -> tuple[dict[str, Any], str, list[FileFault]]:
    """The in-toto statement, a sentence on its signer, and faults of the envelope.

    `public` is the expected public key; None for the package's own.
    """
    try:
        envelope = parse(files.read(STATEMENT))
        payload = base64.b64decode(envelope["payload"], validate=True)
        statement, signatures = parse(payload), envelope["signatures"]
        if PUBLIC not in files.names and not signatures and public is None:
            return statement, "not signed", []
        key = key_of(files.read(PUBLIC)) if public is None else public
        message = b"DSSEv1 %d %s %d %s" % (len(KIND), KIND.encode(), len(payload), payload)
        signature = base64.b64decode(signatures[0]["sig"], validate=True) if len(signatures) == 1 else b""
        name = hashlib.sha256(key).hexdigest()
        if signatures and signatures[0]["keyid"] == name and is_signed(key, message, signature):
            return statement, f"signed with the key {name}", []
        return (
            statement,
            "not signed by this key",
            [(STATEMENT, "its signature is not of the key that should have signed it")],
        )
    except (KeyError, IndexError, TypeError, ValueError, RecursionError) as error:
        return {}, "not signed", [(STATEMENT, f"it cannot be read ({type(error).__name__})")]


def statement_faults(files: PackageFiles, statement: dict[str, Any]) -> list[FileFault]:
    """Differences between the files and those named in the statement."""
    try:
        signed = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
        is_stamped = bool(statement["predicate"]["timestamp"])
    except (KeyError, TypeError):
        return [(STATEMENT, "it is no statement about a package")]
    expected = set(signed) | {SUMS, STATEMENT} | ({STAMP} if is_stamped else set())
    faults = [(name, "it is missing") for name in expected - files.names]
    faults += [(name, "it was added") for name in files.names - expected]
    for name in sorted(files.names & signed.keys()):
        if hashlib.sha256(files.read(name)).hexdigest() != signed[name]:
            faults.append((name, "it is not the file that the statement names"))
    if STAMP in files.names and hashlib.sha256(files.read(STATEMENT)).digest() not in files.read(STAMP):
        faults.append((STAMP, "it is a time stamp of something else"))
    return faults


def tree_faults(files: PackageFiles, manifest: dict[str, Any], predicate: dict[str, Any]) -> list[FileFault]:
    """Rows and proofs that do not lead to the root of the tree."""
    root, size = bytes.fromhex(manifest["tree"]["root"]), manifest["tree"]["size"]
    faults = []
    if (
        manifest["tree"] != {name: predicate[name] for name in ("root", "size")}
        or manifest["level"] != predicate["level"]
    ):
        faults.append((MANIFEST, "level or tree are not those of the statement"))
    needed = {"open": TREE, "account": ROWS, "exchange": ROWS}.get(manifest["level"])
    if needed is not None and needed not in files.names:
        faults.append((needed, "it is missing"))
    if TREE in files.names:
        leaves = []
        heads = parse(files.read(TREE))["tables"]
        shown = {f"{TABLES}{table['name']}.jsonl" for table in heads if "salts" in table}
        faults += [
            (name, "the tree does not hold it") for name in files.names - shown if name.startswith(TABLES)
        ]
        for table in heads:
            if "leaves" in table:
                leaves += [bytes.fromhex(one) for one in table["leaves"]]
                continue
            key = bytes.fromhex(table["salts"])
            for number, line in enumerate(files.read(f"{TABLES}{table['name']}.jsonl").splitlines()):
                salt = hmac.digest(key, number.to_bytes(8, "big"), "sha256")[:16]
                leaves.append(leaf_hash(salt + line))
        if (len(leaves), root_of(leaves)) != (size, root):
            faults.append((TREE, "the rows do not give the root of the tree that the manifest states"))
    for number, text in enumerate(files.read(ROWS).splitlines() if ROWS in files.names else [], 1):
        one = parse(text)
        leaf = leaf_hash(bytes.fromhex(one["salt"]) + one["line"].encode())
        if root_by(leaf, one["index"], size, [bytes.fromhex(step) for step in one["proof"]]) != root:
            faults.append((ROWS, f"the proof of row {number} does not lead to the root of the tree"))
    return faults


# ------------------------------------------------------------------------------------------ numbers

CLOSE = 1e-9  # relative difference of numbers that are equal but for rounding
STRONGEST_LOG10_E = 12.0  # log10 e-value beyond which no q-value is claimed
# False alerts that a replay allows a year, and hours in a year.
ALERTS_A_YEAR, HOURS_A_YEAR = 12.0, 8766.0
DECISIVE, CLEAR = 1.0, 0.2  # log10 by which the best hypothesis must lead for a kind
SOUGHT = 0.05  # least share of exchanges of a capability that is named
OF_THE_LOG = (
    "the evidence that each explanation leaves, and of each test",
    "the evidence and the bar of each look",
    "the likelihood of each hypothesis, the probability of each membership, the interval of exchanges",
    "the rates of false positives, which need the bank of honest groups too",
)
"""Numbers that follow from the log, and from sketches of it."""
# Numbers that follow from exchanges, and from sketches of them.
OF_EXCHANGES = "first and last exchange, and the exchanges of each member"
# What the signature says, and no number shows in a keyed package.
BY_SIGNATURE = (
    "that the rows are those of the results (the signature says so; a package of level open shows it by the "
    "tree)"
)
FROM_NO_SKETCH = (
    BY_SIGNATURE,
    "that the sketches are those of the log (whoever has the log and the key makes the same bytes)",
    "classes of networks (addresses are pseudonyms)",
    "quantities of tests that stand as text (they are pseudonyms); their evidence is derived",
    "names that campaigns keep over scans, and labels (of earlier scans, and of people)",
)
"""What a scan of the sketches in a package does not derive."""
StoredRow = dict[str, Any]
NumberCheck = tuple[str, str, Any, Any]  # table, name, what is stated, what follows


def not_derived(level: str, has_sketches: bool) -> tuple[str, ...]:
    """Numbers that cannot be derived from the tables of a package of that level."""
    if level not in ("keyed", "open"):
        return ("any number: no tables are shown",)
    needs = "a scan of the sketches: stillwatch verify PACKAGE --rescan" if has_sketches else "the log"
    found = tuple(f"{one} (needs {needs})" for one in OF_THE_LOG)
    if level == "open":
        return found
    if has_sketches:
        return (*found, f"{OF_EXCHANGES} (needs {needs})", *FROM_NO_SKETCH)
    return (*found, f"{OF_EXCHANGES} (needs a package of level open)", BY_SIGNATURE)


def numbers(tables: dict[str, list[StoredRow]], overview: StoredRow) -> list[NumberCheck]:
    """Each number that can be derived from the tables, with the stated value."""
    found: list[NumberCheck] = []
    rates = q_values(tables, overview)
    for campaign in tables.get("campaigns", ()):
        name = campaign["campaign_id"]
        parts = {
            table: [row for row in rows if row.get("campaign_id") == name or row.get("group_id") == name]
            for table, rows in tables.items()
        }
        derived = {**counted(parts), "q_value": rates.get(name)} | timed(parts, campaign)
        derived["kind"] = kind_of(
            {row["hypothesis"]: row["log10_likelihood"] for row in parts.get("hypotheses", ())}
        )
        derived["capabilities"] = capabilities(parts.get("capabilities", []), campaign["capabilities"])
        found += [
            ("campaigns", f"{name} {key}", campaign[key], v) for key, v in derived.items() if v is not None
        ]
        for table in ("timeline", "capabilities", "exchanges"):
            if parts.get(table):
                total = (
                    len(parts[table])
                    if table == "exchanges"
                    else sum(row["exchanges"] for row in parts[table])
                )
                found.append(("campaigns", f"{name} exchanges by {table}", campaign["exchanges"], total))
        found += shared(name, parts) + of_members(name, parts) + bars(name, parts, overview)
    for lead in tables.get("leads", ()):
        name = lead["lead_id"]
        left = [row["log10_e"] for row in tables.get("explanations", ()) if row["group_id"] == name]
        if left:
            found.append(("leads", f"{name} log10_e", lead["log10_e"], min(left)))
        if "lead_members" in tables:
            members = {row["account_id"] for row in tables["lead_members"] if row["lead_id"] == name}
            found.append(("leads", f"{name} accounts", lead["accounts"], len(members)))
    return found


def q_values(tables: dict[str, list[StoredRow]], overview: StoredRow) -> dict[str, float]:
    """False-discovery rate at which e-BH reports each campaign among all candidates; empty where it cannot
    be derived.

    A campaign's evidence is the least that an innocent explanation leaves.
    """
    least: dict[str, float] = {}
    for row in tables.get("explanations", ()):
        least[row["group_id"]] = min(least.get(row["group_id"], math.inf), row["log10_e"])
    campaigns = [row["campaign_id"] for row in tables.get("campaigns", ()) if row["campaign_id"] in least]
    ordered = sorted(campaigns, key=lambda name: -least[name])
    if overview.get("candidates") is None or len(ordered) < len(tables.get("campaigns", ())):
        return {}
    tested, smallest, rates = max(overview["candidates"], len(ordered)), 1.0, {}
    for rank in range(len(ordered), 0, -1):
        name = ordered[rank - 1]
        smallest = min(smallest, tested / rank / 10 ** min(least[name], STRONGEST_LOG10_E))
        rates[name] = smallest
    return rates


def counted(parts: dict[str, list[StoredRow]]) -> dict[str, Any]:
    """Numbers of members and of their exchanges; empty without the table."""
    if "members" not in parts:
        return {}
    members = {row["account_id"] for row in parts["members"]}
    return {"accounts": len(members), "exchanges": sum(row["exchanges"] for row in parts["members"])}


def timed(parts: dict[str, list[StoredRow]], campaign: StoredRow) -> dict[str, Any]:
    """Times of first and last exchange, and of detection: the end of the first hour whose look alerted.

    Times that cannot be derived are left out.
    """
    derived: dict[str, Any] = {}
    if parts.get("exchanges"):
        times = [row["timestamp"] for row in parts["exchanges"]]
        derived = {"first_seen": min(times), "last_seen": max(times)}
    looks = sorted(
        (row for row in parts.get("timeline", ()) if row["log10_e"] is not None), key=lambda row: row["hour"]
    )
    alerts = [row["hour"] for row in looks if row["log10_e"] >= row["log10_alert"]]
    if alerts:
        moment = datetime.fromisoformat(alerts[0]) + timedelta(hours=1)
        derived["detected_at"] = min(moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), campaign["last_seen"])
    elif looks:
        derived["detected_at"] = "never" if campaign["detected_at"] is not None else None
    return derived


def kind_of(log10: dict[str, float]) -> str | None:
    """The kind that follows from the hypotheses' log10 likelihoods; None where there are fewer than five."""
    if len(log10) < 5:
        return None
    ordered = sorted(log10, key=lambda one: -log10[one])
    lead = -log10[ordered[1]]
    if ordered[0] == "H1" and -log10["H2"] >= DECISIVE:
        return "harvest" if -log10["H3"] >= CLEAR else "undetermined"
    leads = {
        "H2": ("relay", lead >= CLEAR),
        "H4": ("fleet", lead >= DECISIVE),
        "H3": ("mixed", -log10["H2"] >= DECISIVE),
    }
    kind, is_clear = leads.get(ordered[0], ("undetermined", True))
    return kind if is_clear else "undetermined"


def capabilities(rows: list[StoredRow], stated: list[str]) -> list[str] | None:
    """Capabilities with at least a twentieth of the exchanges, most frequent first, ties in the stated
    order; None without rows.
    """
    total = max(sum(row["exchanges"] for row in rows), 1)
    named = [row for row in rows if row["exchanges"] >= SOUGHT * total and row["capability"] != "other"]
    place = {name: number for number, name in enumerate(stated)}
    named.sort(key=lambda row: (-row["exchanges"], place.get(row["capability"], len(place))))
    return [row["capability"] for row in named] if rows else None


def shared(name: str, parts: dict[str, list[StoredRow]]) -> list[NumberCheck]:
    """Number of members that share a value, and its weight, from the links."""
    links: dict[tuple[str, str], list[StoredRow]] = {}
    for row in parts.get("links", ()):
        links.setdefault((row["kind"], row["value"]), []).append(row)
    found = []
    for row in parts.get("evidence", ()):
        mine = links.get((row["kind"], row["value"]), [])
        what = f"{name} {row['kind']}"
        if mine:
            found.append(
                ("evidence", f"{what} accounts", row["accounts"], len({one["account_id"] for one in mine}))
            )
            weights = {one["weight"] for one in mine}
            found += [("evidence", f"{what} weight", row["log10_likelihood_ratio"], one) for one in weights]
    return found


def of_members(name: str, parts: dict[str, list[StoredRow]]) -> list[NumberCheck]:
    """Exchanges of each member, where the package contains exchanges."""
    if not parts.get("exchanges"):
        return []
    each: dict[str, int] = {}
    for row in parts["exchanges"]:
        each[row["account_id"]] = each.get(row["account_id"], 0) + 1
    return [
        ("members", f"{name} exchanges of a member", row["exchanges"], each.get(row["account_id"], 0))
        for row in parts.get("members", ())
    ]


def bars(name: str, parts: dict[str, list[StoredRow]], overview: StoredRow) -> list[NumberCheck]:
    """The bar of confirmation at each look, from the bar of the alert, the hour and the rate."""
    if not overview.get("first_seen") or not overview.get("fdr"):
        return []
    origin = datetime.fromisoformat(overview["first_seen"]).replace(minute=0, second=0, microsecond=0)
    found = []
    for row in parts.get("timeline", ()):
        if row["log10_confirm"] is not None:
            hour = max(round((datetime.fromisoformat(row["hour"]) - origin) / timedelta(hours=1)) + 1, 1)
            more = math.log10(hour * (hour + 1) / overview["fdr"] * ALERTS_A_YEAR / HOURS_A_YEAR)
            what = f"{name} log10_confirm at {row['hour']}"
            found.append(("timeline", what, row["log10_confirm"], row["log10_alert"] + more))
    return found


def differs(stated: Any, derived: Any) -> bool:
    """Whether two values differ by more than rounding."""
    if isinstance(stated, int | float) and isinstance(derived, int | float):
        return not math.isclose(stated, derived, rel_tol=CLOSE, abs_tol=CLOSE)
    return bool(stated != derived)


def tables_of(files: PackageFiles) -> dict[str, list[StoredRow]]:
    """The rows of each table in a package, by the table's name."""
    return {
        name[len(TABLES) : -len(".jsonl")]: [parse(line)["row"] for line in files.read(name).splitlines()]
        for name in files.names
        if name.startswith(TABLES) and name.endswith(".jsonl")
    }


def number_faults(files: PackageFiles, manifest: dict[str, Any]) -> tuple[int, list[FileFault]]:
    """Number of derived numbers, and faults for those that differ."""
    tables = tables_of(files)
    if not tables:
        return 0, []
    derived = numbers(tables, manifest["overview"])
    return len(derived), wrong(derived)


def wrong(derived: list[NumberCheck]) -> list[FileFault]:
    """Faults for numbers whose stated value differs from the derived one."""
    return [
        (f"{TABLES}{table}.jsonl", f"{name} is stated as {stated}, and {value} follows from the tables")
        for table, name, stated, value in derived
        if differs(stated, value)
    ]


# ------------------------------------------------------------------------------------------ dossiers


def derive(tables: dict[str, list[StoredRow]], how: StoredRow) -> Any:
    """Derive a number by the query `how`.

    The query selects rows of `table` whose columns have the values in `where` (a list means any of its
    values) and lie within `at_least` and `at_most`. `take` is `count`; or `sum`, `least`, `most`, `value`
    (the one value) or `sorted` (all, descending) of `column`, without nulls; or `total`, the sum of the
    numbers in `of`. The result is multiplied by `times`. None where no row has a value, or `value` finds
    several. Raises `KeyError` for an unknown table or column, `ValueError` for an unknown `take`.
    """
    if how["take"] == "total":
        parts = [derive(tables, one) for one in how["of"]]
        return None if None in parts else sum(parts)
    rows = [row for row in tables[how["table"]] if is_meant(row, how)]
    take = how["take"]
    if take == "count":
        return len(rows)
    values = [numeric(row[how["column"]]) for row in rows if row[how["column"]] is not None]
    if take == "sorted":
        return sorted(values, reverse=True)
    if take not in ("sum", "least", "most", "value"):
        raise ValueError(take)
    if not values or (take == "value" and len(values) > 1):
        return None
    found = sum(values) if take == "sum" else min(values) if take == "least" else max(values)
    return found * how["times"] if "times" in how else found


def is_meant(row: StoredRow, how: StoredRow) -> bool:
    """Whether the query selects the row."""
    wanted = {name: one if isinstance(one, list) else [one] for name, one in how["where"].items()}
    return (
        all(row[name] in values for name, values in wanted.items())
        and all(numeric(row[name]) >= bound for name, bound in how.get("at_least", {}).items())
        and all(numeric(row[name]) <= bound for name, bound in how.get("at_most", {}).items())
    )


def numeric(value: Any) -> Any:
    """A number that stands as text in the tables, because JSON cannot represent it exactly; other values
    unchanged.
    """
    if isinstance(value, str):
        for number in (int, float):
            try:
                return number(value)
            except ValueError:
                continue
    return value


def posteriors(weighed: StoredRow) -> dict[str, float]:
    """Posterior probabilities of hypotheses from priors and log10 likelihood ratios of groups of items."""
    log10 = {
        name: math.log10(prior) + sum(group[name] for group in weighed["log10_ratios"])
        for name, prior in weighed["priors"].items()
    }
    top = max(log10.values())
    total = sum(10 ** (value - top) for value in log10.values())
    return {name: 10 ** (value - top) / total for name, value in log10.items()}


def overview_of(overview: StoredRow, inputs: Any) -> StoredRow:
    """The row of the table `overview` of which dossiers count: the scan's overview, and its number of input
    files. `inputs` are their digests, or digests by path.
    """
    digests = set(inputs.values() if isinstance(inputs, dict) else inputs)
    return {"candidates": overview.get("candidates"), "inputs": len(digests)}


def dossier_numbers(dossier: StoredRow, tables: dict[str, list[StoredRow]]) -> list[NumberCheck]:
    """Each number of a dossier with its stated and its derived value."""
    found: list[NumberCheck] = []
    for number in dossier["numbers"]:
        stated, derived = numeric(number["value"]), derive(tables, number["how"])
        if isinstance(stated, list) and isinstance(derived, list) and len(stated) == len(derived):
            found += [
                ("", f"{number['id']}[{n}]", a, b)
                for n, (a, b) in enumerate(zip(stated, derived, strict=True))
            ]
        else:
            found.append(("", number["id"], stated, derived))
    weighed = dossier.get("attribution")
    if weighed:
        probabilities = posteriors(weighed)
        found += [
            ("", f"probability of {name}", p, probabilities.get(name))
            for name, p in weighed["probabilities"].items()
        ]
    return found


def dossier_faults(files: PackageFiles, manifest: dict[str, Any]) -> tuple[int, list[FileFault]]:
    """Number of derived numbers of dossiers, and faults for those that differ."""
    tables = tables_of(files)
    if tables:
        tables["overview"] = [overview_of(manifest["overview"], manifest["inputs"])]
    count, faults = 0, []
    for name in sorted(one for one in files.names if one.startswith(DOSSIERS)):
        dossier = parse(files.read(name))
        if dossier["results"] != manifest["results"]["digest"]:
            faults.append((name, "it is a dossier of other results"))
        elif tables:
            derived = dossier_numbers(dossier, tables)
            count += len(derived)
            faults += dossier_wrong(name, derived)
    return count, faults


def dossier_wrong(name: str, derived: list[NumberCheck]) -> list[FileFault]:
    """One fault that lists the numbers of a dossier whose stated value differs from the derived one; empty
    without any.
    """
    off = [
        f"{what} is stated as {stated}, and {value} follows from the tables"
        for _t, what, stated, value in derived
        if differs(stated, value)
    ]
    return (
        [(name, "; ".join(off[:5]) + (f"; and {len(off) - 5} more" if len(off) > 5 else ""))] if off else []
    )


# ------------------------------------------------------------------------------------------ the command


def verify(path: Path, public: bytes | None = None) -> tuple[list[FileFault], list[str]]:
    """Verify a package; returns faults and notes.

    `public` is the expected public key, 32 bytes; None for the package's own.
    """
    files: PackageFiles = Zip(path) if path.is_file() else PackageFolder(path)
    faults = files.faults + listed_faults(files)
    named = {name for name, _what in faults}
    statement, signer, more = statement_of(files, public)
    if public is not None or not named & {
        PUBLIC,
        STATEMENT,
    }:  # the signature cannot be checked with a changed key or statement
        faults += more
    if statement and STATEMENT not in named:  # a changed statement is not evidence about other files
        faults += [one for one in statement_faults(files, statement) if one[0] not in named]
    said = [signer]
    try:
        manifest = parse(files.read(MANIFEST))
        said.insert(0, f"level {manifest['level']}, root of the tree {manifest['tree']['root']}")
        if not faults:
            faults += tree_faults(files, manifest, statement["predicate"])
            count, others = number_faults(files, manifest)
            faults += others
            said.append(f"{count} numbers follow from the tables")
            count, others = dossier_faults(files, manifest)
            faults += others
            if any(name.startswith(DOSSIERS) for name in files.names):
                said.append(f"{count} numbers of dossiers follow from the tables")
            has_sketches = any(name.startswith(SKETCHES) for name in files.names)
            said += [f"does not follow: {one}" for one in not_derived(manifest["level"], has_sketches)]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        if not faults:
            faults.append((MANIFEST, f"it cannot be followed ({type(error).__name__})"))
    if STAMP in files.names:
        said.append("the signature of the time stamp was not checked")
    return sorted(set(faults)), said


def main(arguments: list[str]) -> int:
    """Verify a package and print the result; returns the exit code."""
    public = None
    try:
        if "--public-key" in arguments:
            at = arguments.index("--public-key")
            public = key_of(Path(arguments[at + 1]).read_bytes())
            del arguments[at : at + 2]
        path = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
        if len(arguments) > 1 or not path.exists():
            raise ValueError(f"no package at {path}")
        faults, said = verify(path, public)
    except (OSError, ValueError, IndexError) as error:
        print(f"error: {error}; usage: python -I verify.py [PACKAGE] [--public-key KEY.pem]", file=sys.stderr)
        return 2
    for line in said:
        print(ascii(line)[1:-1])
    for name, what in faults:
        print(ascii(f"CHANGED {name}: {what}")[1:-1])
    print("changed" if faults else "whole")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
