//! Revocation: a client gives a token back (RFC 7009).

use super::{TokenAct, TokenEndpoint, TokenError};
use crate::claims::TokenId;
use crate::form::FormParameters;
use crate::{GrantId, OauthClientId, RefreshToken, Subject};
use roger_base::UnixTime;

impl TokenEndpoint<'_> {
    /// Answers a POST: the grant of the token ends, whichever of its tokens was shown. A token that we do not know
    /// is as good as revoked (RFC 7009 2.2).
    ///
    /// # Errors
    /// [`TokenError`] when the client did not prove itself or the token is another client's; then nothing changes.
    pub fn revoke(
        &self,
        authorization: Option<&str>,
        body: &str,
        now: UnixTime,
    ) -> Result<(), TokenError> {
        let form = FormParameters::parse(body)?;
        let client = self.authenticated_client(authorization, &form)?;
        let token = form.required("token")?;
        // The hint only speeds a search up (RFC 7009 2.1); two look-ups need none.
        form.optional("token_type_hint")?;
        self.log.ready()?;
        let Some((grant, owner, subject)) = self.grant_of(token, now)? else {
            return Ok(());
        };
        if owner != client.id {
            return Err(TokenError::grant("the token was issued to another client"));
        }
        self.grants.revoke_grant(&grant)?;
        self.keep(TokenAct::Revoked, subject.as_ref(), &client, &grant)
    }

    fn grant_of(
        &self,
        token: &str,
        now: UnixTime,
    ) -> Result<Option<(GrantId, OauthClientId, Option<Subject>)>, TokenError> {
        if let Ok(refresh) = RefreshToken::new(token)
            && let Some(family) = self.grants.refresh(&refresh.digest())?
        {
            return Ok(Some((family.grant, family.client_id, Some(family.subject))));
        }
        let Some((claims, _)) = self.good_access_token(token, now)? else {
            return Ok(None);
        };
        let grant = claims.jti.as_deref().and_then(TokenId::grant);
        let client = claims.client_id.and_then(|id| OauthClientId::new(id).ok());
        let subject = claims.sub.and_then(|sub| Subject::new(sub).ok());
        Ok(grant
            .zip(client)
            .map(|(grant, client)| (grant, client, subject)))
    }
}
