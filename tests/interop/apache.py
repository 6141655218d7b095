#!/usr/bin/env python3
"""Debian's Apache with mod_auth_openidc as a resource server: it asks the introspection endpoint about access tokens. Part of
`make test-interop`, where Apache and the module are installed (apt install apache2 libapache2-mod-auth-openidc)."""

import datetime
import http.server
import json
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "harness"))

import stack  # noqa: E402

DAY = datetime.timedelta(days=1)
MODULES = pathlib.Path("/usr/lib/apache2/modules")
ACCOUNT = {"email": "demo@example.com", "password": "correct horse battery staple", "device_name": "Apache"}
CONFIGURATION = """
ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/pid
ErrorLog {folder}/errors
DocumentRoot {folder}/pages
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authn_core_module {modules}/mod_authn_core.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule authz_user_module {modules}/mod_authz_user.so
LoadModule auth_openidc_module {modules}/mod_auth_openidc.so
OIDCCryptoPassphrase of-this-test-only
OIDCOAuthIntrospectionEndpoint {tls}/oauth2/introspect
# The certificate is this test's own.
OIDCOAuthSSLValidateServer Off
OIDCOAuthClientID apache
OIDCOAuthClientSecret introspection-secret-of-every-developer
# Every request is asked about, so that a revoked session is refused at once.
OIDCOAuthTokenIntrospectionInterval 0
<Location />
  AuthType oauth20
  Require claim client_id:mobile
</Location>
"""
checks = 0


def certificate(folder):
    """A file with a self-signed certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now - DAY, now + DAY
    ).sign(key, hashes.SHA256())
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (folder / "certificate.pem").write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return folder / "certificate.pem"


def tls_in_front_of(api, folder):
    """Serves the API with TLS, without which the module asks nobody. Returns its URL."""

    class Forward(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
            request = urllib.request.Request(api + self.path, data=body, headers=headers)
            try:
                answer = urllib.request.urlopen(request, timeout=stack.PATIENCE)
            except urllib.error.HTTPError as refusal:
                answer = refusal
            with answer:
                text = answer.read()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forward)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(folder))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"https://localhost:{server.server_port}"


def ok(what):
    global checks
    checks += 1
    print(f"  ok  Apache {what}", flush=True)


def post(url, body, token=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers=headers)
    with urllib.request.urlopen(request, timeout=stack.PATIENCE) as answer:
        return json.load(answer)


def walk(api, page):
    def status(token):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            with urllib.request.urlopen(urllib.request.Request(page, headers=headers), timeout=stack.PATIENCE) as answer:
                return answer.status
        except urllib.error.HTTPError as refusal:
            return refusal.code

    login = post(api + "/api/v1/auth/login", ACCOUNT)
    assert status(login["access_token"]) == 200
    ok("takes an access token")
    for what, token in [("no token", None), ("a refresh token", login["refresh_token"]), ("nonsense", "nonsense")]:
        assert status(token) == 401, what
        ok(f"refuses {what}")
    post(api + "/api/v1/auth/logout", {}, login["access_token"])
    assert status(login["access_token"]) == 401
    ok("refuses the token of a session that was logged out, at once")


def main():
    apache = shutil.which("apache2", path="/usr/sbin:/usr/bin:/bin")
    if not apache or not (MODULES / "mod_auth_openidc.so").exists():
        print("Apache: NOT RUN, because apache2 with mod_auth_openidc is missing (apt install apache2 "
              "libapache2-mod-auth-openidc)")
        return
    with stack.running() as api, tempfile.TemporaryDirectory(prefix="holdfast-apache-") as folder:
        folder, port = pathlib.Path(folder), stack.free_port()
        folder.chmod(0o755)
        (folder / "pages").mkdir()
        (folder / "pages" / "index.html").write_text("A page for those who are logged in.")
        text = CONFIGURATION.format(folder=folder, port=port, modules=MODULES, tls=tls_in_front_of(api, folder))
        (folder / "apache.conf").write_text(text)
        process = subprocess.Popen([apache, "-f", folder / "apache.conf", "-D", "FOREGROUND"])
        try:
            page, until = f"http://127.0.0.1:{port}/index.html", time.monotonic() + stack.PATIENCE
            while not listens(page) and process.poll() is None and time.monotonic() < until:
                time.sleep(0.1)
            try:
                walk(api, page)
            except BaseException:
                errors = folder / "errors"
                print(errors.read_text() if errors.exists() else "Apache wrote no log", file=sys.stderr)
                raise
        finally:
            process.terminate()
            process.wait(stack.PATIENCE)
    print(f"Apache: {checks} passed, 0 failed")


def listens(url):
    try:
        urllib.request.urlopen(url, timeout=stack.PATIENCE)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
