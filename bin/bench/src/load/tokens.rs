//! Access tokens of an issuer that the servers trust: signed here, verified by them as any others.

use crate::error::BenchError;
use jsonwebtoken::{Algorithm as JwtAlgorithm, EncodingKey, Header, encode};
use roger_base::UnixTime;
use roger_oidc::{
    AccessTokenVerifier, Algorithm, ClockSkew, Issuer, JwkSet, Resource, SigningKey, TrustedIssuer,
};
use serde::Serialize;

/// `iss`.
pub(super) const ISSUER: &str = "https://idm.mcptt.example.org";

/// Life of a token in seconds.
const LIFE: u64 = 3600;

/// Signs tokens with ES256.
pub(super) struct TokenIssuer {
    key: SigningKey,
    encoding: EncodingKey,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    client_id: &'a str,
    mcptt_id: &'a str,
    scope: &'a str,
    jti: String,
    iat: u64,
    exp: u64,
}

impl TokenIssuer {
    pub(super) fn new() -> Result<Self, BenchError> {
        let key = SigningKey::generate(Algorithm::Es256).map_err(BenchError::wrong("tokens"))?;
        let encoding = EncodingKey::from_ec_der(key.pkcs8().expose());
        Ok(Self { key, encoding })
    }

    /// The public keys, as a resource server reads them.
    pub(super) fn public_keys(&self) -> String {
        JwkSet::new(vec![self.key.public().clone()]).to_json()
    }

    /// What checks these tokens in a server.
    pub(super) fn verifier(&self) -> Result<AccessTokenVerifier, BenchError> {
        let issuer = TrustedIssuer {
            issuer: Issuer::new(ISSUER).map_err(BenchError::wrong("tokens"))?,
            keys: JwkSet::new(vec![self.key.public().clone()]),
        };
        Ok(AccessTokenVerifier::new(vec![issuer], ClockSkew::MAX))
    }

    /// A token that opens a resource to a user.
    pub(super) fn token(
        &self,
        user: &str,
        resource: Resource,
        now: UnixTime,
    ) -> Result<String, BenchError> {
        let claims = Claims {
            iss: ISSUER,
            sub: user,
            aud: "https://mcptt.example.org",
            client_id: "ue",
            mcptt_id: user,
            scope: resource.scope(),
            jti: uuid::Uuid::new_v4().to_string(),
            iat: now.0,
            exp: now.0 + LIFE,
        };
        let mut header = Header::new(JwtAlgorithm::ES256);
        header.kid = Some(self.key.kid().to_owned());
        encode(&header, &claims, &self.encoding).map_err(BenchError::wrong("tokens"))
    }
}
