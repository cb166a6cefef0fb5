#![no_main]
//! Lists of redirect responses, alone and inside a signed request.
use libfuzzer_sys::fuzz_target;
use roger_base::{Secret, UnixTime};
use roger_documents::kms::{KmsRequest, KrrList, NamedKey};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let Ok(list) = KrrList::new(text) else { return };
    assert!(KrrList::new(list.as_str()).is_ok_and(|again| again == list));
    let key = NamedKey { name: "ink".to_owned(), key: Secret::new([3; 32]) };
    let request = KmsRequest {
        user_uri: "sip:alice@mcptt.example.org".to_owned(),
        kms_uri: "kms.example.org".to_owned(),
        time: UnixTime(1_760_000_000),
        client_id: None,
        device_id: None,
        client_req_url: "https://kms.example.org/keymanagement/identity/v1/redirect".to_owned(),
        krr_list: Some(list),
        trk_id: None,
    };
    let Ok(signed) = request.sign(&key) else { return };
    let Ok(opened) = KmsRequest::open(signed.as_bytes(), &|_| Some(key.key.clone())) else { return };
    // What came out of a request is a list that can be kept.
    let list = opened.request.krr_list.unwrap();
    assert!(KrrList::new(list.as_str()).is_ok_and(|again| again == list));
});
