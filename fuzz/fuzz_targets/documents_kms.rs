#![no_main]
//! KMS requests and responses, bare or signed under a key that the peer does not have.
use libfuzzer_sys::fuzz_target;
use roger_base::Secret;
use roger_documents::kms::{Dialect, KmsCertificate, KmsRequest, KmsResponse};

fuzz_target!(|data: &[u8]| {
    let key = |_: &str| Some(Secret::new([0x5a; 32]));
    for dialect in [Dialect::Standard, Dialect::EarlyProduct] {
        if let Ok(opened) = KmsResponse::open(data, dialect, &key) {
            assert!(opened.signer.is_none());
            let written = opened.response.write();
            let again = KmsResponse::open(written.as_bytes(), dialect, &key);
            assert!(again.is_ok_and(|again| again.response == opened.response));
        }
    }
    if let Ok(certificate) = KmsCertificate::read_document(data) {
        let written = certificate.write_document();
        assert!(KmsCertificate::read_document(written.as_bytes()).is_ok_and(|again| again == certificate));
    }
    if let Ok(opened) = KmsRequest::open(data, &key) {
        assert!(opened.signer.is_none());
        let written = opened.request.write();
        assert!(KmsRequest::open(written.as_bytes(), &key).is_ok());
    }
});
