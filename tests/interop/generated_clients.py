#!/usr/bin/env python3
"""Generates Kotlin, Swift and TypeScript clients from openapi.yaml as a mobile team would, compiles the TypeScript one
and runs a session with it against the development stack: `make test-interop`."""

import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

import stack  # noqa: E402

CLIENTS = stack.ROOT / "target/clients"
GENERATORS = {"kotlin": "Kotlin", "swift6": "Swift", "typescript-fetch": "TypeScript"}

# Warnings unrelated to the description, with reasons.
HARMLESS = [
    "OpenAPI 3.1 support is still in beta",  # the generator's; its output is tested here
    "Failed to get the schema name: null",  # strings in header and form schemas need no name
    # The generator tries the name of the parameter `type` on a model that it does not make, as is checked.
    "Type (reserved word) cannot be used as model name. Renamed to ModelType",
]


def generate(generator):
    """Generates one client. Fails on any but the harmless warnings."""
    out = CLIENTS / generator
    shutil.rmtree(out, ignore_errors=True)
    command = ["openapi-generator-cli", "generate", "-i", stack.ROOT / "openapi.yaml", "-g", generator, "-o", out]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    complaints = [line for line in done.stdout.splitlines()
                  if ("WARN" in line or " ERROR " in line) and not any(known in line for known in HARMLESS)]
    if done.returncode or complaints:
        sys.exit(f"FAILED: the {GENERATORS[generator]} client (exit code {done.returncode}):\n"
                 + "\n".join(complaints or done.stdout.splitlines()[:20]))
    if any("ModelType" in source.read_text() for source in out.rglob("*.swift")):
        sys.exit(f"FAILED: the {GENERATORS[generator]} client has a model that is called after a parameter")
    print(f"  ok  openapi-generator makes a {GENERATORS[generator]} client without a complaint", flush=True)
    return out


def compiled(client):
    """Compiles the walk with the client."""
    for name in ["walk.ts", "tsconfig.json"]:
        shutil.copy(HERE / name, client)
    tsc = HERE / "node_modules/typescript/bin/tsc"
    if subprocess.run(["node", tsc, "--project", client]).returncode:
        sys.exit("FAILED: the TypeScript client does not compile, see above")
    print("  ok  the TypeScript client compiles under strict rules", flush=True)
    return client / "compiled/walk.js"


if __name__ == "__main__":
    made = {generator: generate(generator) for generator in GENERATORS}
    walk = compiled(made["typescript-fetch"])
    with stack.running() as api:
        if subprocess.run(["node", walk, api]).returncode:
            sys.exit("FAILED: the walk of the TypeScript client, see above")
    print(f"Generated clients: {len(GENERATORS)} passed, 0 failed")
