#![no_main]
//! Changes and paths of documents: what is read is written and read again as the same value.
use libfuzzer_sys::fuzz_target;
use roger_documents::Document;
use roger_documents::xcap_diff::XcapDiff;
use roger_documents::xcap_path::DocumentPath;

fuzz_target!(|data: &[u8]| {
    if let Ok(document) = XcapDiff::read(data) {
        let again = XcapDiff::read(document.write().as_bytes());
        assert!(again.is_ok_and(|again| again == document));
    }
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    if let Ok(path) = DocumentPath::parse(text) {
        assert_eq!(DocumentPath::parse(&path.to_string()), Ok(path));
    }
});
