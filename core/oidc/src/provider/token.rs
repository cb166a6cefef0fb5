//! The token endpoint (TS 33.180 B.4.2.4, B.4.2.5; RFC 6749 4.1.3).

use super::federation::{Federation, JWT_BEARER, PartnerUsers, TOKEN_EXCHANGE};
use super::{
    Account, AccountDirectory, Client, ClientKind, ClientRepository, CodeGrant, GrantRepository,
    PutOutcome, Redemption, RefreshGrant, TokenAct, TokenError, TokenErrorCode, TokenEvent,
    TokenLog, TokenPolicy,
};
use crate::claims::TokenId;
use crate::form::FormParameters;
use crate::{
    AccessToken, AccessTokenClaims, AuthorizationCode, ClientSecret, CodeVerifier, GrantId,
    IdToken, IdTokenClaims, Issuer, JwkSet, McService, OauthClientId, OtherServiceIds,
    RefreshToken, ScopeSet, SigningKey, Subject,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use roger_base::{Random, SecretBytes, UnixTime};
use serde::Serialize;
use zeroize::Zeroizing;

/// Everything the token endpoint works with.
pub struct TokenEndpoint<'a> {
    /// `iss` of the tokens.
    pub issuer: &'a Issuer,
    /// `aud` of access tokens: the MC domain.
    pub audience: &'a str,
    /// Registered clients.
    pub clients: &'a dyn ClientRepository,
    /// Users that may have tokens.
    pub accounts: &'a dyn AccountDirectory,
    /// Codes, refresh tokens, revoked grants.
    pub grants: &'a dyn GrantRepository,
    /// The key that signs now.
    pub key: &'a SigningKey,
    /// Every key that is published, for tokens that come back.
    pub keys: &'a JwkSet,
    /// Lives of tokens.
    pub policy: &'a TokenPolicy,
    /// Partner domains.
    pub federation: &'a Federation,
    /// Which users of ours the users of partners are.
    pub partner_users: &'a dyn PartnerUsers,
    /// Hears of what is given and ended.
    pub log: &'a dyn TokenLog,
}

/// A successful answer (RFC 6749 5.1, OpenID Connect Core 3.1.3.3).
pub struct TokenResponse {
    /// The signed access token.
    pub access_token: AccessToken,
    /// Seconds until it expires.
    pub expires_in: u64,
    /// The signed ID token, when somebody logged in.
    pub id_token: Option<IdToken>,
    /// The refresh token to use next.
    pub refresh_token: Option<RefreshToken>,
    /// What kind of token the access token is, in the answer to a token exchange (RFC 8693 2.2.1).
    pub issued_token_type: Option<&'static str>,
    /// What was granted.
    pub scopes: ScopeSet,
}

impl TokenResponse {
    /// The JSON body; it must travel with `Cache-Control: no-store`.
    #[must_use]
    pub fn to_json(&self) -> SecretBytes {
        #[derive(Serialize)]
        struct Body<'a> {
            access_token: &'a str,
            token_type: &'static str,
            expires_in: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            id_token: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            refresh_token: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            issued_token_type: Option<&'static str>,
            #[serde(skip_serializing_if = "String::is_empty")]
            scope: String,
        }
        let body = Body {
            access_token: self.access_token.expose(),
            // A security token opens nothing by itself (RFC 8693 2.2.1).
            token_type: match self.issued_token_type {
                Some(_) => "N_A",
                None => "Bearer",
            },
            expires_in: self.expires_in,
            id_token: self.id_token.as_ref().map(IdToken::expose),
            refresh_token: self.refresh_token.as_ref().map(RefreshToken::expose),
            issued_token_type: self.issued_token_type,
            scope: self.scopes.to_string(),
        };
        // Strings and a number always serialise.
        SecretBytes::new(serde_json::to_vec(&body).unwrap_or_default())
    }
}

/// What the tokens of one answer share.
pub(super) struct Issue<'a> {
    pub(super) account: &'a Account,
    pub(super) family: RefreshGrant,
    pub(super) scopes: ScopeSet,
    pub(super) nonce: Option<crate::Nonce>,
    pub(super) now: UnixTime,
}

impl TokenEndpoint<'_> {
    /// Answers a POST: `authorization` is the header of that name, `body` the form.
    ///
    /// # Errors
    /// [`TokenError`] with the standard's code; nothing half-made is left.
    pub fn handle(
        &self,
        authorization: Option<&str>,
        body: &str,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<TokenResponse, TokenError> {
        let form = FormParameters::parse(body)?;
        let client = self.authenticated_client(authorization, &form)?;
        if matches!(client.kind, ClientKind::ResourceServer { .. }) {
            return Err(TokenError::new(
                TokenErrorCode::UnauthorizedClient,
                "a resource server gets no tokens",
            ));
        }
        self.log.ready()?;
        match form.required("grant_type")? {
            "authorization_code" => self.redeem(&client, &form, now, random),
            "refresh_token" => self.refresh(&client, &form, now, random),
            TOKEN_EXCHANGE => self.exchange(&client, &form, now, random),
            JWT_BEARER => self.assertion(&client, &form, now, random),
            _ => Err(TokenError::new(
                TokenErrorCode::UnsupportedGrantType,
                "this grant_type is not offered",
            )),
        }
    }

    /// The client by HTTP Basic or by the `client_id` of the form (RFC 6749 2.3.1, 3.2.1).
    pub(super) fn authenticated_client(
        &self,
        authorization: Option<&str>,
        form: &FormParameters,
    ) -> Result<Client, TokenError> {
        const REFUSED: TokenError = TokenError::new(
            TokenErrorCode::InvalidClient,
            "the client did not prove itself",
        );
        let named = form.optional("client_id")?;
        if form.optional("client_secret")?.is_some() {
            return Err(TokenError::new(
                TokenErrorCode::InvalidRequest,
                "the secret belongs in the Authorization header",
            ));
        }
        let (id, secret) = match authorization {
            Some(header) => basic(header)
                .map(|(id, secret)| (id, Some(secret)))
                .ok_or(REFUSED)?,
            None => (named.ok_or(REFUSED)?.to_owned(), None),
        };
        if named.is_some_and(|named| named != id) {
            return Err(REFUSED);
        }
        let id = OauthClientId::new(id).map_err(|_| REFUSED)?;
        let client = self.clients.client(&id)?.ok_or(REFUSED)?;
        if !client.accepts(secret.as_ref()) {
            return Err(REFUSED);
        }
        Ok(client)
    }

    /// Redeems a code. Whoever presents a code uses it up, whether the rest of the request is right or not;
    /// a second presentation revokes what the first one got (RFC 6749 4.1.2).
    fn redeem(
        &self,
        client: &Client,
        form: &FormParameters,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<TokenResponse, TokenError> {
        let (code, redirect_uri) = (form.required("code")?, form.required("redirect_uri")?);
        let verifier = CodeVerifier::new(form.required("code_verifier")?).map_err(|_| {
            TokenError::new(TokenErrorCode::InvalidRequest, "code_verifier is malformed")
        })?;
        let code =
            AuthorizationCode::new(code).map_err(|_| TokenError::grant("the code is not valid"))?;
        let grant = match self.grants.redeem_code(&code.digest())? {
            Redemption::Fresh(grant) => grant,
            Redemption::Replayed(grant) => {
                self.grants.revoke_grant(&grant)?;
                self.keep(TokenAct::CodeReplayed, None, client, &grant)?;
                return Err(TokenError::grant("the code is not valid"));
            }
            Redemption::Unknown => return Err(TokenError::grant("the code is not valid")),
        };
        check_redemption(&grant, client, redirect_uri, &verifier, now)?;
        let account = self.accounts.account(&grant.subject)?;
        let account = account.ok_or(TokenError::grant("the account is disabled"))?;
        let refresh_token = RefreshToken::random(random)?;
        let issue = Issue {
            account: &account,
            family: family(&grant, grant.authenticated_at + self.policy.refresh()),
            scopes: grant.scopes.clone(),
            nonce: grant.nonce.clone(),
            now,
        };
        let digest = refresh_token.digest();
        let response = self.sign(&issue, Some(refresh_token), random)?;
        match self.grants.put_refresh(&digest, &issue.family)? {
            PutOutcome::Stored => {
                let family = &issue.family;
                let subject = Some(&family.subject);
                self.keep(TokenAct::Issued, subject, client, &family.grant)?;
                Ok(response)
            }
            PutOutcome::GrantRevoked => Err(TokenError::grant("the code is not valid")),
        }
    }

    /// Tells the log.
    pub(super) fn keep(
        &self,
        act: TokenAct,
        subject: Option<&Subject>,
        client: &Client,
        grant: &GrantId,
    ) -> Result<(), TokenError> {
        let event = TokenEvent {
            act,
            subject,
            client: &client.id,
            grant,
        };
        Ok(self.log.keep(&event)?)
    }

    /// The claims of an access token (TS 33.180 B.2.2).
    pub(super) fn access_claims(
        &self,
        account: &Account,
        client_id: &OauthClientId,
        grant: &GrantId,
        scopes: &ScopeSet,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<AccessTokenClaims, TokenError> {
        Ok(AccessTokenClaims {
            issuer: self.issuer.clone(),
            subject: account.subject.clone(),
            audience: self.audience.to_owned(),
            client_id: client_id.clone(),
            issued_at: now,
            expires_at: now + self.policy.access(),
            scopes: scopes.clone(),
            mcptt_id: account.mcptt_id.clone(),
            others: claimed(&account.others, scopes),
            token_id: token_id(grant, random)?,
        })
    }

    /// Signs the tokens of one answer.
    pub(super) fn sign(
        &self,
        issue: &Issue<'_>,
        refresh_token: Option<RefreshToken>,
        random: &mut dyn Random,
    ) -> Result<TokenResponse, TokenError> {
        const LOCAL: TokenError = TokenError::new(TokenErrorCode::ServerError, "try again later");
        let Issue {
            account,
            family,
            scopes,
            now,
            ..
        } = issue;
        let (client, grant) = (&family.client_id, &family.grant);
        let access = self.access_claims(account, client, grant, scopes, *now, random)?;
        let expires_at = access.expires_at;
        let id = IdTokenClaims {
            issuer: self.issuer.clone(),
            subject: issue.account.subject.clone(),
            client_id: issue.family.client_id.clone(),
            issued_at: issue.now,
            expires_at,
            authenticated_at: issue.family.authenticated_at,
            acr: issue.family.acr.clone(),
            amr: issue.family.amr,
            session: issue.family.session.clone(),
            nonce: issue.nonce.clone(),
            mcptt_id: issue.account.mcptt_id.clone(),
            others: claimed(&issue.account.others, &issue.scopes),
        };
        Ok(TokenResponse {
            access_token: AccessToken::new(self.key.sign(&access.written())?).map_err(|_| LOCAL)?,
            expires_in: self.policy.access().as_secs(),
            id_token: Some(IdToken::new(self.key.sign(&id.written())?).map_err(|_| LOCAL)?),
            refresh_token,
            issued_token_type: None,
            scopes: issue.scopes.clone(),
        })
    }
}

/// A fresh `jti` of a grant.
pub(super) fn token_id(grant: &GrantId, random: &mut dyn Random) -> Result<TokenId, TokenError> {
    let mut serial = [0; 9];
    random.fill(&mut serial)?;
    Ok(TokenId::new(grant, &URL_SAFE_NO_PAD.encode(serial)))
}

/// The checks on a code presented for the first time.
fn check_redemption(
    grant: &CodeGrant,
    client: &Client,
    redirect_uri: &str,
    verifier: &CodeVerifier,
    now: UnixTime,
) -> Result<(), TokenError> {
    if grant.client_id != client.id {
        return Err(TokenError::grant("the code was issued to another client"));
    }
    if now >= grant.expires_at {
        return Err(TokenError::grant("the code has expired"));
    }
    if grant.redirect_uri.as_str() != redirect_uri {
        return Err(TokenError::grant(
            "redirect_uri is not the one of the authentication request",
        ));
    }
    if !grant.challenge.matches(verifier) {
        return Err(TokenError::grant("code_verifier does not match"));
    }
    Ok(())
}

/// A token names a service identity only when it opens a server of that service (TS 33.180 B.2.1.3).
pub(super) fn claimed(own: &OtherServiceIds, scopes: &ScopeSet) -> OtherServiceIds {
    let granted = |service| scopes.serves(service);
    OtherServiceIds {
        mcvideo: own.mcvideo.clone().filter(|_| granted(McService::Video)),
        mcdata: own.mcdata.clone().filter(|_| granted(McService::Data)),
    }
}

fn family(grant: &CodeGrant, expires_at: UnixTime) -> RefreshGrant {
    RefreshGrant {
        grant: grant.grant.clone(),
        client_id: grant.client_id.clone(),
        subject: grant.subject.clone(),
        scopes: grant.scopes.clone(),
        authenticated_at: grant.authenticated_at,
        acr: grant.acr.clone(),
        amr: grant.amr,
        session: grant.session.clone(),
        expires_at,
    }
}

/// Client id and secret of an HTTP Basic header; both are form-encoded inside (RFC 6749 2.3.1).
fn basic(header: &str) -> Option<(String, ClientSecret)> {
    let (scheme, credentials) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") || credentials.len() > 2048 {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(credentials.trim()).ok()?);
    let (id, secret) = core::str::from_utf8(&decoded).ok()?.split_once(':')?;
    let id = crate::form::decode(id).ok()?;
    let secret = crate::form::decode(secret).ok()?;
    Some((id.to_string(), ClientSecret::new(secret.as_str()).ok()?))
}
