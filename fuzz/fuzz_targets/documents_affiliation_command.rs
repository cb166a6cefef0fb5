#![no_main]
//! What is read is written and read again as the same value.
use libfuzzer_sys::fuzz_target;
use roger_documents::Document;
use roger_documents::affiliation_command::AffiliationCommand;

fuzz_target!(|data: &[u8]| {
    let Ok(document) = AffiliationCommand::read(data) else {
        return;
    };
    let again = AffiliationCommand::read(document.write().as_bytes());
    assert!(again.is_ok_and(|again| again == document));
});
