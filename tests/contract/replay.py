"""Sends every example in the description to the running service, and provokes every documented refusal."""

import copy
import json
import sys
import urllib.parse
import uuid

from service import EMAIL, INACTIVE, INTROSPECTION, OTHER, PASSWORD

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

# Cannot be provoked from outside: the functions' tests, which can remove the table, assert these.
FROM_INSIDE = {"internal", "unavailable"}
# Only where a proxy is trusted: the service of these tests trusts none. tests/guarantees/rate_limits/addresses.rs has it.
BEHIND_A_PROXY = {"forbidden"}


def replay(service, description, validate):
    """Replays all. Returns the number of checks. `validate(path, method, answer)` checks an answer against the
    description."""
    run = Replay(service, description, validate)
    for path, item in description["paths"].items():
        for method, operation in item.items():
            run.examples(path, method.upper(), operation)
            run.refusals(path, method.upper(), operation)
    return run.checked


class Replay:
    def __init__(self, service, description, validate):
        self.service, self.description, self.validate = service, description, validate
        self.checked = 0

    def examples(self, path, method, operation):
        """Sends each example request, which must succeed, and one without a body if that is optional."""
        content = operation.get("requestBody", {}).get("content", {})
        sent = [(media_type, name, example["value"])
                for media_type, form in content.items() for name, example in form["examples"].items()]
        if not operation.get("requestBody", {}).get("required"):
            sent.append((None, "success", None))
        for media_type, name, body in sent:
            pair = self.service.log_in()
            if isinstance(body, dict) and "refresh_token" in body:
                body = {**body, "refresh_token": pair["refresh_token"]}
            if isinstance(body, dict) and "token" in body:
                kind = "refresh_token" if operation["operationId"] == "revokeToken" else "access_token"
                body = {**body, "token": pair[kind]}
            answer = self.call(path, method, operation, pair, media_type, body)
            status = 200 if name == "success" else self.status_of(operation, name)
            self.expect(path, method, operation, answer, status, name)

    def refusals(self, path, method, operation):
        for status, response in operation["responses"].items():
            if status == "200":
                continue
            [content] = response["content"].values()
            for code in content["examples"]:
                if code not in FROM_INSIDE | BEHIND_A_PROXY:
                    provoke = getattr(self, "oauth_" + code, None) if path.startswith("/oauth2/") else None
                    answer = (provoke or getattr(self, code))(path, method, operation)
                    self.expect(path, method, operation, answer, int(status), code)

    # --- Requests -----------------------------------------------------------------------------------------------

    def call(self, path, method, operation, pair, media_type=None, body=None, access_token=None, session_id=None):
        """Sends one request, as the description says."""
        headers, query = {}, {}
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "header":
                headers[parameter["name"]] = parameter["example"]
            elif parameter["in"] == "query" and parameter["name"] != "cursor":
                query[parameter["name"]] = parameter["example"]
        if any("accessToken" in way for way in operation["security"]):
            headers["Authorization"] = f"Bearer {access_token or pair['access_token']}"
        if any("introspectionSecret" in way for way in operation["security"]):
            headers["Authorization"] = INTROSPECTION
        path = path.replace("{session_id}", session_id or pair["session_id"])
        if operation["operationId"] == "renameSession" and body is None:
            media_type, body = JSON, {"device_name": "Kitchen tablet"}
        if query:
            path += "?" + urllib.parse.urlencode(query, doseq=True)
        if body is not None:
            headers["Content-Type"] = media_type
            body = urllib.parse.urlencode(body) if media_type == FORM else json.dumps(body)
        return self.service.send(method, path, headers, body)

    def own(self, path, method, operation, pair, access_token=None):
        """Sends a request with the token for `pair` that this operation takes."""
        body = None
        if operation["operationId"] == "refresh":
            body = {"refresh_token": access_token or pair["refresh_token"]}
        if operation["operationId"] == "token":
            body = {"grant_type": "refresh_token", "refresh_token": access_token or pair["refresh_token"]}
            return self.call(path, method, operation, pair, FORM, body)
        return self.call(path, method, operation, pair, JSON, body, access_token)

    def raw(self, path, method, operation, body, media_type=JSON, pair=None):
        pair = pair or self.service.log_in()
        headers = {"Content-Type": media_type, "Authorization": f"Bearer {pair['access_token']}"}
        return self.service.send(method, path.replace("{session_id}", str(uuid.uuid4())), headers, body)

    # --- One method per code, which provokes it -------------------------------------------------------------------

    def malformed_request(self, path, method, operation):
        return self.raw(path, method, operation, "{")

    def payload_too_large(self, path, method, operation):
        return self.raw(path, method, operation, json.dumps({"padding": "x" * 17000}))

    def unsupported_media_type(self, path, method, operation):
        return self.raw(path, method, operation, "{}", "text/plain")

    def validation_failed(self, path, method, operation):
        pair = self.service.log_in()
        if "{session_id}" in path:
            return self.call(path, method, operation, pair, session_id="no-uuid")
        if operation["operationId"] == "listActivity":
            operation = copy.deepcopy(operation)
            operation["parameters"][0]["example"] = 101
            return self.call(path, method, operation, pair)
        wrong = {
            "login": {"email": "demo", "password": PASSWORD},
            "refresh": {},
            "logout": {"refresh_token": 1},
            "logoutAll": {"except_current": "yes"},
        }[operation["operationId"]]
        return self.raw(path, method, operation, json.dumps(wrong))

    def invalid_credentials(self, path, method, operation):
        return self.raw(path, method, operation, json.dumps({"email": EMAIL, "password": "a wrong password"}))

    def account_inactive(self, path, method, operation):
        return self.raw(path, method, operation, json.dumps({"email": INACTIVE, "password": PASSWORD}))

    def invalid_ticket(self, path, method, operation):
        """One that comes again after the first refresh."""
        ticket = self.service.ticket()
        self.service.refresh(self.service.send_json(path, {"ticket": ticket})["refresh_token"])
        return self.raw(path, method, operation, json.dumps({"ticket": ticket}))

    def missing_token(self, path, method, operation):
        return self.service.send(method, path.replace("{session_id}", str(uuid.uuid4())))

    def invalid_token(self, path, method, operation):
        return self.own(path, method, operation, self.service.log_in(), "nonsense")

    def token_expired(self, path, method, operation):
        pair = self.service.log_in()
        kind = "refresh_token" if operation["operationId"] in ("refresh", "token") else "access_token"
        return self.own(path, method, operation, pair, self.service.expired(pair[kind]))

    def session_expired(self, path, method, operation):
        pair = self.service.log_in()
        self.service.run_out(pair)
        return self.own(path, method, operation, pair)

    def session_revoked(self, path, method, operation):
        pair = self.service.log_in()
        self.service.log_out(pair)
        return self.own(path, method, operation, pair)

    def refresh_token_reused(self, path, method, operation):
        first = self.service.log_in()
        second = self.service.refresh(first["refresh_token"])
        self.service.refresh(second["refresh_token"])
        return self.own(path, method, operation, first)

    def refresh_conflict(self, path, method, operation):
        if operation["operationId"] == "login":
            ticket = self.service.ticket()
            self.service.send_json(path, {"ticket": ticket})
            return self.call(path, method, operation, self.service.log_in(), JSON, {"ticket": ticket})
        pair = self.service.log_in()
        self.service.refresh(pair["refresh_token"])
        # The example's Idempotency-Key, which the first request did not have.
        return self.own(path, method, operation, pair)

    def not_your_session(self, path, method, operation):
        mine, theirs = self.service.log_in(), self.service.log_in(OTHER)
        body = {"refresh_token": theirs["refresh_token"]} if operation["operationId"] == "logout" else None
        return self.call(path, method, operation, mine, JSON, body, session_id=theirs["session_id"])

    def session_not_found(self, path, method, operation):
        return self.call(path, method, operation, self.service.log_in(), session_id=str(uuid.uuid4()))

    def rate_limited(self, path, method, operation):
        pair = self.service.log_in()
        rule = operation["x-rate-limit"][0]["name"]
        key = "127.0.0.1" if rule == "login" else pair["session_id"]
        with self.service.used_up(rule, key):
            if operation["operationId"] != "login":
                return self.call(path, method, operation, pair)
            return self.raw(path, method, operation, json.dumps({"email": EMAIL, "password": PASSWORD}), pair=pair)

    # --- The same at OAuth's endpoints --------------------------------------------------------------------------

    def form(self, path, method, operation, headers=None, **changed):
        """Sends a good form, but for what is changed."""
        pair = self.service.log_in()
        good = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
        if operation["operationId"] != "token":
            good = {"token": pair["refresh_token"]}
        headers = {"Content-Type": FORM, **(headers or {})}
        if operation["operationId"] == "introspect":
            headers.setdefault("Authorization", INTROSPECTION)
        body = urllib.parse.urlencode({name: value for name, value in {**good, **changed}.items() if value})
        return self.service.send(method, path, headers, body)

    def oauth_malformed_request(self, *operation):
        return self.form(*operation, headers={"Content-Type": JSON})

    def oauth_unsupported_media_type(self, *operation):
        return self.form(*operation, headers={"Content-Encoding": "br"})

    def oauth_validation_failed(self, *operation):
        return self.form(*operation, token=None, refresh_token=None, padding="x")

    def oauth_payload_too_large(self, *operation):
        return self.form(*operation, padding="x" * 17000)

    def invalid_client(self, *operation):
        return self.form(*operation, headers={"Authorization": "Basic YW5vdGhlcjpjbGllbnQ="})

    def unknown_client(self, *operation):
        return self.form(*operation, client_id="another")

    def unsupported_grant_type(self, *operation):
        return self.form(*operation, grant_type="password")

    def invalid_scope(self, *operation):
        return self.form(*operation, scope="openid")

    # --- Answers ------------------------------------------------------------------------------------------------

    def status_of(self, operation, code):
        found = [status for status, response in operation["responses"].items()
                 for content in response["content"].values() if code in content["examples"]]
        assert len(found) == 1, f"{operation['operationId']}: {code} has the statuses {found}"
        return int(found[0])

    def expect(self, path, method, operation, answer, status, name):
        """Checks that the answer is as documented, and like that example."""
        what = f"{operation['operationId']} {name}"
        shown = f"\n  the answer: {answer.status_code} {dict(answer.headers)} {answer.text}"
        if answer.status_code != status:
            sys.exit(f"FAILED {what}: expected {status}{shown}")
        try:
            self.validate(path, method, answer)
        except Exception as error:  # one failure or a group of them
            sys.exit(f"FAILED {what}: {error}{shown}")
        [content] = operation["responses"][str(status)]["content"].values()
        difference = unlike(content["examples"][name]["value"], answer.json(), status == 200)
        if difference:
            sys.exit(f"FAILED {what}: {difference}{shown}")
        self.checked += 1


def unlike(example, answer, only_form, place="the answer"):
    """How an answer differs from its example: members and their types; for problems also the values."""
    if example is None or answer is None:
        return None
    if type(example) is not type(answer):
        return f"{place} is a {type(answer).__name__}, in the example a {type(example).__name__}"
    if isinstance(example, dict):
        if set(example) != set(answer):
            return f"{place} and its example differ in the members {sorted(set(example) ^ set(answer))}"
        parts = ((key, example[key], answer[key]) for key in example if key not in ("request_id", "errors"))
        found = (unlike(e, a, only_form, f"{place}.{key}") for key, e, a in parts)
        return next(filter(None, found), None)
    if isinstance(example, list):
        if not (example and answer):
            return f"{place} is empty, or its example is, but not both" if example or answer else None
        return unlike(example[0], answer[0], only_form, f"{place}[0]")
    if not only_form and example != answer:
        return f"{place} is {answer!r}, in the example {example!r}"
    return None
