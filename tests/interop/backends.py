#!/usr/bin/env python3
"""The backends of docs/backend/, each with an issuer in place of Google's, against a development stack.

    python3 tests/interop/backends.py python        in `make test`
    python3 tests/interop/backends.py typescript    in `make test-interop`
"""

import contextlib
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

import stack  # noqa: E402

EXAMPLES = stack.ROOT / "docs/backend"
EMAIL, CLIENT_ID, NONCE = "demo@example.com", "com.example.app", "a-nonce-of-the-app"
checks = 0


def ok(what):
    global checks
    checks += 1
    print(f"  ok  {what}", flush=True)


class Issuer:
    """Signs ID tokens and serves its key."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        keys = json.dumps({"keys": [{**public, "kid": "1", "alg": "RS256", "use": "sig"}]}).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(keys)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def id_token(self, key=None, **claims):
        now = int(time.time())
        usual = {
            "iss": self.url, "aud": CLIENT_ID, "sub": "110169484474386276334", "iat": now, "exp": now + 3600,
            "nonce": NONCE, "email": EMAIL, "email_verified": True,
        }
        return jwt.encode({**usual, **claims}, key or self.key, algorithm="RS256", headers={"kid": "1"})


def command(language):
    if language == "python":
        return [sys.executable, EXAMPLES / "backend.py"]
    tsc = HERE / "node_modules/typescript/bin/tsc"
    # Beside node_modules, where it finds its libraries.
    out = HERE / "compiled"
    out.mkdir(exist_ok=True)
    shutil.copy(EXAMPLES / "backend.ts", out)
    if subprocess.run(["node", tsc, "--project", HERE / "tsconfig.backend.json"]).returncode:
        sys.exit("FAILED: docs/backend/backend.ts does not compile, see above")
    ok("the backend compiles under strict rules")
    return ["node", out / "backend.js"]


@contextlib.contextmanager
def running(language, api, issuer):
    """Runs the backend and yields its URL."""
    environment = {
        **os.environ, "ISSUER": issuer.url, "JWKS_URL": issuer.url + "/keys", "CLIENT_ID": CLIENT_ID, "PORT": "0",
        "TICKET_FUNCTION": "ticket", "AWS_ENDPOINT_URL_LAMBDA": api, "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
    }
    process = subprocess.Popen(command(language), env=environment, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        if "http://" not in line:
            sys.exit(f"FAILED: the backend does not start, but says {line!r}")
        yield line.split()[-1]
    finally:
        process.terminate()
        process.wait(stack.PATIENCE)


def post(url, body, headers=None):
    """Sends JSON; returns status and body."""
    headers = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=stack.PATIENCE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)


def walk(backend, api, issuer):
    def sign_in(token, nonce=NONCE):
        return post(backend + "/sign-in", {"id_token": token, "nonce": nonce})

    status, answer = sign_in(issuer.id_token())
    assert status == 200 and answer["expires_in"] == 60, answer
    ok("an ID token becomes a ticket")
    login = {"ticket": answer["ticket"], "device_name": "My phone"}
    key = {"Idempotency-Key": "5e1d0c6a-93f4-4b7e-8a35-0f4c2b9e7d18"}
    status, session = post(api + "/api/v1/auth/login", login, key)
    assert status == 200 and session["user"]["email"] == EMAIL, session
    ok("the ticket opens a session")
    status, again = post(api + "/api/v1/auth/login", login, key)
    assert status == 200 and again["session_id"] == session["session_id"], again
    ok("a repeat with the same key gets the same session")
    status, conflict = post(api + "/api/v1/auth/login", login)
    assert status == 409 and conflict["code"] == "refresh_conflict", conflict
    ok("somebody else with the ticket gets none")
    status, _ = sign_in(issuer.id_token(email_verified="true"))
    assert status == 200
    ok("an address that is verified as Apple says it will do")

    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = int(time.time())
    for what, token, nonce in [
        ("of another app", issuer.id_token(aud="com.example.another"), NONCE),
        ("of another issuer", issuer.id_token(iss="https://accounts.example.com"), NONCE),
        ("that has expired", issuer.id_token(iat=now - 7200, exp=now - 3600), NONCE),
        ("that somebody else signed", issuer.id_token(key=other), NONCE),
        ("of another sign-in", issuer.id_token(), "another-nonce"),
        ("with an address that nobody verified", issuer.id_token(email_verified=False), NONCE),
        ("of somebody without an account", issuer.id_token(email="nobody@example.com"), NONCE),
        ("that is none", "nonsense", NONCE),
    ]:
        status, answer = sign_in(token, nonce)
        assert status == 403 and "ticket" not in answer, (what, status, answer)
        ok(f"an ID token {what} is refused")
    status, answer = post(backend + "/sign-in", {"id_token": 5})
    assert status == 400, answer
    ok("a body without one is malformed")


if __name__ == "__main__":
    language = sys.argv[1]
    with stack.running() as api:
        issuer = Issuer()
        with running(language, api, issuer) as backend:
            walk(backend, api, issuer)
    print(f"The backend in {language}: {checks} passed, 0 failed")
