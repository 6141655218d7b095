#!/usr/bin/env python3
"""Runs the Node clients against the development stack: `make test-interop`. They must be installed (`npm ci`)."""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

import stack  # noqa: E402

CLIENTS = ["verify_with_jose.mjs", "oauth4webapi.mjs", "openid_client.mjs", "resource_server.mjs"]

if __name__ == "__main__":
    with stack.running() as api:
        for client in CLIENTS:
            if subprocess.run(["node", HERE / client, api]).returncode:
                sys.exit(f"FAILED: {client}, see above")
    print(f"Clients in Node: {len(CLIENTS)} passed, 0 failed")
