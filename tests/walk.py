#!/usr/bin/env python3
"""The whole session life over HTTP, as an app lives it.

    python3 tests/walk.py                     starts the development stack on free ports, walks, ends it
    API_URL=https://… python3 tests/walk.py   walks through a deployment

A deployment needs an account: E2E_EMAIL and E2E_PASSWORD, the demo account's by default. The walk logs it out
everywhere. Exit code 0 means that every answer was as documented.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
EMAIL = os.environ.get("E2E_EMAIL", "demo@example.com")
PASSWORD = os.environ.get("E2E_PASSWORD", "correct horse battery staple")
steps = 0


def call(api, method, path, body=None, token=None, headers=None):
    """Sends a request; answers status, headers and the JSON body."""
    headers = {"User-Agent": "holdfast-walk/1", **(headers or {})}
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(api + path, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.loads(error.read() or b"{}")


def expect(what, answer, status, code=None):
    """Checks one answer and shows that it was checked."""
    global steps
    got, _, body = answer
    if got != status or (code and body.get("code") != code):
        sys.exit(f"FAILED {what}: expected {status} {code or ''}, got {got} {body}")
    steps += 1
    print(f"  ok  {what}: {status} {code or ''}".rstrip(), flush=True)
    return body


def walk(api):
    def login(device, password=PASSWORD):
        body = {"email": EMAIL, "password": password, "device_name": device, "device_id": f"walk-{device}"}
        return call(api, "POST", "/api/v1/auth/login", body)

    def sessions(token):
        return call(api, "GET", "/api/v1/sessions/me", token=token)

    def refresh(token, key=None):
        headers = {"Idempotency-Key": key} if key else {}
        return call(api, "POST", "/api/v1/auth/refresh", {"refresh_token": token}, headers=headers)

    def logout_all(token, **body):
        return call(api, "POST", "/api/v1/auth/logout-all", body, token=token)

    expect("a wrong password is refused", login("phone", "wrong password"), 401, "invalid_credentials")
    phone = expect("the phone logs in", login("phone"), 200)
    expect("it starts from one session", logout_all(phone["access_token"], except_current=True), 200)
    tablet = expect("the tablet logs in", login("tablet"), 200)
    laptop = expect("the laptop logs in", login("laptop"), 200)

    listed = expect("the phone lists its sessions", sessions(phone["access_token"]), 200)
    names = sorted(session["device_name"] for session in listed["sessions"])
    assert names == ["laptop", "phone", "tablet"] and listed["total"] == 3, listed
    current = [session["id"] for session in listed["sessions"] if session["is_current"]]
    assert current == [phone["session_id"]], listed

    key = str(uuid.uuid4())
    second = expect("the phone refreshes", refresh(phone["refresh_token"], key), 200)
    again = expect("a repeat of the refresh succeeds", refresh(phone["refresh_token"], key), 200)
    assert second["session_id"] == again["session_id"] == phone["session_id"], again
    third = expect("the successor refreshes", refresh(again["refresh_token"]), 200)
    expect("the fresh access token lists", sessions(third["access_token"]), 200)

    path = f"/api/v1/sessions/{tablet['session_id']}"
    revoked = expect("the phone revokes the tablet", call(api, "DELETE", path, token=third["access_token"]), 200)
    assert revoked["message"] == "Session revoked: tablet", revoked
    expect("the tablet is logged out at once", sessions(tablet["access_token"]), 401, "session_revoked")
    expect("and cannot refresh", refresh(tablet["refresh_token"]), 401, "session_revoked")

    unknown = f"/api/v1/sessions/{uuid.uuid4()}"
    expect("nobody's session is not found", call(api, "DELETE", unknown, token=third["access_token"]), 404)
    cleaned = call(api, "DELETE", "/api/v1/sessions/me/expired", token=third["access_token"])
    expect("expired records are cleaned up", cleaned, 200)

    expect("a replayed ancestor is theft", refresh(phone["refresh_token"]), 401, "refresh_token_reused")
    expect("and ends the phone's session", sessions(third["access_token"]), 401, "session_revoked")
    expect("and no other", sessions(laptop["access_token"]), 200)

    body = {"refresh_token": laptop["refresh_token"]}
    for what in ["the laptop logs out", "a repeat of the logout succeeds"]:
        expect(what, call(api, "POST", "/api/v1/auth/logout", body), 200)
    expect("without a token nothing is shown", call(api, "GET", "/api/v1/sessions/me"), 401, "missing_token")
    keys = expect("the public keys are there", call(api, "GET", "/.well-known/jwks.json"), 200)
    assert keys["keys"] and all(k["kty"] == "EC" for k in keys["keys"]), keys


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def members(group):
    """The processes of a group, by /proc or ps."""
    listing = subprocess.run(["ps", "-A", "-o", "pgid=,pid=,args="], capture_output=True, text=True, check=True)
    return [line for line in listing.stdout.splitlines() if line.split()[0] == str(group)]


def with_stack():
    """Runs `local up` as `make dev` does, walks, presses Ctrl-C, and checks that nothing stays behind."""
    with tempfile.TemporaryDirectory(prefix="holdfast-walk-") as state:
        ports = {"API_PORT": str(free_port()), "DYNAMODB_PORT": str(free_port())}
        api = f"http://127.0.0.1:{ports['API_PORT']}"
        print(f"Starting the development stack at {api} …", flush=True)
        stack = subprocess.Popen(
            ["cargo", "run", "--quiet", "--bin", "local", "--", "up"],
            cwd=ROOT, env={**os.environ, **ports, "LOCAL_DIR": state}, start_new_session=True,
        )
        try:
            for _ in range(600):
                if stack.poll() is not None:
                    sys.exit(f"FAILED: the development stack ended by itself with code {stack.returncode}")
                try:
                    if call(api, "GET", "/.well-known/jwks.json")[0] == 200:
                        break
                except OSError:
                    pass
                time.sleep(0.5)
            else:
                sys.exit("FAILED: the development stack did not answer within five minutes")
            walk(api)
        finally:
            os.killpg(stack.pid, signal.SIGINT)
            try:
                stack.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(stack.pid, signal.SIGKILL)
                sys.exit("FAILED: the development stack did not end within 30 s of Ctrl-C")
        left = [line for line in members(stack.pid)] + [
            line for line in subprocess.run(["ps", "-A", "-o", "args="], capture_output=True, text=True).stdout.splitlines()
            if ports["API_PORT"] in line.split()
        ]
        if left:
            sys.exit(f"FAILED: these processes were left behind: {left}")
        expect("Ctrl-C leaves no process behind", (200, None, {}), 200)


if __name__ == "__main__":
    url = os.environ.get("API_URL")
    walk(url.rstrip("/")) if url else with_stack()
    print(f"The walk is done: {steps} passed, 0 failed")
