"""`make docs`: the page loads from this machine alone, and lets nobody else reach the API."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time

import stack


def check(api):
    """Serves the page against `api`. Returns the number of checks."""
    with served(api) as port:
        def get(path, method="GET", body=None, host=None, **headers):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, {"Host": host or f"127.0.0.1:{port}", **headers})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()

        login = json.dumps({"email": "demo@example.com", "password": "correct horse battery staple"})
        to_login = {"method": "POST", "body": login, "Content_Type": "application/json"}
        status, headers, page = get("/")
        checks = {
            "the page is there": status == 200 and "swagger-ui-bundle.js" in page,
            "it names no other host": "//" not in page and "default-src 'none'" in headers["Content-Security-Policy"],
            "its viewer is there": get("/swagger-ui-bundle.js")[0] == 200,
            "requests go to the page's own origin": json.loads(get("/openapi.json")[2])["servers"][0]["url"] == "/",
            "a login is passed on": get("/api/v1/auth/login", **to_login)[0] == 200,
            "a refusal is passed on": get("/api/v1/sessions/me")[0] == 401,
            "another name of this host is refused": get("/", host=f"evil.example:{port}")[0] == 403,
            "another site's request is refused":
                get("/api/v1/auth/login", **to_login, Sec_Fetch_Site="cross-site")[0] == 403,
            "admin is out of reach": all(
                get(path, "POST", "{}")[0] == 404
                for path in ["/2015-03-31/functions/admin/invocations",
                             "/api/v1/sessions/../../../2015-03-31/functions/admin/invocations",
                             "/api/v1/sessions/..%2f..%2f..%2f2015-03-31%2ffunctions%2fadmin%2finvocations"]),
        }
        failed = [what for what, held in checks.items() if not held]
        if failed:
            sys.exit(f"FAILED make docs: {failed}")
        return len(checks)


@contextlib.contextmanager
def served(api):
    port = stack.free_port()
    environment = {**os.environ, "DOCS_PORT": str(port), "API_PORT": api.rsplit(":", 1)[1]}
    process = subprocess.Popen([sys.executable, stack.ROOT / "scripts/docs"], env=environment, stdout=subprocess.DEVNULL)
    try:
        for _ in range(6000):
            with contextlib.suppress(OSError):
                http.client.HTTPConnection("127.0.0.1", port, timeout=600).connect()
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(600)
