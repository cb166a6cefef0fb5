//! What the core tells its log.

use roger_sip::message::StatusCode;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CoreEvent {
    /// An identity was registered or refreshed.
    Registered {
        /// Public identity.
        identity: String,
        /// Seconds granted.
        expires: u32,
    },
    /// The last contact of an identity is gone.
    Deregistered {
        /// Public identity.
        identity: String,
    },
    /// A REGISTER was refused.
    RegistrationRefused {
        /// Public identity asked for.
        identity: String,
        /// The answer.
        status: StatusCode,
    },
    /// An application server answered a third-party REGISTER; the registration stands whatever it says.
    ThirdPartyAnswered {
        /// Public identity.
        identity: String,
        /// URI of the application server.
        server: String,
        /// Its answer; `None` when none came.
        status: Option<StatusCode>,
    },
}
