"""The development stack for HTTP tests: started as by `make dev`, on free ports, with its own data."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

# How many seconds anything may take, on however busy a machine.
PATIENCE = 600
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


@contextlib.contextmanager
def running(**variables):
    """Runs `local up` with these variables and yields the API's URL. At the end it sends Ctrl-C and checks that no
    process remains."""
    with tempfile.TemporaryDirectory(prefix="holdfast-test-") as state:
        ports = {"API_PORT": str(free_port()), "DYNAMODB_PORT": str(free_port())}
        api = f"http://127.0.0.1:{ports['API_PORT']}"
        print(f"Starting the development stack at {api} …", flush=True)
        process = subprocess.Popen(
            ["cargo", "run", "--quiet", "--bin", "local", "--", "up"],
            cwd=ROOT, env={**os.environ, **ports, "LOCAL_DIR": state, "TIMEOUT_FACTOR": "1000", **variables}, start_new_session=True,
        )
        try:
            wait_until_it_answers(api, process)
            yield api
        finally:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                sys.exit("FAILED: the development stack did not end within ten minutes of Ctrl-C")
        left = left_behind(process.pid, ports["API_PORT"])
        if left:
            sys.exit(f"FAILED: these processes were left behind: {left}")


def wait_until_it_answers(api, process):
    began = time.monotonic()
    while time.monotonic() < began + 3 * PATIENCE:
        if process.poll() is not None:
            sys.exit(f"FAILED: the development stack ended by itself with code {process.returncode}")
        try:
            with urllib.request.urlopen(api + "/.well-known/oauth-authorization-server", timeout=PATIENCE):
                return
        except OSError:
            time.sleep(0.5)
    sys.exit("FAILED: the development stack did not answer within half an hour")


def left_behind(group, port):
    """The processes of the stack's group, and those that name its port."""
    listing = subprocess.run(["ps", "-A", "-o", "pgid=,args="], capture_output=True, text=True, check=True)
    processes = [line.split() for line in listing.stdout.splitlines()]
    return [" ".join(words) for words in processes if words[0] == str(group) or port in words[1:]]


def event(name):
    """A sample event from `events/`."""
    return json.loads((ROOT / f"events/{name}.json").read_text())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
