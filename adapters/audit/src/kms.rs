//! The audit port of the KMS.

use crate::log::AuditFolder;
use crate::record::AuditRecord;
use roger_kms::ports::{AuditEntry, AuditLog, StoreError};

impl From<&AuditEntry> for AuditRecord {
    fn from(entry: &AuditEntry) -> Self {
        Self {
            time: entry.time,
            who: entry.caller.clone(),
            domain: Some(entry.kms_uri.clone()),
            action: entry.path.clone(),
            subjects: entry.released.clone(),
            outcome: entry.status.to_string(),
            reason: entry.refusal.clone(),
            about: Vec::new(),
        }
    }
}

impl AuditLog for AuditFolder {
    fn record(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        Self::record(self, &entry.into()).map_err(|fault| {
            tracing::error!(%fault, "no audit record, so nothing is released");
            StoreError(fault.to_string())
        })
    }
}
