#!/usr/bin/env python3
"""The signing keys' life cycle over HTTP: the development stack with a Secrets Manager (moto) whose secret is as in
the template, and its rotation function, invoked step by step.

    python3 tests/contract/keys_walk.py
"""

import contextlib
import pathlib
import subprocess
import sys
import time
import uuid

import boto3

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "harness"))

import stack  # noqa: E402
from walk import EMAIL, PASSWORD, call, expect  # noqa: E402

STEPS = ["create-secret", "set-secret", "test-secret", "finish-secret"]
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:rotate-keys"


@contextlib.contextmanager
def moto():
    """Runs moto. Yields its URL."""
    script = pathlib.Path(__file__).resolve().parent.parent / "harness/moto_server.py"
    server = subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield server.stdout.readline().strip()
    finally:
        server.stdin.close()
        server.wait(10)


def walk(api, secrets, secret):
    def login():
        return call(api, "POST", "/api/v1/auth/login", {"email": EMAIL, "password": PASSWORD, "device_id": "keys"})

    def sessions(token):
        return call(api, "GET", "/api/v1/sessions/me", token=token)

    def invoke(what, event):
        path = "/2015-03-31/functions/rotate-keys/invocations"
        answer = expect(what, call(api, "POST", path, event), 200)
        assert answer.get("ok") is True, answer
        return answer

    def rotate():
        token = str(uuid.uuid4())
        rules = {"AutomaticallyAfterDays": 30}
        secrets.rotate_secret(
            SecretId=secret, ClientRequestToken=token, RotationLambdaARN=FUNCTION, RotationRules=rules
        )
        for step in STEPS:
            event = stack.event(f"rotate-keys/{step}") | {"SecretId": secret, "ClientRequestToken": token}
            invoke(f"Secrets Manager asks for {step}", event)

    refused = login()
    expect("before there are keys, nobody logs in", refused, 503, "unavailable")
    rotate()
    time.sleep(int(refused[1]["Retry-After"]))
    first = expect("after the first rotation, everybody does", login(), 200)
    rotate()
    expect("after the next one, the old token still lists", sessions(first["access_token"]), 200)
    second = expect("and logins go on", login(), 200)
    answer = invoke("in an emergency the keys are replaced", stack.event("rotate-keys/emergency"))
    assert len(answer["dropped"]) == 3, answer
    third = expect("and the next login is signed with a new one", login(), 200)
    assert len({token["access_token"].split(".")[0] for token in [first, second, third]}) == 3


if __name__ == "__main__":
    with moto() as endpoint:
        aws = {"endpoint_url": endpoint, "region_name": "us-east-1"}
        secrets = boto3.client("secretsmanager", aws_access_key_id="x", aws_secret_access_key="x", **aws)
        secret = secrets.create_secret(Name="SigningKeys", SecretString="{}")["ARN"]
        with stack.running(AWS_ENDPOINT_URL_SECRETS_MANAGER=endpoint, SIGNING_KEYS_SECRET_ID=secret) as api:
            walk(api, secrets, secret)
    print("The keys' walk is done: 0 failed")
