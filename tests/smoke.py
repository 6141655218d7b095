#!/usr/bin/env python3
"""Starts every function's binary as Lambda does, with the environment that the template gives it, and calls each once.

    python3 tests/smoke.py                     the debug binaries (`cargo build --bins`)
    python3 tests/smoke.py .aws-sam/build      those of `sam build`, made for this machine's processor

The table is the development stack's, the secret a moto server's, Lambda's runtime API this script. It shows that each
binary starts with nothing but what the template gives it, answers, and writes lines that CloudWatch understands.
"""

import contextlib
import http.server
import json
import os
import pathlib
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time

import boto3
import yaml

import stack

ROOT = stack.ROOT
NAMESPACE = "Holdfast/smoke"


# --- What the template says -------------------------------------------------------------------------------------

class Tag(str):
    """An intrinsic function, as its text: `Ref Table`."""


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def intrinsic(loader, suffix, node):
    match node:
        case yaml.ScalarNode():
            return Tag(f"{suffix} {node.value}")
        case yaml.SequenceNode():
            return [suffix, *loader.construct_sequence(node, deep=True)]
        case _:
            return loader.construct_mapping(node, deep=True)


Loader.add_multi_constructor("!", intrinsic)
TEMPLATE = yaml.load((ROOT / "template.yaml").read_text(), Loader)
FUNCTIONS = {
    resource["Metadata"]["BuildProperties"]["Binary"]: (logical_id, resource["Properties"])
    for logical_id, resource in TEMPLATE["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
}


def environment(properties, known):
    """The variables that a function gets: those of all, and its own; parameters have their defaults."""
    def resolved(value):
        if isinstance(value, list) and value[0] == "If":
            return resolved(value[3])
        if not isinstance(value, Tag):
            return str(value)
        parameter = TEMPLATE["Parameters"].get(value.removeprefix("Ref "))
        return str(parameter["Default"]) if parameter else known[value]

    both = [TEMPLATE["Globals"]["Function"], properties]
    variables = {name: value for place in both for name, value in place.get("Environment", {}).get("Variables", {}).items()}
    return {name: resolved(value) for name, value in variables.items()}


# --- Lambda's side ----------------------------------------------------------------------------------------------

class Runtime(http.server.BaseHTTPRequestHandler):
    """The runtime API of one function, as far as a function without extensions sees it."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        event = self.server.events.get()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 60_000))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:123456789012:function:smoke")
        self.finish_with(event)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answers.put((self.path.rsplit("/", 1)[-1], json.loads(body)))
        self.send_response(202)
        self.finish_with(b"")

    def finish_with(self, body):
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class RuntimeServer(http.server.ThreadingHTTPServer):
    """Where a function gets its events and brings its answers."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Runtime)
        self.events, self.answers = queue.Queue(), queue.Queue()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        """A function that is ended drops its connection, and nothing else goes wrong here unnoticed."""


class Function:
    """A running function."""

    def __init__(self, name, binary, variables):
        self.name = name
        self.server = RuntimeServer()
        lambdas = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": f"smoke-{name}", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_LOG_GROUP_NAME": "", "AWS_LAMBDA_LOG_STREAM_NAME": "",
        }
        self.process = subprocess.Popen([binary], env={**lambdas, **variables}, stdout=subprocess.PIPE, text=True)

    def call(self, event):
        """Sends an event; gives what the function answers."""
        self.server.events.put(json.dumps(event).encode())
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(queue.Empty):
                kind, answer = self.server.answers.get(timeout=0.2)
                assert kind == "response", f"{self.name} failed: {answer}"
                return answer
            assert self.process.poll() is None, f"{self.name} ended with code {self.process.returncode}"
            assert time.monotonic() < deadline, f"{self.name} did not answer within a minute"

    def stop(self):
        """Ends it; gives its output and the most memory that it had, in MiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        self.process.kill()
        output = self.process.stdout.read()
        self.process.wait()
        self.server.shutdown()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return output, int(peak.split()[1]) / 1024


# --- The others' side -------------------------------------------------------------------------------------------

@contextlib.contextmanager
def table(folder):
    """The development stack's DynamoDB, with the table and the demo account."""
    port = str(stack.free_port())
    process = subprocess.Popen(
        ["cargo", "run", "--quiet", "--bin", "local", "--", "db"], cwd=ROOT, text=True, stdout=subprocess.PIPE,
        env={**os.environ, "DYNAMODB_PORT": port, "LOCAL_DIR": folder, "TABLE_NAME": "smoke"},
    )
    try:
        for line in process.stdout:
            if "is ready at" in line:
                break
        else:
            sys.exit("FAILED: the development stack's DynamoDB did not start")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


@contextlib.contextmanager
def secrets():
    """A Secrets Manager."""
    moto = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/harness/moto_server.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    try:
        yield moto.stdout.readline().strip()
    finally:
        moto.stdin.close()
        moto.wait(30)


# --- The calls --------------------------------------------------------------------------------------------------

def event(name, token=None, body=None):
    """An event out of `events/`."""
    value = json.loads((ROOT / f"events/{name}.json").read_text())
    if token:
        value["headers"]["authorization"] = f"Bearer {token}"
    if body:
        value["body"] = json.dumps(body)
    return value


def ok(answer):
    """The body of an HTTP answer, which must be a 200."""
    assert answer["statusCode"] == 200, answer
    return json.loads(answer["body"])


def calls():
    """Each function with its event, in an order in which each succeeds, from the empty secret of a first deployment on;
    is sent what the function answered."""
    replaced = yield "rotate-keys", {"emergency": True}
    assert replaced["ok"], replaced
    phone = ok((yield "login", event("login/json")))
    phone = ok((yield "refresh", event("refresh/json", body={"refresh_token": phone["refresh_token"]})))
    token = phone["access_token"]
    listed = ok((yield "list", event("list/list", token)))
    assert listed["total"] == 1 and listed["sessions"][0]["is_current"], listed
    assert len(ok((yield "activity", event("activity/first-page", token)))["events"]) >= 1
    allowed = yield "authorizer", event("authorizer/request", token)
    assert allowed["isAuthorized"], allowed
    ok((yield "cleanup", event("cleanup/cleanup", token)))
    unknown = yield "revoke", event("revoke/revoke", token)
    assert unknown["statusCode"] == 404, unknown
    ok((yield "logout-all", event("logout-all/except-current", token)))
    ok((yield "logout", event("logout/access-token", token)))
    assert len(ok((yield "jwks", event("jwks/jwks")))["keys"]) >= 2
    account = yield "admin", {"action": "get_user", "email": "demo@example.com"}
    assert account["ok"], account
    pruned = yield "prune", {}
    assert pruned["complete"], pruned


def check_lines(name, lines):
    """Its log is JSON without a warning; logins and refreshes are counted."""
    # That the keys were replaced by hand is a warning, and meant.
    bad = [line for line in lines if line.get("level") in ("WARN", "ERROR") and "emergency" not in line.get("message", "")]
    assert not bad, f"{name} warns: {bad}"
    counted = [line for line in lines if "_aws" in line]
    if name in ("login", "refresh"):
        assert counted[0]["Outcome"] == "succeeded" and counted[0]["Requests"] == 1, counted
        assert counted[0]["_aws"]["CloudWatchMetrics"][0]["Namespace"] == NAMESPACE, counted


def binary_of(name, folder):
    return str(folder / FUNCTIONS[name][0] / "bootstrap" if folder else ROOT / "target/debug" / name)


def main(folder):
    with tempfile.TemporaryDirectory(prefix="holdfast-smoke-") as state, table(state) as dynamodb, secrets() as moto:
        aws = {"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
               "AWS_ENDPOINT_URL_DYNAMODB": dynamodb, "AWS_ENDPOINT_URL_SECRETS_MANAGER": moto}
        client = boto3.client("secretsmanager", endpoint_url=moto, region_name="eu-central-1",
                              aws_access_key_id="local", aws_secret_access_key="local")
        known = {"Ref Table": "smoke", "Sub Holdfast/${AWS::StackName}": NAMESPACE,
                 "GetAtt HttpApi.ApiEndpoint": "https://auth.example.com",
                 "Ref SigningKeys": client.create_secret(Name="smoke", SecretString="{}")["ARN"]}
        passed, script, answer = set(), calls(), None
        while True:
            try:
                name, payload = script.send(answer)
            except StopIteration:
                break
            variables = {**aws, **environment(FUNCTIONS[name][1], known)}
            function = Function(name, binary_of(name, folder), variables)
            started = time.monotonic()
            answer = function.call(payload)
            took = time.monotonic() - started
            output, peak = function.stop()
            check_lines(name, [json.loads(line) for line in output.splitlines()])
            passed.add(name)
            print(f"  ok  {name}: started and answered in {took * 1000:.0f} ms, with at most {peak:.1f} MiB, "
                  f"and wrote {len(output)} bytes of log", flush=True)
    left_out = set(FUNCTIONS) - passed
    assert not left_out, f"not called: {left_out}"
    print(f"Every binary was started and called: {len(passed)} passed, 0 failed")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None)
