#!/usr/bin/env python3
"""The whole session life cycle over HTTP, as in an app.

    python3 tests/contract/walk.py                     runs against its own development stack, on free ports
    API_URL=https://… python3 tests/contract/walk.py   runs against a deployment

A deployment needs an account: E2E_EMAIL and E2E_PASSWORD, by default the demo account. The walk logs it out
everywhere. Exit code 0 means that every answer was as documented.
"""

import json
import os
import pathlib
import subprocess
import sys
import urllib.error
import urllib.request
import uuid

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "harness"))

import stack  # noqa: E402

EMAIL = os.environ.get("E2E_EMAIL", "demo@example.com")
PASSWORD = os.environ.get("E2E_PASSWORD", "correct horse battery staple")
steps = 0


def call(api, method, path, body=None, token=None, headers=None):
    """Sends a request. Returns status, headers and JSON body."""
    headers = {"User-Agent": "holdfast-walk/1", **(headers or {})}
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(api + path, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=600) as answer:
            return answer.status, answer.headers, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.loads(error.read() or b"{}")


def expect(what, answer, status, code=None):
    """Checks an answer and prints that it did."""
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

    def activity(query):
        return call(api, "GET", f"/api/v1/sessions/me/activity?{query}", token=third["access_token"])

    page = expect("the phone reads what happened", activity("limit=1"), 200)
    assert [(e["type"], e["device_name"]) for e in page["events"]] == [("session_revoked", "tablet")], page
    older = expect("and what happened before", activity(f"limit=1&cursor={page['next_cursor']}"), 200)
    assert [(e["type"], e["device_name"]) for e in older["events"]] == [("login_succeeded", "laptop")], older
    expect("a cursor that was altered is refused", activity("cursor=x"), 422, "validation_failed")
    logins = expect("the phone reads of logins only", activity("type=login_succeeded&type=login_failed"), 200)
    assert logins["events"], logins
    assert {event["type"] for event in logins["events"]} <= {"login_succeeded", "login_failed"}, logins

    path = f"/api/v1/sessions/{phone['session_id']}"
    for name, shown in [("Anna's phone", "Anna's phone"), (None, "phone")]:
        named = expect("the phone gets a name, and loses it",
                       call(api, "PATCH", path, {"device_name": name}, token=third["access_token"]), 200)
        assert named["device_name"] == shown and named["is_current"], named

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
    metadata = call(api, "GET", "/.well-known/oauth-authorization-server")
    metadata = expect("and so is the metadata", metadata, 200)
    assert metadata["jwks_uri"] == metadata["issuer"] + "/.well-known/jwks.json", metadata
    assert keys["keys"] and all(k["kty"] == "EC" for k in keys["keys"]), keys


def ask_authorizer(api):
    """Invokes `authorizer` as API Gateway would, before and after a logout."""
    body = {"email": EMAIL, "password": PASSWORD, "device_name": "authorizer"}
    login = expect("a phone logs in", call(api, "POST", "/api/v1/auth/login", body), 200)
    event = stack.event("authorizer/request")
    event["headers"]["authorization"] = f"Bearer {login['access_token']}"

    def ask(what, allowed):
        answer = call(api, "POST", "/2015-03-31/functions/authorizer/invocations", event)
        assert expect(what, answer, 200)["isAuthorized"] is allowed, answer

    ask("the authorizer allows its token elsewhere", True)
    logout = call(api, "POST", "/api/v1/auth/logout", token=login["access_token"])
    expect("the phone logs out", logout, 200)
    ask("and refuses it at once", False)


def walk_locally():
    with stack.running() as api:
        walk(api)
        ask_authorizer(api)
        prune(api)
    expect("Ctrl-C leaves no process behind", (200, None, {}), 200)


def prune(api):
    """Invokes prune like its schedule. In a new table, nothing is past retention."""
    invoke = ["cargo", "lambda", "invoke", "prune", "--data-file", "events/prune/schedule.json"]
    environment = {**os.environ, "API_PORT": api.rsplit(":", 1)[1]}
    answer = subprocess.run(invoke, cwd=stack.ROOT, env=environment, capture_output=True, text=True)
    report = json.loads(answer.stdout) if answer.returncode == 0 else {}
    pruned = report.get("complete") is True and report["events_removed"] == 0
    expect("the schedule's event prunes", (200 if pruned else 500, None, report or answer.stderr), 200)


if __name__ == "__main__":
    url = os.environ.get("API_URL")
    walk(url.rstrip("/")) if url else walk_locally()
    print(f"The walk is done: {steps} passed, 0 failed")
