//! Errors of the token endpoint (RFC 6749 5.2).

use super::StoreError;
use crate::form::FormError;
use crate::{KeyError, ScopeError};
use roger_base::RandomError;
use serde::Serialize;
use thiserror::Error;

/// The `error` value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenErrorCode {
    /// A parameter is missing, repeated or malformed.
    InvalidRequest,
    /// The client did not prove itself.
    InvalidClient,
    /// The code or refresh token is wrong, expired, used or another client's; the PKCE verifier is wrong.
    InvalidGrant,
    /// The client may not use this grant or endpoint.
    UnauthorizedClient,
    /// The target is no partner of ours (RFC 8693 2.2.2).
    InvalidTarget,
    /// A grant type we do not have.
    UnsupportedGrantType,
    /// More scope than was granted.
    InvalidScope,
    /// Our fault.
    ServerError,
}

impl TokenErrorCode {
    /// The value on the wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::InvalidTarget => "invalid_target",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::ServerError => "server_error",
        }
    }

    /// The HTTP status: 401 for a client that did not prove itself, 503 when it is our fault, else 400.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::InvalidClient => 401,
            Self::ServerError => 503,
            _ => 400,
        }
    }
}

/// A refusal of the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{}: {description}", code.code())]
pub struct TokenError {
    /// The `error` value.
    pub code: TokenErrorCode,
    /// A plain sentence for the developer of the client; never a secret.
    pub description: &'static str,
}

impl TokenError {
    pub(crate) const fn new(code: TokenErrorCode, description: &'static str) -> Self {
        Self { code, description }
    }

    pub(crate) const fn grant(description: &'static str) -> Self {
        Self::new(TokenErrorCode::InvalidGrant, description)
    }

    /// The JSON body.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Body {
            error: &'static str,
            error_description: &'static str,
        }
        let body = Body {
            error: self.code.code(),
            error_description: self.description,
        };
        // Two strings always serialise.
        serde_json::to_string(&body).unwrap_or_default()
    }
}

impl From<FormError> for TokenError {
    fn from(_: FormError) -> Self {
        Self::new(
            TokenErrorCode::InvalidRequest,
            "a parameter is missing, repeated or malformed",
        )
    }
}

impl From<ScopeError> for TokenError {
    fn from(_: ScopeError) -> Self {
        Self::new(TokenErrorCode::InvalidScope, "scope is malformed")
    }
}

impl From<StoreError> for TokenError {
    fn from(_: StoreError) -> Self {
        Self::new(TokenErrorCode::ServerError, "try again later")
    }
}

impl From<RandomError> for TokenError {
    fn from(_: RandomError) -> Self {
        Self::new(TokenErrorCode::ServerError, "try again later")
    }
}

impl From<KeyError> for TokenError {
    fn from(_: KeyError) -> Self {
        Self::new(TokenErrorCode::ServerError, "try again later")
    }
}
