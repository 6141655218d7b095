"""What schemathesis cannot know."""

import json
import os

import requests
import schemathesis
from hypothesis import strategies as st

import service

# Schemathesis starts chains of requests at a login only if it can start them nowhere else, so runs of such chains
# leave out the links of GET operations.
FROM_LOGIN = "CONTRACT_FROM_LOGIN" in os.environ

# Addresses that mail servers accept, including non-ASCII.
LOCAL = st.from_regex(r"[a-z0-9!#$%&'*+/=?^_`{|}~ü-]{1,64}", fullmatch=True)
LABEL = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True)
schemathesis.openapi.format("idn-email", st.builds("{}@{}.example".format, LOCAL, LABEL))


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Adds to the schemas the codes of each response, that forms repeat no field (RFC 6749 §3.2), and that a login has a
    ticket or a password, and decodes the bodies of links. The file has these elsewhere, for client generators."""
    login = raw_schema["components"]["schemas"]["LoginRequest"]
    null = {"type": "null"}
    given = lambda name: {"required": [name], "properties": {name: {"type": "string"}}}
    absent = lambda *names: {"properties": {name: null for name in names}}
    login["oneOf"] = [
        {"allOf": [given("email"), given("password"), absent("ticket")]},
        {"allOf": [given("ticket"), absent("email", "password")]},
    ]
    for item in raw_schema["paths"].values():
        for method, operation in item.items():
            if method == "get" and FROM_LOGIN:
                operation["responses"]["200"].pop("links", None)
            for media_type, form in operation.get("requestBody", {}).get("content", {}).items():
                if media_type == "application/x-www-form-urlencoded":
                    form["schema"]["additionalProperties"] = {"type": "string"}
            for response in operation["responses"].values():
                for name, member in [("x-problem-codes", "code"), ("x-oauth-errors", "error")]:
                    if name in response:
                        [content] = response["content"].values()
                        content["schema"]["properties"] = {member: {"enum": response[name]}}
                for link in response.get("links", {}).values():
                    if "requestBody" in link:
                        link["requestBody"] = json.loads(link["requestBody"])


@schemathesis.hook
def map_case(context, case):
    """Gives well-formed logins real credentials, since links start at their answers: all if chains start at a login,
    else every other one."""
    if case.path.startswith("/oauth2/") and isinstance(case.body, dict) and case.meta.generation.mode.is_positive:
        # Which client it is, no schema can say.
        case.body.pop("client_id", None)
    names = {"application/json": "email", "application/x-www-form-urlencoded": "username"}
    name = names.get(case.media_type)
    if case.operation.label == "POST /api/v1/auth/login" and case.meta.generation.mode.is_positive and name:
        if FROM_LOGIN or len(json.dumps(case.body, default=str)) % 2:
            case.body = {**case.body, name: service.EMAIL, "password": service.PASSWORD, "ticket": None}
            if name == "username":
                del case.body["ticket"]
    return case


@schemathesis.hook
def before_call(context, case, kwargs):
    """Some requests revoke the session that others use, so each request of an account gets a token of a session that
    is still active."""
    if case.operation.path.startswith("/oauth2/"):
        # No session authenticates there: a service does, or nobody.
        if LOGINS.get(case.auth_identity) and "Authorization" in (case.headers or {}):
            del case.headers["Authorization"]
            if case.operation.path == "/oauth2/introspect":
                case.headers["Authorization"] = service.INTROSPECTION
        return
    login = LOGINS.get(case.auth_identity)
    if login and "Authorization" in (case.headers or {}):
        case.headers["Authorization"] = f"Bearer {login.token(case.operation.base_url)}"


@schemathesis.hook
def after_call(context, case, response):
    """Records successes in chains that start at a login, for `contract.py`."""
    if FROM_LOGIN and response.status_code == 200:
        with open(os.environ["CONTRACT_FROM_LOGIN"], "a") as seen:
            print(case.operation.definition.raw["operationId"], file=seen)


class Login:
    """An active session of an account, replaced once it is revoked."""

    def __init__(self, email):
        self.email, self.access = email, None

    def token(self, api):
        headers = {"Authorization": f"Bearer {self.access}"}
        if requests.get(api + "/api/v1/sessions/me", headers=headers, timeout=600).status_code != 200:
            body = {"email": self.email, "password": service.PASSWORD}
            self.access = requests.post(api + "/api/v1/auth/login", json=body, timeout=600).json()["access_token"]
        return self.access


LOGINS = {"demo": Login(service.EMAIL), "other": Login(service.OTHER)}


@schemathesis.hook
def filter_case(context, case):
    """The development server itself answers non-UTF-8 bodies and non-ASCII header values with a 500, while API Gateway
    passes them to the function. The functions' own tests send those."""
    try:
        if isinstance(case.body, bytes):
            case.body.decode()
        "".join(str(value) for value in (case.headers or {}).values()).encode("ascii")
    except UnicodeError:
        return False
    return True
