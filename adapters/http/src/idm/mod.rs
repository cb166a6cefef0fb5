//! The IdM server's endpoints (TS 24.482 6.3, TS 33.180 B.4).
//!
//! | method and path | what |
//! |---|---|
//! | GET, POST `/oauth2/authorize` | authentication request; answers with the log-in form |
//! | POST `/oauth2/login` | the submitted form; answers with 302 to the application |
//! | POST `/oauth2/token` | code or refresh token for tokens |
//! | GET `/oauth2/jwks` | public keys |
//! | GET `/.well-known/openid-configuration` | discovery |

mod cookie;
mod pages;
mod router;

pub use router::{IdmFrontEnd, router};
