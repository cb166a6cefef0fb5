//! What a record says.

use roger_base::UnixTime;
use serde::{Deserialize, Serialize};

/// Who did what with whose keys, and what came of it. Never a key, a token or a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRecord {
    /// When it was done, in Unix seconds.
    #[serde(with = "seconds")]
    pub time: UnixTime,
    /// Who proved to be whom: MCPTT ID, URI of a server, name of an administrator; nothing when nobody did.
    pub who: Option<String>,
    /// The domain it was done in: the KMS URI of a request for keys.
    pub domain: Option<String>,
    /// Path of the request, or the command of an administrator.
    pub action: String,
    /// Identities and key periods that it is about.
    pub subjects: Vec<(String, u64)>,
    /// HTTP status, or `done`, `refused` and the like.
    pub outcome: String,
    /// Why it was refused.
    pub reason: Option<String>,
    /// What else it is about, each with its kind before it: `client app`, `session …`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub about: Vec<String>,
}

mod seconds {
    use roger_base::UnixTime;
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "the shape that serde asks for"
    )]
    pub(super) fn serialize<S: Serializer>(time: &UnixTime, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(time.0)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<UnixTime, D::Error> {
        u64::deserialize(from).map(UnixTime)
    }
}
