//! The discovery document; TS 33.180 does not require it, generic clients read it
//! (OpenID Connect Discovery 3).

use crate::{Acr, Algorithm, Issuer, ScopeSet};
use serde::Serialize;

/// Where the IdM's endpoints are, as absolute URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// The issuer.
    pub issuer: Issuer,
    /// Authorization endpoint (GET and POST).
    pub authorization: String,
    /// Token endpoint (POST).
    pub token: String,
    /// Key set.
    pub jwks: String,
    /// Revocation endpoint (POST).
    pub revocation: String,
    /// Introspection endpoint (POST).
    pub introspection: String,
    /// Userinfo endpoint (GET and POST).
    pub userinfo: String,
    /// Registration endpoint (POST).
    pub registration: String,
    /// Log-out endpoint (GET and POST).
    pub end_session: String,
}

#[derive(Serialize)]
struct Document<'a> {
    issuer: &'a str,
    authorization_endpoint: &'a str,
    token_endpoint: &'a str,
    jwks_uri: &'a str,
    revocation_endpoint: &'a str,
    introspection_endpoint: &'a str,
    userinfo_endpoint: &'a str,
    end_session_endpoint: &'a str,
    registration_endpoint: &'a str,
    scopes_supported: Vec<&'a str>,
    response_types_supported: [&'a str; 1],
    response_modes_supported: [&'a str; 1],
    grant_types_supported: [&'a str; 4],
    acr_values_supported: [&'a str; 2],
    subject_types_supported: [&'a str; 1],
    id_token_signing_alg_values_supported: [&'a str; 1],
    token_endpoint_auth_methods_supported: [&'a str; 2],
    introspection_endpoint_auth_methods_supported: [&'a str; 1],
    prompt_values_supported: [&'a str; 4],
    code_challenge_methods_supported: [&'a str; 1],
    claims_supported: [&'a str; 13],
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
}

impl Endpoints {
    /// The document for an IdM that signs with this algorithm.
    #[must_use]
    pub fn discovery_json(&self, algorithm: Algorithm) -> String {
        let scopes = ScopeSet::every_mc_scope();
        let (password, resistant) = (Acr::password(), Acr::phishing_resistant());
        let document = Document {
            issuer: self.issuer.as_str(),
            authorization_endpoint: &self.authorization,
            token_endpoint: &self.token,
            jwks_uri: &self.jwks,
            revocation_endpoint: &self.revocation,
            introspection_endpoint: &self.introspection,
            userinfo_endpoint: &self.userinfo,
            end_session_endpoint: &self.end_session,
            registration_endpoint: &self.registration,
            scopes_supported: scopes.iter().map(crate::ScopeToken::as_str).collect(),
            response_types_supported: ["code"],
            response_modes_supported: ["query"],
            grant_types_supported: [
                "authorization_code",
                "refresh_token",
                super::federation::TOKEN_EXCHANGE,
                super::federation::JWT_BEARER,
            ],
            acr_values_supported: [password.as_str(), resistant.as_str()],
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: [algorithm.name()],
            token_endpoint_auth_methods_supported: ["none", "client_secret_basic"],
            introspection_endpoint_auth_methods_supported: ["client_secret_basic"],
            prompt_values_supported: ["none", "login", "consent", "select_account"],
            code_challenge_methods_supported: [crate::pkce::METHOD],
            claims_supported: [
                "iss",
                "sub",
                "aud",
                "iat",
                "exp",
                "auth_time",
                "acr",
                "amr",
                "sid",
                "nonce",
                "mcptt_id",
                "mcvideo_id",
                "mcdata_id",
            ],
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
        };
        // Strings, lists and flags always serialise.
        serde_json::to_string(&document).unwrap_or_default()
    }
}
