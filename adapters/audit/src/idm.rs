//! The audit port of the IdM server.

use crate::log::AuditFolder;
use crate::record::AuditRecord;
use roger_idm::ports::{AuditLog, StoreError};
use roger_idm::{AuditAct, AuditEntry};

/// What stands in `about` before the name of a grant, session or passkey.
const fn kind(act: AuditAct) -> &'static str {
    match act {
        AuditAct::Token(_) => "grant",
        AuditAct::PasskeyAdded | AuditAct::PasskeyRemoved => "passkey",
        _ => "session",
    }
}

impl From<&AuditEntry> for AuditRecord {
    fn from(entry: &AuditEntry) -> Self {
        let subject = entry.subject.as_ref();
        let methods = match entry.act {
            AuditAct::LogIn(amr) => Some(format!("methods {}", amr.values().join(" "))),
            _ => None,
        };
        let client = entry.client.as_ref();
        let client = client.map(|client| format!("client {}", client.as_str()));
        let about = entry.about.as_ref();
        let about = about.map(|name| format!("{} {name}", kind(entry.act)));
        let refusal = entry.act.refusal();
        Self {
            time: entry.time,
            who: subject.map(|subject| subject.as_str().to_owned()),
            domain: None,
            action: format!("idm {}", entry.act.name()),
            subjects: Vec::new(),
            outcome: refusal.map_or("done", |_| "refused").to_owned(),
            reason: refusal.map(str::to_owned),
            about: client.into_iter().chain(about).chain(methods).collect(),
        }
    }
}

impl AuditLog for AuditFolder {
    fn ready(&self) -> Result<(), StoreError> {
        self.probe()
            .map_err(|fault| StoreError::LocalUnavailable(fault.to_string()))
    }

    fn record(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        Self::record(self, &entry.into()).map_err(|fault| {
            tracing::error!(%fault, "no audit record, so nothing is done");
            StoreError::LocalUnavailable(fault.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Options;
    use crate::verify::{Verification, verify};
    use roger_base::UnixTime;
    use roger_idm::LogInFault;
    use roger_oidc::provider::TokenAct;
    use roger_oidc::{Amr, OauthClientId, Subject};

    fn entry(act: AuditAct) -> AuditEntry {
        let subject = Subject::new("subject-of-alice").unwrap();
        AuditEntry::new(UnixTime(1_700_000_000), act, Some(subject))
    }

    #[test]
    fn a_record_says_who_did_what_with_which_application() {
        let app = OauthClientId::new("app").unwrap();
        let log_in = entry(AuditAct::LogIn(Amr::Passkey)).by(Some(&app));
        let record = AuditRecord::from(&log_in.about("s1"));
        assert_eq!(record.who.as_deref(), Some("subject-of-alice"));
        assert_eq!(
            (record.action.as_str(), record.outcome.as_str()),
            ("idm log-in", "done")
        );
        assert_eq!(
            record.about,
            ["client app", "session s1", "methods pop user mfa"]
        );
        let refused = AuditAct::LogInRefused(LogInFault::ClonedPasskey);
        let record = AuditRecord::from(&entry(refused));
        assert_eq!(record.outcome, "refused");
        assert!(record.reason.unwrap().contains("copied"));
        let reused = entry(AuditAct::Token(TokenAct::RefreshReused)).about("g1");
        let record = AuditRecord::from(&reused);
        assert_eq!(record.outcome, "refused");
        assert_eq!(record.about, ["grant g1"]);
    }

    #[test]
    fn records_of_the_idm_server_are_links_of_the_chain() {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditFolder::open(folder.path(), &Options::default()).unwrap();
        let port: &dyn AuditLog = &log;
        port.ready().unwrap();
        port.record(&entry(AuditAct::PasskeyAdded).about("p1"))
            .unwrap();
        port.record(&entry(AuditAct::PasswordChanged)).unwrap();
        drop(log);
        let report = verify(folder.path(), &Verification::default()).unwrap();
        assert_eq!(report.records, 2);
        let file = folder.path().join("audit-00000001.jsonl");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains("passkey p1"));
        std::fs::write(&file, text.replace("passkey p1", "passkey p2")).unwrap();
        assert!(verify(folder.path(), &Verification::default()).is_err());
    }

    #[test]
    fn a_log_whose_folder_is_gone_is_not_ready_and_keeps_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditFolder::open(folder.path(), &Options::default()).unwrap();
        let port: &dyn AuditLog = &log;
        std::fs::remove_dir_all(folder.path()).unwrap();
        assert!(port.ready().is_err());
        assert!(port.record(&entry(AuditAct::PasswordChanged)).is_err());
    }
}
