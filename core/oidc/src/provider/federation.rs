//! Tokens between domains (TS 33.180 B.6 to B.9): the primary IdM server gives a security token for a partner's IdM
//! server (RFC 8693), which gives its own access token for it (RFC 7523).

use super::{
    Client, StoreError, TokenAct, TokenEndpoint, TokenError, TokenErrorCode, TokenResponse,
};
use crate::claims::{SecurityTokenClaims, TokenId};
use crate::form::FormParameters;
use crate::verifier::CheckedToken;
use crate::{
    AccessToken, AccessTokenVerifier, ClockSkew, GrantId, Issuer, ScopeSet, Subject, TrustedIssuer,
};
use core::time::Duration;
use roger_base::{Random, UnixTime};
use std::collections::HashMap;

/// `grant_type` of a token exchange (RFC 8693 2.1).
pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// `grant_type` of a security token at the partner (RFC 7523 2.1).
pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// Life of a security token: it is shown once, right away.
const SECURITY_TOKEN_LIFE: Duration = Duration::from_secs(300);
/// Longest life of a partner's security token that is taken.
const LONGEST_LIFE: Duration = Duration::from_secs(3600);

/// Which user of ours a partner's user is: the local policy of TS 33.180 B.11.3.
pub trait PartnerUsers: Send + Sync {
    /// The subject here, when the partner's user may be served.
    ///
    /// # Errors
    /// [`StoreError`] when the policy cannot be read.
    fn local_subject(
        &self,
        partner: &Issuer,
        subject: &Subject,
    ) -> Result<Option<Subject>, StoreError>;
}

/// A policy written in the configuration: each user of a partner by name, nobody else.
impl PartnerUsers for HashMap<(Issuer, Subject), Subject> {
    fn local_subject(
        &self,
        partner: &Issuer,
        subject: &Subject,
    ) -> Result<Option<Subject>, StoreError> {
        Ok(self.get(&(partner.clone(), subject.clone())).cloned())
    }
}

/// Partner domains; by default there is none.
#[derive(Debug, Clone, Default)]
pub struct Federation {
    /// IdM servers that our users get security tokens for; these are the values of `resource`.
    pub targets: Vec<Issuer>,
    /// IdM servers whose security tokens we take, with the keys provisioned for them.
    pub trusted: Vec<TrustedIssuer>,
}

impl TokenEndpoint<'_> {
    /// Gives a security token for a good access token of the same client, or takes one where a client sends it in
    /// this form.
    pub(super) fn exchange(
        &self,
        client: &Client,
        form: &FormParameters,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<TokenResponse, TokenError> {
        let token = form.required("subject_token")?;
        match form.required("subject_token_type")? {
            ACCESS_TOKEN => self.security_token(client, form, token, now, random),
            // TS 33.180 B.7.4 leaves open which form a client uses at the partner.
            JWT => self.partner_token(client, form, token, now, random),
            _ => Err(TokenError::new(
                TokenErrorCode::InvalidRequest,
                "this subject_token_type is not taken",
            )),
        }
    }

    /// TS 33.180 B.7.2, B.8.
    fn security_token(
        &self,
        client: &Client,
        form: &FormParameters,
        token: &str,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<TokenResponse, TokenError> {
        let requested = form.optional("requested_token_type")?;
        if requested.is_some_and(|kind| kind != JWT && kind != ACCESS_TOKEN) {
            return Err(TokenError::new(
                TokenErrorCode::InvalidRequest,
                "this requested_token_type is not given",
            ));
        }
        let resource = form.required("resource")?;
        let mut targets = self.federation.targets.iter();
        let target = targets
            .find(|target| target.as_str() == resource)
            .ok_or(TokenError::new(
                TokenErrorCode::InvalidTarget,
                "resource is no partner of this domain",
            ))?;
        const REFUSED: TokenError = TokenError::grant("the subject token is not valid");
        let (claims, expires_at) = self.good_access_token(token, now)?.ok_or(REFUSED)?;
        if claims.client_id.as_deref() != Some(client.id.as_str()) {
            return Err(TokenError::grant(
                "the subject token was issued to another client",
            ));
        }
        let subject = claims.sub.and_then(|sub| Subject::new(sub).ok());
        let grant = claims.jti.as_deref().and_then(TokenId::grant);
        let (subject, grant) = subject.zip(grant).ok_or(REFUSED)?;
        let account = self.accounts.account(&subject)?.ok_or(REFUSED)?;
        let security = SecurityTokenClaims {
            issuer: self.issuer.clone(),
            subject,
            client_id: client.id.clone(),
            target: target.clone(),
            issued_at: now,
            expires_at: (now + SECURITY_TOKEN_LIFE).min(expires_at),
            mcptt_id: account.mcptt_id,
            others: account.others,
            token_id: super::token::token_id(&grant, random)?,
        };
        const LOCAL: TokenError = TokenError::new(TokenErrorCode::ServerError, "try again later");
        let user = Some(&security.subject);
        self.keep(TokenAct::Exchanged, user, client, &grant)?;
        Ok(TokenResponse {
            access_token: AccessToken::new(self.key.sign(&security.written())?)
                .map_err(|_| LOCAL)?,
            expires_in: security.expires_at.0.saturating_sub(now.0),
            id_token: None,
            refresh_token: None,
            issued_token_type: Some(JWT),
            scopes: ScopeSet::default(),
        })
    }

    /// Answers the grant type `jwt-bearer`.
    pub(super) fn assertion(
        &self,
        client: &Client,
        form: &FormParameters,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<TokenResponse, TokenError> {
        let assertion = form.required("assertion")?;
        self.partner_token(client, form, assertion, now, random)
    }

    /// TS 33.180 B.7.4, B.11.3: an access token of ours for a security token of a partner. There is no refresh
    /// token: when the user ends at home, access here ends with the access token.
    fn partner_token(
        &self,
        client: &Client,
        form: &FormParameters,
        token: &str,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<TokenResponse, TokenError> {
        let (partner, subject) = self.vouched(token, now)?;
        const UNKNOWN: TokenError = TokenError::grant("the partner's user is not served here");
        let local = self.partner_users.local_subject(&partner, &subject)?;
        let account = self.accounts.account(&local.ok_or(UNKNOWN)?)?;
        let account = account.ok_or(UNKNOWN)?;
        let asked = form.optional("scope")?.map(ScopeSet::parse).transpose()?;
        let asked = asked.unwrap_or_else(|| client.scopes.clone());
        let scopes = asked
            .intersection(&client.scopes)
            .intersection(&account.entitlement);
        if scopes.is_empty() {
            return Err(TokenError::new(
                TokenErrorCode::InvalidScope,
                "nothing of this scope is given to the partner's user",
            ));
        }
        let grant = GrantId::random(random)?;
        let access = self.access_claims(&account, &client.id, &grant, &scopes, now, random)?;
        const LOCAL: TokenError = TokenError::new(TokenErrorCode::ServerError, "try again later");
        self.keep(TokenAct::Admitted, Some(&account.subject), client, &grant)?;
        Ok(TokenResponse {
            access_token: AccessToken::new(self.key.sign(&access.written())?).map_err(|_| LOCAL)?,
            expires_in: self.policy.access().as_secs(),
            id_token: None,
            refresh_token: None,
            issued_token_type: None,
            scopes,
        })
    }

    /// The partner and its user that a security token names: signed by a trusted issuer, made for us, not too long.
    fn vouched(&self, token: &str, now: UnixTime) -> Result<(Issuer, Subject), TokenError> {
        const REFUSED: TokenError = TokenError::grant("the security token is not valid");
        let verifier = AccessTokenVerifier::new(self.federation.trusted.clone(), ClockSkew::MAX);
        let checked = verifier.check(token, now).map_err(|_| REFUSED)?;
        let CheckedToken {
            claims,
            issuer,
            expires_at,
        } = checked;
        let named = claims.iss.as_deref() == Some(issuer.as_str());
        let own = self.issuer.as_str();
        let for_us = claims.aud.is_some_and(|audience| audience.contains(own));
        let issued_at = claims.iat.ok_or(REFUSED)?.0;
        if !named || !for_us || expires_at > issued_at + LONGEST_LIFE {
            return Err(REFUSED);
        }
        let subject = claims.sub.and_then(|sub| Subject::new(sub).ok());
        Ok((issuer.clone(), subject.ok_or(REFUSED)?))
    }
}
