//! Settings of the group management server.

use core::num::NonZeroUsize;
use core::time::Duration;
use roger_base::McpttId;
use std::collections::BTreeSet;
use std::thread::available_parallelism;

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
    /// Threads that make the messages of a key.
    pub threads: NonZeroUsize,
}

impl Settings {
    /// The usual times: 30 s to fetch, 10 s of overlap. All cores make messages.
    #[must_use]
    pub fn new(xcap_root: String) -> Self {
        Self {
            xcap_root,
            activation_delay: Duration::from_secs(30),
            revocation_delay: Duration::from_secs(10),
            key_life: None,
            administrators: BTreeSet::new(),
            threads: available_parallelism().unwrap_or(NonZeroUsize::MIN),
        }
    }
}
