#![no_main]
//! What is read is written and read again as the same value.
use libfuzzer_sys::fuzz_target;
use roger_documents::Document;
use roger_documents::resource_lists::ResourceLists;

fuzz_target!(|data: &[u8]| {
    let Ok(document) = ResourceLists::read(data) else {
        return;
    };
    let again = ResourceLists::read(document.write().as_bytes());
    assert!(again.is_ok_and(|again| again == document));
});
