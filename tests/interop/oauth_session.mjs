// What the OAuth clients have in common: sessions to work with, and counted checks.

import assert from "node:assert/strict";

export const api = process.argv[2];
export const introspectionSecret =
  process.env.INTROSPECTION_SECRETS ?? "introspection-secret-of-every-developer";

const account = {
  email: process.env.E2E_EMAIL ?? "demo@example.com",
  password: process.env.E2E_PASSWORD ?? "correct horse battery staple",
};

/** Logs in as an app does: natively. */
export const logIn = async (device) => {
  const answer = await fetch(`${api}/api/v1/auth/login`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...account, device_name: device }),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
};

let checks = 0;
export const ok = (what) => {
  checks += 1;
  console.log(`  ok  ${what}`);
};
export const done = (client) => {
  assert.ok(checks > 0);
  console.log(`${client}: ${checks} passed, 0 failed`);
};
