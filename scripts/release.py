"""Audit of what is installed, list of parts, and packages that anyone can build again to the byte.

python scripts/release.py lock                  hashes of the files of every pinned version, by uv
python scripts/release.py audit                 known vulnerabilities of every pinned version
python scripts/release.py sbom OUT.json         CycloneDX, from the pinned versions
python scripts/release.py build OUT             wheel and source archive of HEAD, built twice and compared
"""

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TOGETHER = tuple(f"requirements{part}.txt" for part in ("", "-dev", "-docs", "-lab", "-torch"))
"""Locks that one environment is made of."""
# Locks whose files PyPI has: those and the ones that have an environment of their own, or stand before any.
OF_INDEX = (*TOGETHER, "requirements-release.txt", "requirements-uv.txt", "requirements-virtualenv.txt")
# All locks. The last has PyTorch's version in a file that PyPI does not have; its hash is written by hand.
LOCKS = (*OF_INDEX, "requirements-torch-cpu.txt")
LEAST_PYTHON = "3.11.2"  # that of Debian 12; every pinned version must support it
FOUND, NOT_ANSWERED = 4, 3  # exit codes of `audit`


def pins(lock: str) -> list[str]:
    """The pins of a lock in its order, `name==version` with `; marker` where there is one, without hashes."""
    lines = (ROOT / lock).read_text().splitlines()
    return [line.removesuffix("\\").strip() for line in lines if line and not line.startswith((" ", "#"))]


def lock() -> None:
    """Write the hashes of all files of every pinned version into the locks, as the index states them.

    A version is changed by hand; the hashes that stood below it are replaced.
    """
    for name in OF_INDEX:
        path = ROOT / name
        heading = [line for line in path.read_text().splitlines() if line.startswith("#")]
        run = subprocess.run(
            ["uv", "pip", "compile", "--quiet", "--no-deps", "--universal", "--python-version", LEAST_PYTHON,
             "--generate-hashes", "--no-annotate", "--no-header", "-"],
            check=True, stdout=subprocess.PIPE, text=True, input="\n".join(pins(name)),
        )  # fmt: skip
        path.write_text("\n".join(heading) + "\n" + run.stdout)


def verdict(report: dict[str, Any]) -> tuple[int, str]:
    """Exit code and sentence for a report of `pip-audit --format json`.

    A package of which the registry knows nothing was not audited, and is not counted as one without
    vulnerabilities.
    """
    every = report["dependencies"]
    audited = [one for one in every if "skip_reason" not in one]
    bad = [one for one in audited if one["vulns"]]
    if not audited:
        return (
            NOT_ANSWERED,
            f"the registry did not answer for any of {len(every)} packages: nothing was audited",
        )
    told = f"{len(audited)} of {len(every)} packages were audited, {len(bad)} with known vulnerabilities"
    for one in bad:
        for hole in one["vulns"]:
            fixed = ", ".join(hole["fix_versions"]) or "no version yet"
            told += f"\n  {one['name']} {one['version']}: {hole['id']}, fixed in {fixed}"
    return (FOUND if bad else 0), told


def audit() -> int:
    """Ask the registry about every pinned version; say plainly where it does not answer."""
    every: dict[str, dict[str, Any]] = {}
    for lock in OF_INDEX:
        command = [
            sys.executable,
            "-m",
            "pip_audit",
            "--no-deps",
            "--disable-pip",
            "--progress-spinner",
            "off",
        ]
        run = subprocess.run(
            [*command, "--format", "json", "-r", str(ROOT / lock)],
            check=False,
            capture_output=True,
            text=True,
        )
        try:
            every |= {
                one["name"] + one.get("version", ""): one for one in json.loads(run.stdout)["dependencies"]
            }
        except (json.JSONDecodeError, KeyError):
            last = (run.stderr.strip().splitlines() or ["no answer"])[-1]
            print(f"audit: nothing was audited, since pip-audit gave no report of {lock}: {last[:200]}")
            return NOT_ANSWERED
    code, told = verdict({"dependencies": list(every.values())})
    print(f"audit: {told}")
    return code


def sbom(out: Path) -> None:
    """The pinned versions as a CycloneDX list of parts; the same bytes each time."""
    out.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", "requirements", str(ROOT / "requirements.txt"), "--pyproject",
         str(ROOT / "pyproject.toml"), "--output-reproducible", "--output-file", str(out)],
        check=True,
    )  # fmt: skip


def packages(source: Path, out: Path, epoch: int) -> list[Path]:
    """Wheel and source archive of the tree `source`, with all times set to `epoch` (seconds since 1970)."""
    out.mkdir(parents=True)
    for path in source.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    code = (
        "import sys; out = sys.argv[1]; from setuptools import build_meta as b; b.build_wheel(out); "
        "b.build_sdist(out)"
    )
    environment = os.environ | {
        "SOURCE_DATE_EPOCH": str(epoch),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    run = subprocess.run(
        [sys.executable, "-c", code, str(out)],
        cwd=source,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    if run.returncode:
        raise SystemExit(run.stderr)
    for archive in out.glob("*.tar.gz"):
        archive.write_bytes(normal(archive.read_bytes(), epoch))
    return sorted(out.iterdir())


def normal(archive: bytes, epoch: int) -> bytes:
    """A gzipped tar with the same files, sorted, without times, owners and the permissions of who made it."""
    plain, packed = io.BytesIO(), io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive)) as before,
        tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as after,
    ):
        for member in sorted(before.getmembers(), key=lambda one: one.name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = epoch, 0, 0, "", ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.pax_headers = {}
            after.addfile(member, before.extractfile(member) if member.isfile() else None)
    with gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=epoch) as file:
        file.write(plain.getvalue())
    return packed.getvalue()


def checkout(commit: str, folder: Path) -> None:
    """The tree of a commit, with the permissions that git records."""
    folder.mkdir(parents=True)
    tree = subprocess.run(
        ["git", "archive", "--format=tar", commit], cwd=ROOT, check=True, capture_output=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(tree)) as archive:
        archive.extractall(folder, filter="data")


def build(out: Path, commit: str = "HEAD") -> list[str]:
    """Packages of a commit in `out`, with their SHA-256, after a second build elsewhere gave the same
    bytes.
    """
    epoch = int(
        subprocess.run(
            ["git", "log", "-1", "--format=%ct", commit], cwd=ROOT, check=True, capture_output=True
        ).stdout
    )
    with tempfile.TemporaryDirectory() as scratch:
        made = []
        for name in ("first", "second place"):
            checkout(commit, Path(scratch) / name / "tree")
            made.append(packages(Path(scratch) / name / "tree", Path(scratch) / name / "out", epoch))
        sums = []
        for one, other in zip(*made, strict=True):
            if one.name != other.name or one.read_bytes() != other.read_bytes():
                raise SystemExit(f"error: two builds of {one.name} differ")
            sums.append(f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}")
            out.mkdir(parents=True, exist_ok=True)
            (out / one.name).write_bytes(one.read_bytes())
    (out / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    return sums


def main(words: Sequence[str]) -> int:
    """Run one word."""
    match list(words):
        case ["lock"]:
            lock()
        case ["audit"]:
            return audit()
        case ["sbom", out]:
            sbom(Path(out))
        case ["build", out]:
            print("\n".join(build(Path(out))))
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
