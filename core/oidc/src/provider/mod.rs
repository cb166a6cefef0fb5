//! The IdM server's side of the flow (TS 33.180 B.4, B.5; RFC 6749, RFC 7636).
//!
//! [`authorize`] checks an authentication request, [`code`] turns a finished log-in into a redirect with a code,
//! [`token`] answers the token endpoint. What must be remembered lies behind the traits of [`repository`].

pub mod authorize;
pub mod code;
pub mod discovery;
pub mod dynamic;
pub mod federation;
pub mod introspection;
pub mod logout;
pub mod memory;
pub mod registration;
pub mod repository;
pub mod revocation;
pub mod token;
pub mod userinfo;

mod policy;
mod refresh;
mod token_error;
mod token_log;

pub use authorize::{
    AuthorizationError, AuthorizationRefusal, AuthorizationRequest, AuthorizationRequestParts,
    Prompt,
};
pub use code::{Authentication, IssueError};
pub use discovery::Endpoints;
pub use dynamic::{
    ClientAct, ClientLog, ClientRegistry, RegistrationEndpoint, RegistrationPermit,
    RegistrationRefusal,
};
pub use federation::{Federation, PartnerUsers};
pub use introspection::Introspection;
pub use logout::{LogoutRefusal, LogoutRequest};
pub use policy::{PolicyError, TokenPolicy};
pub use registration::{ApplicationType, Client, ClientDetails, ClientKind, ConsentPolicy};
pub use repository::{
    Account, AccountDirectory, ClientRepository, CodeGrant, GrantOwner, GrantRepository,
    PutOutcome, Redemption, RefreshGrant, Rotation, StoreError,
};
pub use token::{TokenEndpoint, TokenResponse};
pub use token_error::{TokenError, TokenErrorCode};
pub use token_log::{TokenAct, TokenEvent, TokenLog};
pub use userinfo::{UserInfo, UserInfoRefusal};
