//! Settings of the group management server.

use core::time::Duration;
use roger_base::McpttId;
use std::collections::BTreeSet;

/// Settings; the times are ours, the standards leave them open (TS 24.481).
#[derive(Debug, Clone)]
pub struct Settings {
    /// URL of the XCAP root, with a slash at its end.
    pub xcap_root: String,
    /// \[I\] From a change of membership to the sending under the new key, so that every member can fetch it.
    pub activation_delay: Duration,
    /// \[I\] From the sending under the new key to the revocation of the old one.
    pub revocation_delay: Duration,
    /// Life of a key; `None`: until it is replaced.
    pub key_life: Option<Duration>,
    /// Users who may change groups.
    pub administrators: BTreeSet<McpttId>,
}

impl Settings {
    /// The usual times: 30 s to fetch, 10 s of overlap.
    #[must_use]
    pub const fn new(xcap_root: String) -> Self {
        Self {
            xcap_root,
            activation_delay: Duration::from_secs(30),
            revocation_delay: Duration::from_secs(10),
            key_life: None,
            administrators: BTreeSet::new(),
        }
    }
}
