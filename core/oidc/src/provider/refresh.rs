//! Refresh with rotation and reuse detection (TS 33.180 B.5, RFC 6749 6, RFC 9700 4.14).

use super::token::Issue;
use super::{
    Client, RefreshGrant, Rotation, TokenAct, TokenEndpoint, TokenError, TokenErrorCode,
    TokenResponse,
};
use crate::form::FormParameters;
use crate::{RefreshToken, ScopeSet};
use roger_base::{Random, UnixTime};

const REFUSED: TokenError = TokenError::grant("the refresh token is not valid; log in again");

impl TokenEndpoint<'_> {
    /// New tokens for a refresh token. The old one is used up; presenting it once more kills the family, since
    /// then two parties hold it. A disabled user's family is revoked (TS 33.180 B.5 recommends the check).
    pub(super) fn refresh(
        &self,
        client: &Client,
        form: &FormParameters,
        now: UnixTime,
        random: &mut dyn Random,
    ) -> Result<TokenResponse, TokenError> {
        let old = RefreshToken::new(form.required("refresh_token")?).map_err(|_| REFUSED)?;
        let family = self.grants.refresh(&old.digest())?.ok_or(REFUSED)?;
        if family.client_id != client.id || now >= family.expires_at {
            return Err(REFUSED);
        }
        let asked = narrowed(&family, form.optional("scope")?)?;
        let Some(account) = self.accounts.account(&family.subject)? else {
            self.grants.revoke_grant(&family.grant)?;
            let subject = Some(&family.subject);
            self.keep(TokenAct::AccountDisabled, subject, client, &family.grant)?;
            return Err(TokenError::grant("the account is disabled"));
        };
        let scopes = asked.intersection(&account.entitlement);
        let issue = Issue {
            account: &account,
            family,
            scopes,
            nonce: None,
            now,
        };
        let new = RefreshToken::random(random)?;
        let digest = new.digest();
        let response = self.sign(&issue, Some(new), random)?;
        let (subject, grant) = (Some(&issue.family.subject), &issue.family.grant);
        match self.grants.rotate_refresh(&old.digest(), &digest)? {
            Rotation::Rotated => {
                self.keep(TokenAct::Refreshed, subject, client, grant)?;
                Ok(response)
            }
            Rotation::Reused => {
                self.grants.revoke_grant(grant)?;
                self.keep(TokenAct::RefreshReused, subject, client, grant)?;
                Err(REFUSED)
            }
            Rotation::GrantRevoked | Rotation::Unknown => Err(REFUSED),
        }
    }
}

/// The scope asked for, which must lie within what was granted at log-in (RFC 6749 6).
fn narrowed(family: &RefreshGrant, asked: Option<&str>) -> Result<ScopeSet, TokenError> {
    let Some(asked) = asked else {
        return Ok(family.scopes.clone());
    };
    let asked = ScopeSet::parse(asked)?;
    if !asked.is_subset(&family.scopes) {
        return Err(TokenError::new(
            TokenErrorCode::InvalidScope,
            "scope goes beyond what was granted",
        ));
    }
    Ok(asked)
}
