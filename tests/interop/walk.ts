// A session's life with the TypeScript client that openapi-generator makes of openapi.yaml: `generated_clients.py`
// puts this file beside the client, compiles both, and runs it with the API's URL.

import {
  AuthenticationApi,
  Configuration,
  DiscoveryApi,
  type LoggedIn,
  type Problem,
  ResponseError,
  SessionsApi,
} from "./index";

declare const process: { argv: string[] };

const basePath = process.argv[2];
const account = { email: "demo@example.com", password: "correct horse battery staple" };
const open = new AuthenticationApi(new Configuration({ basePath }));
const authentication = (accessToken: string) => new AuthenticationApi(new Configuration({ basePath, accessToken }));
const sessions = (accessToken: string) => new SessionsApi(new Configuration({ basePath, accessToken }));
const logIn = (deviceName: string): Promise<LoggedIn> => open.login({ loginRequest: { ...account, deviceName } });

/** A token's `jti`: signatures of ES256 differ each time. */
const id = (token: string): string => JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).jti;

const step = (what: string, held: boolean): void => {
  if (!held) throw new Error(`FAILED ${what}`);
  console.log(`  ok  ${what}`);
};

const refused = async (what: string, request: Promise<unknown>, code: string): Promise<void> => {
  const error: unknown = await request.then(() => undefined, (reason: unknown) => reason);
  if (!(error instanceof ResponseError)) throw new Error(`FAILED ${what}: ${String(error)}`);
  const problem = (await error.response.json()) as Problem;
  step(`${what}: ${problem.status} ${problem.code}`, problem.code === code);
};

const walk = async (): Promise<void> => {
  const wrong = { loginRequest: { ...account, password: "a wrong password" } };
  await refused("a wrong password is refused", open.login(wrong), "invalid_credentials");

  const phone = await logIn("phone");
  await authentication(phone.accessToken).logoutAll({ logoutAllRequest: { exceptCurrent: true } });
  const tablet = await logIn("tablet");
  step("two devices log in", phone.user.email === account.email && phone.user.createdAt instanceof Date);

  const listed = await sessions(phone.accessToken).listSessions();
  const current = listed.sessions.filter((session) => session.isCurrent).map((session) => session.id);
  step("the phone sees both", listed.total === 2 && current.join() === phone.sessionId);

  const idempotencyKey = crypto.randomUUID();
  const refresh = () => open.refresh({ refreshRequest: { refreshToken: phone.refreshToken }, idempotencyKey });
  const [first, repeat] = [await refresh(), await refresh()];
  step("a repeated refresh gets the same successor", id(first.refreshToken) === id(repeat.refreshToken));

  const page = await sessions(first.accessToken).listActivity({ limit: 1 });
  const next = await sessions(first.accessToken).listActivity({ limit: 1, cursor: page.nextCursor ?? "" });
  step("the activity comes page by page", page.events.length === 1 && page.events[0].id !== next.events[0].id);

  await sessions(first.accessToken).cleanUpSessions();
  const revoked = await sessions(first.accessToken).revokeSession({ sessionId: tablet.sessionId });
  step("the phone logs the tablet out", revoked.message === "Session revoked: tablet");
  await refused("the tablet is told", sessions(tablet.accessToken).listSessions(), "session_revoked");

  const { keys } = await new DiscoveryApi(new Configuration({ basePath })).publicKeys();
  step("the public keys are there", keys.length > 0 && keys.every((key) => key.kty === "EC"));

  await open.logout({ logoutRequest: { refreshToken: first.refreshToken } });
  await refused("the phone has logged out", sessions(first.accessToken).listSessions(), "session_revoked");
};

void walk();
