//! The UE's side of HTTPS: one authority is trusted, no redirect is followed, no cookie is kept.

mod browser;
mod form;
mod https;
mod idm;
mod key_fetch;

pub use browser::{BrowserError, LoginBrowser};
pub use https::{HttpAnswer, HttpsClient, HttpsClientError};
pub use idm::{IdmClient, IdmClientError};
pub use key_fetch::{HttpsKeyFetch, KeyFetchError};
