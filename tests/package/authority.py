"""A time-stamping authority of the tests' own, which `openssl ts` runs."""

import subprocess

SETTINGS = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
[extensions]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
"""


def openssl(*arguments, data=None):
    run = subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, timeout=60)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


def authority_in(folder):
    folder.mkdir()
    (folder / "tsa.cnf").write_text(SETTINGS.format(folder=folder))
    (folder / "serial").write_text("01\n")
    for name in ("root", "tsa"):
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", folder / f"{name}.key")
    (folder / "req.cnf").write_text(
        "[req]\ndistinguished_name = dn\n[dn]\n[root]\nbasicConstraints = critical,CA:TRUE\nkeyUsage = "
        "critical,keyCertSign\n"
    )
    openssl(
        "req",
        "-x509",
        "-new",
        "-key",
        folder / "root.key",
        "-subj",
        "/CN=Root",
        "-days",
        "9",
        "-out",
        folder / "root.pem",
        "-config",
        folder / "req.cnf",
        "-extensions",
        "root",
    )
    openssl(
        "req",
        "-new",
        "-key",
        folder / "tsa.key",
        "-subj",
        "/CN=Authority",
        "-out",
        folder / "tsa.csr",
        "-config",
        folder / "req.cnf",
    )
    openssl(
        "x509",
        "-req",
        "-in",
        folder / "tsa.csr",
        "-CA",
        folder / "root.pem",
        "-CAkey",
        folder / "root.key",
        "-CAcreateserial",
        "-days",
        "9",
        "-extfile",
        folder / "tsa.cnf",
        "-extensions",
        "extensions",
        "-out",
        folder / "tsa.pem",
    )
    return folder
