// Refreshes, revokes and introspects with oauth4webapi, a client that implements the RFCs as they are written.
//
//     node oauth4webapi.mjs http://127.0.0.1:9000

import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import { api, done, introspectionSecret, logIn, ok } from "./oauth_session.mjs";

// The development stack has no TLS.
const options = { [oauth.allowInsecureRequests]: true };
const client = { client_id: "mobile" };
const issuer = new URL(api);

for (const algorithm of ["oauth2", "oidc"]) {
  const answer = await oauth.discoveryRequest(issuer, { algorithm, ...options });
  const found = await oauth.processDiscoveryResponse(issuer, answer);
  assert.equal(found.token_endpoint, `${api}/oauth2/token`);
  ok(`oauth4webapi discovers the endpoints as ${algorithm}`);
}
const answer = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...options });
const server = await oauth.processDiscoveryResponse(issuer, answer);

const refresh = async (token) =>
  oauth.processRefreshTokenResponse(
    server, client,
    await oauth.refreshTokenGrantRequest(server, client, oauth.None(), token, options),
  );
const revoke = async (token) =>
  oauth.processRevocationResponse(await oauth.revocationRequest(server, client, oauth.None(), token, options));
const service = { client_id: "orders-api" };
const introspect = async (token, secret = introspectionSecret) =>
  oauth.processIntrospectionResponse(
    server, service,
    await oauth.introspectionRequest(server, service, oauth.ClientSecretBasic(secret), token, options),
  );
const refused = (error, status) => (thrown) =>
  thrown instanceof oauth.ResponseBodyError && thrown.error === error && thrown.status === status;

const login = await logIn("oauth4webapi");
const first = await refresh(login.refresh_token);
assert.equal(first.token_type, "bearer");
assert.equal(first.session_id, login.session_id);
ok("oauth4webapi refreshes");

const active = await introspect(first.access_token);
assert.equal(active.active, true);
assert.equal(active.sid, login.session_id);
ok("oauth4webapi introspects an active token");
assert.deepEqual(await introspect(first.refresh_token), { active: false });
ok("oauth4webapi is told nothing of a refresh token");
await assert.rejects(
  introspect(first.access_token, "a-secret-that-nobody-ever-gave-to-anyone"),
  (thrown) => thrown instanceof oauth.WWWAuthenticateChallengeError && thrown.cause[0].scheme === "basic",
);
ok("oauth4webapi reads the challenge for a wrong secret");

await assert.rejects(
  oauth
    .refreshTokenGrantRequest(server, { client_id: "another" }, oauth.None(), first.refresh_token, options)
    .then((response) => oauth.processRefreshTokenResponse(server, client, response)),
  refused("invalid_client", 400),
);
ok("oauth4webapi reads invalid_client");

await revoke(first.refresh_token);
await revoke(first.refresh_token);
ok("oauth4webapi revokes, twice");
assert.deepEqual(await introspect(first.access_token), { active: false });
ok("oauth4webapi is told that the session is over");
await assert.rejects(refresh(first.refresh_token), refused("invalid_grant", 400));
ok("oauth4webapi reads invalid_grant after a logout");

done("oauth4webapi");
