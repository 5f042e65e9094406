#!/usr/bin/env python3
"""func-e.py VERSION: executes README.md's local recipe word for word with func-e, and sends it two tokens.

The commands are read from README.md itself, so what stands there is what runs. Keys are made fresh for each run.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
GATEWAY = "http://127.0.0.1:10000/"
PATIENCE = 60


def recipe():
    """The commands between the two headings, in order."""
    text = (ROOT / "README.md").read_text()
    section = text.split("## Protect your first route")[1].split("\n## ")[0]
    commands = re.findall(r"^    (.+)$", section, re.MULTILINE)
    issuer, wasm, gateway, *requests = commands
    if issuer != "just issuer" or wasm != "just wasm" or gateway != "func-e run -c envoy/minimal.yaml":
        sys.exit(f"func-e: README.md's recipe is not the one this script knows: {commands}")
    if len(requests) != 2 or not all(request.startswith("curl -i ") and GATEWAY in request for request in requests):
        sys.exit(f"func-e: README.md shows other requests than a good and a bad token: {requests}")
    return issuer, wasm, gateway, requests


def install(version):
    """func-e of `version` in .tools, built from the Go module proxy. Quick when it is there."""
    folder = TOOLS / f"func-e-{version}"
    binary = folder / "func-e"
    if not binary.exists():
        if shutil.which("go") is None:
            sys.exit("func-e: building it needs Go 1.24 or newer; install golang")
        print(f"func-e: building {version} into .tools (once)", flush=True)
        environment = {**os.environ, "GOBIN": str(folder)}
        module = f"github.com/tetratelabs/func-e/cmd/func-e@{version}"
        subprocess.run(["go", "install", module], check=True, env=environment)
    return folder


class Running:
    """A command of the recipe in a process group of its own; ended when the block is left."""

    def __init__(self, command, environment):
        self.command = command
        print(f"$ {command}", flush=True)
        self.log = TARGET / f"func-e-{command.split()[0]}.log"
        self.process = subprocess.Popen(
            command,
            shell=True,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, fault, *_):
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
                self.process.wait(timeout=15)
                break
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        if fault:
            print(f"--- {self.command}\n" + "\n".join(self.log.read_text().splitlines()[-40:]), file=sys.stderr)

    def until(self, what, probe):
        """Waits until `probe` is true, as long as the command runs."""
        deadline = time.monotonic() + PATIENCE
        while not probe():
            if self.process.poll() is not None:
                raise SystemExit(f"func-e: {self.command} ended with {self.process.returncode}")
            if time.monotonic() > deadline:
                raise SystemExit(f"func-e: waited {PATIENCE} s in vain: {what}")
            time.sleep(0.05)


def status(url, headers):
    """The status of an answer, or None without one."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def send(command):
    """Does what the curl command says: its header and its URL."""
    header, path = re.search(r'-H "([^$"]+)\$\(cat ([^)]+)\)"', command).groups()
    name, prefix = header.split(": ")
    token = (TARGET / Path(path).relative_to("target")).read_text()
    print(f"$ {command}", flush=True)
    return status(GATEWAY, {name: prefix + token})


def main():
    version = sys.argv[1]
    issuer, wasm, gateway, requests = recipe()
    folder = install(version)
    environment = {
        **os.environ,
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "ENVOY_PATH": (TOOLS / "envoy-path").read_text().strip(),
        "FUNC_E_DATA_HOME": str(TARGET / "func-e"),
        "FUNC_E_STATE_HOME": str(TARGET / "func-e"),
        "FUNC_E_CONFIG_HOME": str(TARGET / "func-e"),
    }
    tokens = [TARGET / "issuer" / name for name in ("good.jwt", "bad.jwt")]
    for token in tokens:
        token.unlink(missing_ok=True)
    print(f"$ {wasm}", flush=True)
    subprocess.run(wasm, shell=True, cwd=ROOT, check=True)
    with Running(issuer, environment) as server:
        server.until("the issuer's tokens", lambda: all(token.exists() for token in tokens))
        server.until("the issuer's keys", lambda: status("http://127.0.0.1:18080/keys", {}) == 200)
        with Running(gateway, environment) as envoy:
            envoy.until("the gateway", lambda: status(GATEWAY, {}) == 401)
            for request, wanted in zip(requests, (200, 401)):
                got = send(request)
                print(f"  answered {got}", flush=True)
                if got != wanted:
                    raise SystemExit(f"func-e: expected {wanted}")
    print("== just test-func-e: the README's recipe works, 2 passed")


main()
