// The relying party: one flow with openid-client, and what the refusals are called.
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { createInterface } from "node:readline";

// Node 18 hides it behind an option.
globalThis.crypto ??= webcrypto;
const openid = await import("openid-client");
const { logIn } = await import("./browser.mjs");

/** What the test that started this script tells: issuer, client, redirect URI, user, permit. */
export const setting = JSON.parse(process.env.PARTY);
export const SCOPE = "openid 3gpp:mc:ptt_service 3gpp:mc:ptt_key_management_service";
export { openid };

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Lets the server's clock run; comes back when it has. */
export async function advance(seconds) {
  console.log(`advance ${seconds}`);
  await answers.next();
}

/** Our provider as a client finds it. */
export function discovered(clientId, secret) {
  const proof = secret ? openid.ClientSecretBasic(secret) : openid.None();
  return openid.discovery(new URL(setting.issuer), clientId, secret, proof);
}

/** The request of a log-in with everything that protects it. */
export async function request(config, changes = {}) {
  const verifier = openid.randomPKCECodeVerifier();
  const checks = {
    pkceCodeVerifier: verifier,
    expectedState: openid.randomState(),
    expectedNonce: openid.randomNonce(),
    idTokenExpected: true,
  };
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: setting.redirect,
    scope: SCOPE,
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    ...changes,
  });
  return { url, checks };
}

/** Up to the redirect with the code. */
export async function redirected(config, changes = {}) {
  const { url, checks } = await request(config, changes);
  const { status, location } = await logIn(url, setting);
  assert.equal(status, 302, "the log-in ends with a redirect");
  return { callback: new URL(location), checks };
}

/** Up to the tokens. The library verifies the ID token's signature against our key set when asked to. */
export async function loggedIn(config, changes = {}) {
  openid.enableNonRepudiationChecks(config);
  const { callback, checks } = await redirected(config, changes);
  return openid.authorizationCodeGrant(config, callback, checks);
}

/** The `error` of an answer of the token endpoint; beside a challenge the library leaves the body unread. */
async function tokenError(thrown) {
  if (thrown instanceof openid.ResponseBodyError) return thrown.error;
  assert.equal(thrown.constructor, openid.WWWAuthenticateChallengeError, String(thrown));
  return (await thrown.response.json()).error;
}

/** Asserts that a request to the token endpoint is refused with exactly this error and status. */
export async function refused(work, error, status = 400) {
  const thrown = await work.then(() => assert.fail(`not refused with ${error}`), (thrown) => thrown);
  assert.deepEqual([await tokenError(thrown), thrown.status], [error, status]);
}

/** Asserts that a request with a bearer token is refused with exactly this challenge. */
export function challenged(work, error, status = 401) {
  return assert.rejects(work, (thrown) => {
    assert.equal(thrown.constructor, openid.WWWAuthenticateChallengeError, String(thrown));
    const [challenge] = thrown.cause;
    assert.deepEqual([challenge.scheme, challenge.parameters.error, thrown.status], ["bearer", error, status]);
    return true;
  });
}
