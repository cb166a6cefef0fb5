//! The IdM server's endpoints (TS 24.482 6.3, TS 33.180 B.4).
//!
//! | method and path | what |
//! |---|---|
//! | GET, POST `/oauth2/authorize` | authentication request; answers with the log-in form |
//! | POST `/oauth2/login` | the submitted form; answers with 302 to the application |
//! | POST `/oauth2/token` | code or refresh token for tokens |
//! | POST `/oauth2/revoke` | gives a token back |
//! | POST `/oauth2/introspect` | tells a resource server about a token |
//! | GET, POST `/oauth2/userinfo` | tells who a token belongs to |
//! | GET, POST `/oauth2/logout` | ends the browser's session |
//! | POST `/oauth2/register` | registers a client |
//! | GET, PUT, DELETE `/oauth2/register/{id}` | a client's own registration |
//! | GET `/account` | the user's own page, after a fresh log-in |
//! | POST `/account/passkeys`, `/account/passkeys/remove` | adds and removes a passkey |
//! | POST `/account/second-factor/remove`, `/account/sessions/end` | removes an authenticator app, ends a session |
//! | GET, POST `/account/password` | changes a password |
//! | GET, POST `/account/second-factor` | enrols an authenticator app |
//! | GET `/oauth2/jwks` | public keys |
//! | GET `/.well-known/openid-configuration` | discovery |

mod account;
mod account_page;
mod cookie;
mod endpoints;
mod log_out;
mod pages;
mod registration;
mod router;

pub use router::{IdmFrontEnd, router};
