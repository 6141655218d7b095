// Refreshes, revokes and introspects with openid-client, by discovery.
//
//     node openid_client.mjs http://127.0.0.1:9000

import assert from "node:assert/strict";
import * as client from "openid-client";
import { api, done, introspectionSecret, logIn, ok } from "./oauth_session.mjs";

// The development stack has no TLS.
const execute = [client.allowInsecureRequests];
const discover = (id, authentication, algorithm) =>
  client.discovery(new URL(api), id, undefined, authentication, { algorithm, execute, timeout: 600 });

const login = await logIn("openid-client");
let { refresh_token: token } = login;
for (const algorithm of ["oauth2", "oidc"]) {
  const app = await discover("mobile", client.None(), algorithm);
  const tokens = await client.refreshTokenGrant(app, token);
  assert.equal(tokens.session_id, login.session_id);
  assert.equal(tokens.expires_in, login.expires_in);
  token = tokens.refresh_token;
  ok(`openid-client discovers by ${algorithm}, and refreshes`);
}

const app = await discover("mobile", client.None(), "oauth2");
const service = await discover("orders-api", client.ClientSecretBasic(introspectionSecret), "oauth2");
const { access_token: access, refresh_token: last } = await client.refreshTokenGrant(app, token);
assert.equal((await client.tokenIntrospection(service, access)).sub, login.user.id);
ok("openid-client introspects an active token");
await client.tokenRevocation(app, access);
ok("openid-client revokes by the access token");
assert.deepEqual(await client.tokenIntrospection(service, access), { active: false });
ok("openid-client is told that the session is over");
await assert.rejects(
  client.refreshTokenGrant(app, last),
  (thrown) => thrown instanceof client.ResponseBodyError && thrown.error === "invalid_grant",
);
ok("openid-client reads invalid_grant after a logout");

done("openid-client");
