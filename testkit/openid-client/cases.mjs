// What the certified relying party does with our IdM server: `node cases.mjs NAME`.
import assert from "node:assert/strict";
import { SCOPE, advance, challenged, discovered, loggedIn, openid, redirected, refused, request, setting } from "./party.mjs";
import { logIn } from "./browser.mjs";

const cases = {
  async logs_in_and_refreshes() {
    const config = await discovered(setting.client);
    const metadata = config.serverMetadata();
    assert.equal(metadata.issuer, setting.issuer);
    assert.equal(metadata.supportsPKCE(), true);
    const tokens = await loggedIn(config);
    const claims = tokens.claims();
    assert.equal(claims.sub, "subject-of-alice");
    assert.equal(claims.mcptt_id, "sip:alice@mcptt.example.org");
    assert.deepEqual([claims.acr, claims.amr], ["3gpp:acr:password", ["pwd"]]);
    const user = await openid.fetchUserInfo(config, tokens.access_token, claims.sub);
    assert.equal(user.mcptt_id, claims.mcptt_id);

    const second = await openid.refreshTokenGrant(config, tokens.refresh_token);
    assert.notEqual(second.refresh_token, tokens.refresh_token);
    await openid.fetchUserInfo(config, second.access_token, claims.sub);
    // Somebody holds a copy of the first one: it is refused and takes the whole family with it.
    await refused(openid.refreshTokenGrant(config, tokens.refresh_token), "invalid_grant");
    await refused(openid.refreshTokenGrant(config, second.refresh_token), "invalid_grant");
    await challenged(openid.fetchUserInfo(config, second.access_token, claims.sub), "invalid_token");
  },

  async gives_a_token_back() {
    const config = await discovered(setting.client);
    const tokens = await loggedIn(config);
    await openid.tokenRevocation(config, tokens.refresh_token);
    await refused(openid.refreshTokenGrant(config, tokens.refresh_token), "invalid_grant");
    await challenged(openid.fetchUserInfo(config, tokens.access_token, tokens.claims().sub), "invalid_token");
  },

  async wrong_verifier() {
    const config = await discovered(setting.client);
    const { callback, checks } = await redirected(config);
    const wrong = { ...checks, pkceCodeVerifier: openid.randomPKCECodeVerifier() };
    await refused(openid.authorizationCodeGrant(config, callback, wrong), "invalid_grant");
    const plain = await request(config, { code_challenge_method: "plain" });
    const { location } = await logIn(plain.url, setting);
    const answer = new URL(location).searchParams;
    assert.deepEqual([answer.get("error"), answer.get("code")], ["invalid_request", null]);
  },

  async replayed_code() {
    const config = await discovered(setting.client);
    const { callback, checks } = await redirected(config);
    const tokens = await openid.authorizationCodeGrant(config, callback, checks);
    await refused(openid.authorizationCodeGrant(config, callback, checks), "invalid_grant");
    // RFC 6749 4.1.2: what the first one gave ends as well.
    await challenged(openid.fetchUserInfo(config, tokens.access_token, tokens.claims().sub), "invalid_token");
    await refused(openid.refreshTokenGrant(config, tokens.refresh_token), "invalid_grant");
  },

  async wrong_redirect_uri() {
    const config = await discovered(setting.client);
    const { callback, checks } = await redirected(config);
    const elsewhere = new URL(callback.href.replace(":/cb", ":/other"));
    await refused(openid.authorizationCodeGrant(config, elsewhere, checks), "invalid_grant");
    const stolen = await request(config, { redirect_uri: "https://attacker.example.org/cb" });
    // No redirect: nothing may reach an address that nobody registered.
    assert.deepEqual(await logIn(stolen.url, setting), { status: 400, location: null });
  },

  async expired() {
    const config = await discovered(setting.client);
    const tokens = await loggedIn(config);
    const waiting = await redirected(config);
    const { sub } = tokens.claims();
    await openid.fetchUserInfo(config, tokens.access_token, sub);
    await advance(tokens.expires_in + setting.skew + 1);
    await challenged(openid.fetchUserInfo(config, tokens.access_token, sub), "invalid_token");
    await refused(openid.authorizationCodeGrant(config, waiting.callback, waiting.checks), "invalid_grant");
    await advance(setting.refresh_life);
    await refused(openid.refreshTokenGrant(config, tokens.refresh_token), "invalid_grant");
  },

  async unregistered_client() {
    const nobody = await discovered("nobody");
    const { url } = await request(nobody);
    assert.deepEqual(await logIn(url, setting), { status: 400, location: null });
    const config = await discovered(setting.client);
    const { callback, checks } = await redirected(config);
    await refused(openid.authorizationCodeGrant(nobody, callback, checks), "invalid_client", 401);
    const guess = await discovered("nobody", "a secret that nobody gave it");
    await refused(openid.authorizationCodeGrant(guess, callback, checks), "invalid_client", 401);
  },

  async registers_itself() {
    const metadata = { redirect_uris: [setting.redirect], application_type: "native", client_name: "A new one", scope: SCOPE };
    const register = (permit) =>
      openid.dynamicClientRegistration(new URL(setting.issuer), metadata, openid.ClientSecretBasic(), { initialAccessToken: permit });
    await challenged(register("a permit that nobody gave it, of some length"), "invalid_token");
    const config = await register(setting.permit);
    const { client_id: id, client_secret: secret } = config.clientMetadata();
    assert.ok(id && secret, "it has a name and a secret");
    // Used up.
    await challenged(register(setting.permit), "invalid_token");
    const tokens = await loggedIn(config);
    assert.equal(tokens.claims().aud, id);
    const wrong = await discovered(id, `${secret}x`);
    await refused(openid.refreshTokenGrant(wrong, tokens.refresh_token), "invalid_client", 401);
    await openid.refreshTokenGrant(config, tokens.refresh_token);
  },
};

const name = process.argv[2];
const run = cases[name];
if (!run) throw new Error(`no case ${name}; there are ${Object.keys(cases).join(", ")}`);
await run();
console.log(`passed ${name}`);
process.exit(0);
