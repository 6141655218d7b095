/**
 * A backend that opens sessions for Sign in with Google or Apple: it takes an ID token and gives a ticket.
 *
 *     npm install jose @aws-sdk/client-lambda
 *     ISSUER=https://accounts.google.com JWKS_URL=https://www.googleapis.com/oauth2/v3/certs \
 *         CLIENT_ID=… TICKET_FUNCTION=… node backend.js
 *
 * For Apple: ISSUER=https://appleid.apple.com JWKS_URL=https://appleid.apple.com/auth/keys, and CLIENT_ID is the app's
 * bundle id. On the development stack: TICKET_FUNCTION=ticket AWS_ENDPOINT_URL_LAMBDA=http://127.0.0.1:9000, and any
 * AWS_REGION and keys.
 *
 * The app sends {"id_token": "…", "nonce": "…"} to POST /sign-in, the nonce being the random one that it began the sign-in
 * with, and logs in with the ticket it gets.
 */

import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from "jose";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

const setting = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};

const keys = createRemoteJWKSet(new URL(setting("JWKS_URL")), { timeoutDuration: 30_000 });
const lambda = new LambdaClient({});

/** The sign-in opens no session. */
class Refused extends Error {}

/** Not what this backend reads. */
class Malformed extends Error {}

/** The claims of an ID token of this issuer, for this app and this sign-in (OpenID Connect Core §3.1.3.7). */
async function verified(idToken: string, nonce: string): Promise<JWTPayload> {
  const expected = {
    issuer: setting("ISSUER"),
    audience: setting("CLIENT_ID"),
    algorithms: ["RS256"],
    requiredClaims: ["exp", "iat", "sub", "nonce"],
    clockTolerance: 60,
  };
  const { payload } = await jwtVerify(idToken, keys, expected).catch((error: unknown) => {
    const isUnreachable = error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError);
    throw isUnreachable ? error : new Refused(`the ID token is not valid: ${error.message}`);
  });
  if (payload.nonce !== nonce) throw new Refused("the ID token is of another sign-in");
  return payload;
}

type Account = { email: string } | { user_id: string };

/**
 * Which account it is. Here: that of the address, if the issuer has verified it. If addresses can change hands, keep a table
 * of your own from `sub` to the account's id, and return {user_id: …}.
 */
function accountOf(claims: JWTPayload): Account {
  // Apple writes a text.
  if (claims.email_verified !== true && claims.email_verified !== "true") {
    throw new Refused("the issuer has not verified the address");
  }
  return { email: String(claims.email) };
}

/** Asks Holdfast for a ticket. Retrying is harmless: a ticket that nobody has opens nothing. */
async function ticketFor(account: Account): Promise<{ ticket: string; expires_in: number }> {
  const answer = await lambda.send(
    new InvokeCommand({ FunctionName: setting("TICKET_FUNCTION"), Payload: JSON.stringify(account) }),
  );
  const result = JSON.parse(answer.Payload?.transformToString() ?? "null");
  if (answer.FunctionError) throw new Error(`ticket failed: ${JSON.stringify(result)}`);
  if (result.ok) return { ticket: result.ticket, expires_in: result.expires_in };
  const code: string = result.error.code;
  // Whoever signs in for the first time could be given an account here: invoke `admin` with `create_user`.
  if (code === "not_found" || code === "account_inactive") throw new Refused(code);
  throw new Error(`ticket failed: ${code}`);
}

async function read(request: IncomingMessage): Promise<{ id_token: string; nonce: string }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  try {
    const body = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    if (typeof body.id_token === "string" && typeof body.nonce === "string") return body;
  } catch {
    // Answered like any other body that is none.
  }
  throw new Malformed("send a JSON object with id_token and nonce");
}

/** Your framework's routes go here. */
const server = createServer(async (request, response) => {
  const answer = (status: number, body: object) => {
    response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
    response.end(JSON.stringify(body));
  };
  try {
    if (request.method !== "POST" || request.url !== "/sign-in") {
      return answer(404, { error: "there is nothing at this path" });
    }
    const { id_token, nonce } = await read(request);
    answer(200, await ticketFor(accountOf(await verified(id_token, nonce))));
  } catch (error) {
    if (error instanceof Refused) answer(403, { error: error.message });
    else if (error instanceof Malformed) answer(400, { error: error.message });
    else {
      console.error(error);
      answer(500, { error: "something went wrong" });
    }
  }
});

server.listen(Number(process.env.PORT ?? 8080), "127.0.0.1", () => {
  console.log(`Listening at http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
