//! What a receiver understands.

/// A release of TS 24.380.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum Release {
    R13,
    R14,
    R15,
    R16,
    R17,
    R18,
    R19,
}

/// Whether the field ids 102 to 116 of the drafts 13.0.x are understood (TS 24.380 cl. 8.2.3.1, before 13.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OldFieldIds {
    /// They are unknown fields and skipped.
    #[default]
    Unknown,
    /// They are read as the fields 0 to 13.
    Understood,
}

/// Settings of a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Profile {
    /// Messages of later releases are discarded; subtype 14 is Floor Queued Cancel up to release 17 and Queued Floor
    /// Requests from release 18.
    pub release: Release,
    /// Compatibility with the first drafts.
    pub old_field_ids: OldFieldIds,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            release: Release::R19,
            old_field_ids: OldFieldIds::Unknown,
        }
    }
}
