"""The service under test, and what only a test can do to it: forge an expired token, expire a session."""

import base64
import contextlib
import json
import pathlib
import time

import boto3
import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

EMAIL = "demo@example.com"
OTHER = "other@example.com"
INACTIVE = "inactive@example.com"
# Far above what the tests send, but on: answers report it.
LIMIT = 1_000_000
PASSWORD = "correct horse battery staple"
# The development stack's.
INTROSPECTION = "Basic " + base64.b64encode(b"contract:introspection-secret-of-every-developer").decode()


class Service:
    """A development stack at `api`, its data in `data`, its table at `dynamodb`."""

    def __init__(self, api, data, dynamodb):
        self.api = api
        keys = json.loads((pathlib.Path(data) / "signing-keys.json").read_text())
        self.key = serialization.load_der_private_key(base64.b64decode(keys["current"]), None)
        access = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
        resource = boto3.resource("dynamodb", endpoint_url=dynamodb, region_name="us-east-1", **access)
        self.table = resource.Table("holdfast")

    def send(self, method, path, headers=None, body=None):
        """Sends a request."""
        return requests.request(method, self.api + path, headers=headers, data=body, timeout=600)

    def send_json(self, path, body):
        answer = self.send("POST", path, {"Content-Type": "application/json"}, json.dumps(body))
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def admin(self, action, email, **more):
        """Invokes `admin`."""
        command = {"action": action, "email": email, **more}
        answer = self.send_json("/2015-03-31/functions/admin/invocations", command)
        assert answer["ok"], answer

    def ticket(self, email=EMAIL):
        """A ticket, as the app's backend gets it."""
        answer = self.send_json("/2015-03-31/functions/ticket/invocations", {"email": email})
        assert answer["ok"], answer
        return answer["ticket"]

    def log_in(self, email=EMAIL, device="contract-replay"):
        body = {"email": email, "password": PASSWORD, "device_name": device}
        return self.send_json("/api/v1/auth/login", body)

    def log_out(self, pair):
        self.send_json("/api/v1/auth/logout", {"refresh_token": pair["refresh_token"]})

    def refresh(self, token):
        return self.send_json("/api/v1/auth/refresh", {"refresh_token": token})

    def expired(self, token):
        """The same token, but expired."""
        header, claims, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(claims + "=="))
        claims["exp"] = int(time.time()) - 10
        signed = f"{header}.{encode(json.dumps(claims).encode())}"
        r, s = utils.decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def run_out(self, pair):
        """Expires a session."""
        claims = json.loads(base64.urlsafe_b64decode(pair["access_token"].split(".")[1] + "=="))
        self.table.update_item(
            Key={"pk": f"USER#{claims['sub']}", "sk": f"SESSION#{claims['sid']}"},
            UpdateExpression="SET expires_at = :past", ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":past": int(time.time()) - 10},
        )

    def switch_off(self, email):
        """Disables an account."""
        self.table.update_item(
            Key={"pk": f"EMAIL#{email}", "sk": "CREDENTIAL"},
            UpdateExpression="SET is_active = :no", ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":no": False},
        )

    @contextlib.contextmanager
    def used_up(self, rule, key):
        """Exhausts a rate limit meanwhile."""
        window = int(time.time()) // 60 * 60
        # The window may end before the request is sent.
        items = [{"pk": f"RATE#{rule}#{key}#{window + ahead}", "sk": "RATE"} for ahead in (60, 120)]
        for item in items:
            self.table.put_item(Item={**item, "count": LIMIT, "expires_at": window + 180})
        yield
        for item in items:
            self.table.delete_item(Key=item)


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
