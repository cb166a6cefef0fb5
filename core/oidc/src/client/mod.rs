//! The UE's side of the flow (TS 33.180 B.4, C.1): each step consumes the one before.
//!
//! [`RelyingParty::log_in`] gives a [`LoginAttempt`] and the URL for the browser; the redirect back turns it into a
//! [`TokenRequest`]; the answer of the token endpoint turns that into [`Tokens`] whose ID token has been checked.

mod id_token;
mod login;
mod relying_party;
mod tokens;

pub use id_token::IdTokenError;
pub use login::{LoginAttempt, RedirectError};
pub use relying_party::RelyingParty;
pub use tokens::{RefreshRequest, TokenRequest, TokenResponseError, Tokens};
