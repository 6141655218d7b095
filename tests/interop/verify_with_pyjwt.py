#!/usr/bin/env python3
"""Verifies access tokens over HTTP with PyJWT, as another service of the app would.

    python3 tests/interop/verify_with_pyjwt.py                     against a development stack of its own
    API_URL=https://… python3 tests/interop/verify_with_pyjwt.py   against a deployment (E2E_EMAIL, E2E_PASSWORD, AUDIENCE)
"""

import json
import os
import pathlib
import sys
import urllib.parse
import urllib.request

import jwt

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))

import stack  # noqa: E402

EMAIL = os.environ.get("E2E_EMAIL", "demo@example.com")
PASSWORD = os.environ.get("E2E_PASSWORD", "correct horse battery staple")
AUDIENCE = os.environ.get("AUDIENCE", "holdfast")
REQUIRED = ["iss", "aud", "sub", "sid", "jti", "iat", "exp", "client_id", "auth_time"]
checks = 0


def read(url, body=None, content_type="application/json"):
    """The JSON at a URL, or the answer to a POST."""
    headers = {"User-Agent": "holdfast-interop/1", "Content-Type": content_type}
    request = urllib.request.Request(url, data=body and body.encode(), headers=headers)
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)


def ok(what):
    global checks
    checks += 1
    print(f"  ok  PyJWT {what}", flush=True)


def verify(api):
    metadata = read(api + "/.well-known/oauth-authorization-server")
    keys = jwt.PyJWKClient(metadata["jwks_uri"], timeout=600)

    def decode(token, audience=AUDIENCE, issuer=metadata["issuer"], typ="at+jwt"):
        key = keys.get_signing_key_from_jwt(token)
        algorithms = metadata["access_token_signing_alg_values_supported"]
        decoded = jwt.decode_complete(
            token, key, algorithms=algorithms, audience=audience, issuer=issuer, options={"require": REQUIRED}
        )
        if decoded["header"].get("typ") != typ:
            raise jwt.InvalidTokenError(f"typ is {decoded['header'].get('typ')!r}, not {typ!r}")
        return decoded["payload"]

    def refuses(what, error, token, **expected):
        try:
            decode(token, **expected)
        except error:
            return ok(f"refuses {what}")
        sys.exit(f"FAILED: PyJWT accepts {what}")

    credentials = {"email": EMAIL, "password": PASSWORD, "device_name": "PyJWT"}
    login = read(metadata["login_endpoint"], json.dumps(credentials))
    payload = decode(login["access_token"])
    assert (payload["sid"], payload["sub"]) == (login["session_id"], login["user"]["id"]), payload
    ok("verifies an access token of a login")

    form = urllib.parse.urlencode({"grant_type": "refresh_token", "refresh_token": login["refresh_token"]})
    refreshed = read(metadata["token_endpoint"], form, "application/x-www-form-urlencoded")
    decode(refreshed["access_token"])
    ok("verifies an access token of a refresh")

    access, refresh = login["access_token"], refreshed["refresh_token"]
    refuses("another audience", jwt.InvalidAudienceError, access, audience="elsewhere")
    refuses("another issuer", jwt.InvalidIssuerError, access, issuer="https://elsewhere.example.com")
    refuses("a refresh token for its claims", jwt.MissingRequiredClaimError, refresh)
    refuses("an access token for its typ", jwt.InvalidTokenError, access, typ="rt+jwt")
    header, body, signature = access.split(".")
    other = ("B" if signature[0] == "A" else "A") + signature[1:]
    refuses("an altered signature", jwt.InvalidSignatureError, f"{header}.{body}.{other}")


if __name__ == "__main__":
    url = os.environ.get("API_URL")
    if url:
        verify(url.rstrip("/"))
    else:
        with stack.running() as api:
            verify(api)
    print(f"PyJWT is done: {checks} passed, 0 failed")
