#!/usr/bin/env python3
"""Refreshes, revokes and introspects with Authlib, against a development stack of its own: part of `make test-interop`."""

import os
import pathlib
import sys

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))

import stack  # noqa: E402

ACCOUNT = {"email": "demo@example.com", "password": "correct horse battery staple", "device_name": "Authlib"}
SECRET = "introspection-secret-of-every-developer"
checks = 0


def ok(what):
    global checks
    checks += 1
    print(f"  ok  Authlib {what}", flush=True)


def walk(api):
    metadata = requests.get(api + "/.well-known/oauth-authorization-server", timeout=stack.PATIENCE).json()
    login = requests.post(metadata["login_endpoint"], json=ACCOUNT, timeout=stack.PATIENCE).json()
    renewed = []
    app = OAuth2Session(
        "mobile", token_endpoint=metadata["token_endpoint"], token_endpoint_auth_method="none",
        revocation_endpoint_auth_method="none", token=login, default_timeout=stack.PATIENCE,
        update_token=lambda token, **_: renewed.append(token),
    )
    tokens = app.refresh_token(metadata["token_endpoint"], login["refresh_token"])
    assert tokens["session_id"] == login["session_id"], tokens
    assert renewed, "the app is told of its new tokens, to store them"
    ok("refreshes, and hands the new pair to the app")
    answer = app.get(api + "/api/v1/sessions/me")
    assert answer.status_code == 200 and answer.json()["total"] >= 1, answer.text
    ok("sends the access token along")

    service = OAuth2Session("orders-api", SECRET, default_timeout=stack.PATIENCE)
    asked = lambda: service.introspect_token(metadata["introspection_endpoint"], token=tokens["access_token"]).json()
    assert asked()["sid"] == login["session_id"]
    ok("introspects an active token")
    answer = app.revoke_token(metadata["revocation_endpoint"], token=tokens["refresh_token"])
    assert answer.status_code == 200, answer.text
    ok("revokes")
    assert asked() == {"active": False}
    ok("is told that the session is over")
    try:
        app.refresh_token(metadata["token_endpoint"], tokens["refresh_token"])
    except OAuthError as refusal:
        assert refusal.error == "invalid_grant", refusal
        ok("reads invalid_grant after a logout")
    else:
        sys.exit("FAILED: Authlib refreshed a session that is over")


if __name__ == "__main__":
    # The development stack has no TLS.
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    with stack.running() as api:
        walk(api)
    print(f"Authlib: {checks} passed, 0 failed")
