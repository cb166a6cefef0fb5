#![no_main]
//! Service configuration and UE initial configuration: what is read is written and read again as the same value.
use libfuzzer_sys::fuzz_target;
use roger_documents::Document;
use roger_documents::service_config::{InitialProtection, ServiceConfiguration};

fn check<D: Document + PartialEq>(data: &[u8]) {
    let Ok(document) = D::read(data) else {
        return;
    };
    let again = D::read(document.write().as_bytes());
    assert!(again.is_ok_and(|again| again == document));
}

fuzz_target!(|data: &[u8]| {
    check::<ServiceConfiguration>(data);
    check::<InitialProtection>(data);
});
