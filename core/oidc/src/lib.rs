//! OpenID Connect as TS 33.180 Annex B profiles it: authorization code with PKCE S256, tokens as signed JWTs.
//!
//! Three parties use this crate, each through its own module; none of them needs a socket or a clock here:
//!
//! * [`provider`] is the IdM server's side: it checks the authentication request, issues and redeems codes,
//!   rotates refresh tokens and signs tokens, over repositories that the service hands in;
//! * [`client`] is the UE's side: it makes the request, checks the redirect and the ID token;
//! * [`verifier`] is the resource server's side (MCPTT server, KMS, GMS): it turns the text of an access token
//!   into a [`VerifiedToken`] or a precise [`TokenRefusal`].
//!
//! Tokens, codes and verifiers are types without `Debug`, `Display` or serialisation; repositories hold only
//! their SHA-256 digests.
//!
//! # Where randomness comes from
//! Codes, states, nonces, verifiers and refresh tokens come from the [`roger_base::Random`] handed in. Signing keys
//! and the per-signature randomness of ECDSA come from the cryptographic library, which lets nobody choose them.

pub mod client;
pub mod form;
pub mod jose;
pub mod provider;
pub mod verifier;

mod amr;
mod claims;
mod key_cache;
mod pkce;
mod scope;
mod secret_text;
mod service_ids;
mod text;

pub use amr::Amr;
pub use claims::{AccessTokenClaims, IdTokenClaims, SecurityTokenClaims, TokenId};
pub use jose::{Algorithm, Jwk, JwkSet, JwsError, KeyError, SigningKey};
pub use key_cache::{KeyCache, KeyCachePolicy, KeyFetch};
pub use pkce::{CodeChallenge, PkceError};
pub use scope::{CATALOGUE, CatalogueEntry, McService, Resource, ScopeError, ScopeSet, ScopeToken};
pub use secret_text::{
    AccessToken, AuthorizationCode, BrowserKey, ClientSecret, CodeVerifier, IdToken,
    InitialAccessToken, LoginSessionKey, RefreshToken, RegistrationAccessToken, SecretTextError,
    TokenDigest,
};
pub use service_ids::{McDataId, McVideoId, OtherServiceIds};
pub use text::{
    Acr, GrantId, Issuer, Nonce, OauthClientId, RedirectUri, SessionId, State, Subject, TextError,
};
pub use verifier::{
    AccessTokenVerifier, ClockSkew, KeySource, Revocations, TokenRefusal, TrustedIssuer,
    VerifiedToken,
};
