"""Releases are the same bytes wherever they are built, and an audit that audited nothing says so."""

import importlib.metadata
import io
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.scripts import script

ROOT = Path(__file__).parents[2]
release = script("release")


@pytest.mark.issue(21)
def test_two_builds_in_two_places_at_two_times_are_equal_to_the_byte(tmp_path):
    made = []
    for place, mode, time in (("one", 0o600, 1_600_000_000), ("another place", 0o664, 1_700_000_000)):
        tree = tmp_path / place / "tree"
        tree.mkdir(parents=True)
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, tree)
        shutil.copytree(
            ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
        for path in tree.rglob("*"):
            if path.is_file():
                path.chmod(mode)
                os.utime(path, (time, time))
        made.append(release.packages(tree, tmp_path / place / "out", 1_750_000_000))
    assert [path.suffix for path in made[0]] == [".whl", ".gz"]
    assert [path.name for path in made[0]] == [path.name for path in made[1]]
    for one, other in zip(*made, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


@pytest.mark.issue(21)
def test_an_archive_does_not_tell_who_made_it_when(tmp_path):
    archives = []
    for time, mode in ((1, 0o600), (2, 0o644)):
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w:gz") as archive:
            for name in ("b", "a") if time == 1 else ("a", "b"):
                one = tarfile.TarInfo(name)
                one.mtime, one.mode, one.uid, one.uname, one.size = time, mode, time, f"user{time}", 3
                archive.addfile(one, io.BytesIO(b"abc"))
        archives.append(release.normal(made.getvalue(), 7))
    assert archives[0] == archives[1]


@pytest.mark.issue(21)
def test_packages_that_the_registry_does_not_know_were_not_audited():
    skipped = {"name": "a", "skip_reason": "Dependency not found on PyPI"}
    good = {"name": "b", "version": "1", "vulns": []}
    bad = {"name": "c", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}
    code, told = release.verdict({"dependencies": [skipped, skipped]})
    assert (code, "nothing was audited" in told) == (release.NOT_ANSWERED, True)
    code, told = release.verdict({"dependencies": [skipped, good]})
    assert (code, "1 of 2" in told) == (0, True)
    code, told = release.verdict({"dependencies": [good, bad]})
    assert (code, "c 2: CVE-1, fixed in 3" in told) == (release.FOUND, True)


PIN = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!_-]+( ; [^\\#]+)?")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}")


def name_of(pin):
    """A pin's name as the index writes it."""
    return re.sub(r"[-_.]+", "-", pin.split("==")[0]).lower()


@pytest.mark.issue(21)
def test_every_lock_pins_every_package_to_one_version_and_states_hashes_of_its_files():
    assert sorted(release.LOCKS) == sorted(path.name for path in ROOT.glob("requirements*.txt"))
    for lock in release.LOCKS:
        text = "".join(line for line in (ROOT / lock).open() if not line.startswith("#"))
        for block in re.split(r"\n(?=\S)", text.strip()):
            pin, *hashes = (line.removesuffix(" \\") for line in block.splitlines())
            assert PIN.fullmatch(pin), f"{lock}: {pin}"
            assert hashes, f"{lock}: {pin} has no hash"
            for one in hashes:
                assert HASH.fullmatch(one), f"{lock}: {pin}: {one}"


@pytest.mark.issue(21)
def test_dev_installs_no_lock_without_its_hashes_and_no_package_without_a_lock():
    text = (ROOT / "dev").read_text().replace("\\\n", " ")
    assert re.search(r"^locked='--require-hashes --no-deps --only-binary :all:'$", text, re.MULTILINE)
    calls = [
        one
        for line in text.splitlines()
        for one in re.split(r"\|\||&&|;|\bthen\b|\{", line.split(" # ")[0])
        if re.search(r"\b(pip_)?install ", one) and not re.search(r"apt|npm|unpack_debian|^\s*(#|say)", one)
    ]
    assert sum("-r " in one for one in calls) >= 9
    for one in calls:
        if '"$@"' in one:  # the two functions through which all of them go
            continue
        own = "-e ." in one or "--no-index" in one  # this package, and the pip that Debian brings
        assert own or ("$locked" in one and "-r " in one), one


@pytest.mark.issue(22)
def test_locks_that_are_installed_together_agree():
    pins: dict[str, set[str]] = {}
    for lock in release.TOGETHER:
        for pin in release.pins(lock):
            pins.setdefault(name_of(pin), set()).add(pin.split("==")[1].split(" ")[0])
    assert {name: versions for name, versions in pins.items() if len(versions) > 1} == {}
    (torch,) = pins["torch"]
    assert release.pins("requirements-torch-cpu.txt") == [f"torch=={torch}+cpu"]


def installed(names):
    """The installed packages of these names: all of requirements.txt at least, and not those of locks that
    are not installed here or of packages for another system.
    """
    found = []
    for name in sorted(names):
        try:
            found.append(importlib.metadata.distribution(name))
        except importlib.metadata.PackageNotFoundError:
            continue
    assert len(found) >= len(release.pins("requirements.txt"))
    return found


@pytest.mark.issue(21)
def test_locks_name_all_that_their_packages_require():
    """They are installed without a search for what is required, so nothing else would bring it."""
    requirements = pytest.importorskip("packaging.requirements")
    named = {name_of(pin) for lock in release.TOGETHER for pin in release.pins(lock)}
    missing = set()
    for one in installed(named - {"torch"}):
        for text in one.requires or ():
            need = requirements.Requirement(text)
            applies = need.marker is None or need.marker.evaluate({"extra": ""})
            if applies and name_of(need.name) not in named:
                missing.add(f"{need.name}, of {one.name}")
    assert missing == set()


@pytest.mark.issue(21)
def test_every_pinned_version_runs_on_the_python_of_debian_12():
    specifiers = pytest.importorskip("packaging.specifiers")
    assert release.LEAST_PYTHON == "3.11.2"
    named = {name_of(pin) for lock in release.TOGETHER for pin in release.pins(lock)}
    needs = {f"{one.name}=={one.version}": one.metadata["Requires-Python"] for one in installed(named)}
    assert {
        pin: python
        for pin, python in needs.items()
        if python and not specifiers.SpecifierSet(python).contains(release.LEAST_PYTHON)
    } == {}


@pytest.mark.issue(21)
def test_the_words_for_releases_are_in_the_program_of_words():
    told = subprocess.run(["sh", str(ROOT / "dev"), "help"], capture_output=True, text=True).stdout
    for word in ("lock", "audit", "sbom", "release"):
        assert re.search(rf"^  {word} ", told, re.MULTILINE)
    assert "./dev audit" in (ROOT / ".ci/run").read_text()
    # pip-audit asks pip for its version; without one in its environment it gives no report at all
    assert any(pin.startswith("pip==") for pin in release.pins("requirements-release.txt"))
