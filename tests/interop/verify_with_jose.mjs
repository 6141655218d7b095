// Verifies access tokens of the API at the given URL with jose, as another service of the app would.
//
//     node verify_with_jose.mjs http://127.0.0.1:9000

import assert from "node:assert/strict";
import { createRemoteJWKSet, decodeProtectedHeader, errors, jwtVerify } from "jose";

const api = process.argv[2];
const audience = process.env.AUDIENCE ?? "holdfast";
const account = {
  email: process.env.E2E_EMAIL ?? "demo@example.com",
  password: process.env.E2E_PASSWORD ?? "correct horse battery staple",
};

const json = async (path, init) => {
  const answer = await fetch(api + path, init);
  assert.equal(answer.status, 200, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
};

const metadata = await json("/.well-known/oauth-authorization-server");
assert.equal(metadata.issuer, api);
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri), { timeoutDuration: 600_000 });
const options = {
  issuer: metadata.issuer,
  audience,
  typ: "at+jwt",
  algorithms: metadata.access_token_signing_alg_values_supported,
  requiredClaims: ["sub", "sid", "exp", "iat", "jti", "client_id", "auth_time"],
};

const login = await json(new URL(metadata.login_endpoint).pathname, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ ...account, device_name: "jose" }),
});
const { payload, protectedHeader } = await jwtVerify(login.access_token, keys, options);
assert.equal(payload.sid, login.session_id);
assert.equal(payload.sub, login.user.id);
assert.equal(protectedHeader.alg, "ES256");
console.log("  ok  jose verifies an access token of a login");

const refreshed = await json(new URL(metadata.token_endpoint).pathname, {
  method: "POST",
  body: new URLSearchParams({ grant_type: "refresh_token", refresh_token: login.refresh_token }),
});
await jwtVerify(refreshed.access_token, keys, options);
console.log("  ok  jose verifies an access token of a refresh, which it asks for by form");

const refused = async (what, token, changed, error) => {
  await assert.rejects(jwtVerify(token, keys, { ...options, ...changed }), error);
  console.log(`  ok  jose refuses ${what}`);
};
const { JWTClaimValidationFailed, JWSSignatureVerificationFailed } = errors;
const claim = (name) => (error) => error instanceof JWTClaimValidationFailed && error.claim === name;
await refused("another audience", login.access_token, { audience: "elsewhere" }, claim("aud"));
await refused("another issuer", login.access_token, { issuer: "https://elsewhere.example.com" }, claim("iss"));
assert.equal(decodeProtectedHeader(refreshed.refresh_token).typ, "rt+jwt");
await refused("a refresh token for an access token", refreshed.refresh_token, { audience: metadata.issuer }, claim("typ"));
const [header, body, signature] = login.access_token.split(".");
const other = (signature[0] === "A" ? "B" : "A") + signature.slice(1);
await refused("an altered signature", `${header}.${body}.${other}`, {}, JWSSignatureVerificationFailed);
