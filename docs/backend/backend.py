"""A backend that opens sessions for Sign in with Google or Apple: it takes an ID token and gives a ticket.

    pip install 'PyJWT[crypto]' boto3
    ISSUER=https://accounts.google.com JWKS_URL=https://www.googleapis.com/oauth2/v3/certs \\
        CLIENT_ID=… TICKET_FUNCTION=… python backend.py

For Apple: ISSUER=https://appleid.apple.com JWKS_URL=https://appleid.apple.com/auth/keys, and CLIENT_ID is the app's bundle
id. On the development stack: TICKET_FUNCTION=ticket AWS_ENDPOINT_URL_LAMBDA=http://127.0.0.1:9000, and any AWS_REGION and
keys.

The app sends {"id_token": "…", "nonce": "…"} to POST /sign-in, the nonce being the random one that it began the sign-in
with, and logs in with the ticket it gets.
"""

import http.server
import json
import os
import traceback

import boto3
import jwt

ISSUER, CLIENT_ID = os.environ["ISSUER"], os.environ["CLIENT_ID"]
KEYS = jwt.PyJWKClient(os.environ["JWKS_URL"])
LAMBDA = boto3.client("lambda")


class Refused(Exception):
    """The sign-in opens no session."""


def verified(id_token, nonce):
    """The claims of an ID token of this issuer, for this app and this sign-in (OpenID Connect Core §3.1.3.7)."""
    try:
        key = KEYS.get_signing_key_from_jwt(id_token)
        claims = jwt.decode(
            id_token, key, algorithms=["RS256"], issuer=ISSUER, audience=CLIENT_ID, leeway=60,
            options={"require": ["exp", "iat", "sub", "nonce"]},
        )
    except jwt.PyJWKClientConnectionError:
        raise
    except jwt.PyJWTError as error:
        raise Refused(f"the ID token is not valid: {error}") from error
    if claims["nonce"] != nonce:
        raise Refused("the ID token is of another sign-in")
    return claims


def account_of(claims):
    """Which account it is. Here: that of the address, if the issuer has verified it. If addresses can change hands, keep a
    table of your own from `sub` to the account's id, and return {"user_id": …}."""
    # Apple writes a text.
    if claims.get("email_verified") not in (True, "true"):
        raise Refused("the issuer has not verified the address")
    return {"email": claims["email"]}


def ticket_for(account):
    """Asks Holdfast for a ticket. Retrying is harmless: a ticket that nobody has opens nothing."""
    answer = LAMBDA.invoke(FunctionName=os.environ["TICKET_FUNCTION"], Payload=json.dumps(account))
    result = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise RuntimeError(f"ticket failed: {result}")
    if result["ok"]:
        return {"ticket": result["ticket"], "expires_in": result["expires_in"]}
    code = result["error"]["code"]
    # Whoever signs in for the first time could be given an account here: invoke `admin` with `create_user`.
    if code in ("not_found", "account_inactive"):
        raise Refused(code)
    raise RuntimeError(f"ticket failed: {code}")


class Backend(http.server.BaseHTTPRequestHandler):
    """Your framework's routes go here."""

    def do_POST(self):
        try:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != "/sign-in":
                return self.answer(404, {"error": "there is nothing at this path"})
            claims = verified(body["id_token"], body["nonce"])
            self.answer(200, ticket_for(account_of(claims)))
        except Refused as refusal:
            self.answer(403, {"error": str(refusal)})
        except (ValueError, KeyError, TypeError):
            self.answer(400, {"error": "send a JSON object with id_token and nonce"})
        except Exception:
            traceback.print_exc()
            self.answer(500, {"error": "something went wrong"})

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Backend)
    print(f"Listening at http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
