#!/usr/bin/env python3
"""Tests the running service against openapi.yaml: each example and documented refusal, then schemathesis's generated
requests.

    python tests/contract/contract.py

CONTRACT_SEED (fixed, so that runs are alike) and CONTRACT_EXAMPLES (20 per operation) vary the generated part.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import schemathesis
import yaml

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "harness"))

import docs_page  # noqa: E402
import hooks  # noqa: E402, F401
import replay  # noqa: E402
import service  # noqa: E402
import stack  # noqa: E402

# Unrouted methods never reach a function: API Gateway answers 404 instead of 405, and so does the development
# server. The functions' own tests check that they answer 405 if reached.
NOT_OURS = "unsupported_method"
DESCRIPTION = stack.ROOT / "openapi.yaml"
SEED = int(os.environ.get("CONTRACT_SEED", "20261124"))
# schemathesis chooses which links a round follows, depending on the answers: about one round in four misses one.
ROUNDS = 10


def main():
    dynamodb = stack.free_port()
    # One machine acts as all clients and logs in a lot: high limits, many sessions, cheap hashes.
    limits = ["LOGIN_IP", "LOGIN_GUESSES", "LOGIN_ACCOUNT", "LOGIN_ACCOUNT_DAY", "LOGIN_DEVICE"]
    limits += ["LIST", "REVOKE", "LOGOUT_ALL", "CLEANUP"]
    variables = {f"RATE_LIMIT_{name}": str(service.LIMIT) for name in limits}
    variables |= {"ARGON2_MEMORY_KIB": "8192", "ARGON2_ITERATIONS": "1", "MAX_SESSIONS_PER_USER": "200"}
    with tempfile.TemporaryDirectory(prefix="holdfast-contract-") as data:
        with stack.running(LOCAL_DIR=data, DYNAMODB_PORT=str(dynamodb), **variables) as api:
            target = service.Service(api, data, f"http://127.0.0.1:{dynamodb}")
            for email in [service.OTHER, service.INACTIVE]:
                target.admin("create_user", email, password=service.PASSWORD)
            target.switch_off(service.INACTIVE)
            description = yaml.load(DESCRIPTION.read_text(), yaml.CSafeLoader)
            checked = replay.replay(target, description, validator())
            print(f"Examples and refusals of openapi.yaml: {checked} passed, 0 failed", flush=True)
            print(f"The page of make docs: {docs_page.check(api)} passed, 0 failed", flush=True)
            # Outside the project, where new files make the development server restart functions.
            os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(pathlib.Path(data) / "hypothesis")
            explore(api, "examples,coverage,fuzzing,stateful", SEED)
            from_login(api, description, pathlib.Path(data) / "seen")


def validator():
    """Checks answers against the description: status, headers, media type, schema."""
    schema = schemathesis.openapi.from_path(str(DESCRIPTION))

    def validate(path, method, answer):
        schema[path][method].validate_response(answer)

    return validate


def explore(api, phases, seed, **variables):
    """Runs schemathesis with all checks but one."""
    examples = os.environ.get("CONTRACT_EXAMPLES", "20")
    command = [
        pathlib.Path(sys.executable).parent / "st", "--config-file", HERE / "schemathesis.toml",
        "run", DESCRIPTION, "--url", api, "--checks", "all", "--exclude-checks", NOT_OURS, "--phases", phases,
        "--max-examples", examples, "--seed", str(seed),
    ]
    variables |= {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE)}
    if subprocess.run(command, cwd=stack.ROOT, env={**os.environ, **variables}).returncode:
        sys.exit(f"FAILED: the service and openapi.yaml differ (see above; CONTRACT_SEED={seed} repeats it)")


def from_login(api, description, seen):
    """Runs chains of requests from a login until every operation that it links to has succeeded."""
    links = description["paths"]["/api/v1/auth/login"]["post"]["responses"]["200"]["links"]
    missed = {link["operationId"] for link in links.values()}
    for seed in range(SEED, SEED + ROUNDS):
        explore(api, "stateful", seed, CONTRACT_FROM_LOGIN=str(seen))
        missed -= set(seen.read_text().split())
        if not missed:
            return
    sys.exit(f"FAILED: no chain from a login led to a success of {sorted(missed)}, in {ROUNDS} rounds")


if __name__ == "__main__":
    main()
