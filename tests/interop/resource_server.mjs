// A service of the app's that checks access tokens with express-oauth2-jwt-bearer, which finds the keys by discovery.
//
//     node resource_server.mjs http://127.0.0.1:9000

import assert from "node:assert/strict";
import { once } from "node:events";
import express from "express";
import { auth } from "express-oauth2-jwt-bearer";
import { api, done, logIn, ok } from "./oauth_session.mjs";

const service = express();
service.use(
  auth({
    issuerBaseURL: api,
    audience: process.env.AUDIENCE ?? "holdfast",
    tokenSigningAlg: "ES256",
    strict: true,
    timeoutDuration: 600_000,
  }),
);
service.get("/", (request, response) => response.json(request.auth.payload));
service.use((error, request, response, next) => response.status(error.status ?? 500).set(error.headers).end());
const server = service.listen(0, "127.0.0.1");
await once(server, "listening");
const ask = (token) =>
  fetch(`http://127.0.0.1:${server.address().port}/`, { headers: token ? { Authorization: `Bearer ${token}` } : {} });

const login = await logIn("resource server");
const answer = await ask(login.access_token);
assert.equal(answer.status, 200, await answer.clone().text());
assert.equal((await answer.json()).sid, login.session_id);
ok("express-oauth2-jwt-bearer takes an access token (RFC 9068), by discovery");
for (const [what, token] of [
  ["no token", undefined],
  ["a refresh token", login.refresh_token],
  ["a device token", login.device_token],
  ["an altered token", login.access_token.slice(0, -8) + "AAAAAAAA"],
]) {
  assert.equal((await ask(token)).status, 401, what);
  ok(`express-oauth2-jwt-bearer refuses ${what}`);
}
server.close();

done("express-oauth2-jwt-bearer");
