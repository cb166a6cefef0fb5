//! The floor control keys of one function.

use roger_base::KeyId;
use roger_srtp::FloorContext;
use std::collections::HashMap;

/// SRTCP contexts by key id: CSKs of clients, SPKs of other servers.
///
/// A function keeps one ring for all its calls, because the send counters belong to the key and not to a call
/// (TS 33.180 cl. 7.5.1). Participating and controlling function each have their own, also in one process: each is
/// a side of the SPK between them.
#[derive(Default)]
pub struct FloorKeyring {
    contexts: HashMap<KeyId, FloorContext>,
}

impl FloorKeyring {
    /// An empty ring.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key. One that is there already stays, with its counters and replay lists; the answer tells.
    pub fn add(&mut self, context: FloorContext) -> bool {
        let id = context.key_id();
        if self.contexts.contains_key(&id) {
            return false;
        }
        self.contexts.insert(id, context);
        true
    }

    /// Removes a key at the end of its life: log-off, expiry, a new upload. Flows that need it close.
    pub fn remove(&mut self, id: KeyId) -> bool {
        self.contexts.remove(&id).is_some()
    }

    /// True when the ring has the key.
    #[must_use]
    pub fn contains(&self, id: KeyId) -> bool {
        self.contexts.contains_key(&id)
    }

    /// Keeps only keys of which this is true.
    pub(crate) fn retain(&mut self, keep: impl Fn(KeyId) -> bool) {
        self.contexts.retain(|id, _| keep(*id));
    }

    pub(crate) fn get_mut(&mut self, id: KeyId) -> Option<&mut FloorContext> {
        self.contexts.get_mut(&id)
    }
}
