#![no_main]
//! Answers about the domains of a user: what we write is read back, what others write is read or refused.
use libfuzzer_sys::fuzz_target;
use roger_base::{KmsUri, UnixTime};
use roger_documents::kms::{Dialect, KmsMessage, KmsResponse};

/// An answer around the octets of somebody who writes its inside.
fn around(inside: &str) -> String {
    format!(
        "<KmsResponse xmlns=\"urn:3gpp:ns:mcsecKMSInterface:1.0\" Id=\"xmldoc\" Version=\"1.0.0\"><UserUri>sip:a@x</UserUri>\
         <KmsUri>kms.x</KmsUri><Time>2026-01-26T10:07:15Z</Time><ClientReqUrl>https://kms.x/l</ClientReqUrl>\
         <KmsMessage><KmsLookup Version=\"1.0.0\">{inside}</KmsLookup></KmsMessage></KmsResponse>"
    )
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let open = |text: &str| KmsResponse::open(text.as_bytes(), Dialect::Standard, &|_| None);
    if let Ok(opened) = open(&around(text)) {
        let again = open(&opened.response.write());
        assert!(again.is_ok_and(|again| again.response == opened.response));
    }
    // XML has no U+FFFE and U+FFFF (XML 1.0 2.2): the writer puts another character in their place.
    let uris = text.split('\n').filter(|uri| !uri.contains(['\u{fffe}', '\u{ffff}']));
    let kms_uris: Vec<KmsUri> = uris.filter_map(|uri| KmsUri::new(uri).ok()).collect();
    let response = KmsResponse {
        user_uri: "sip:a@x".to_owned(),
        kms_uri: "kms.x".to_owned(),
        time: UnixTime(1_760_000_000),
        kms_id: None,
        client_req_url: "https://kms.x/l".to_owned(),
        message: KmsMessage::Lookup { user_uri: "sip:b@x".to_owned(), kms_uris },
    };
    if let Ok(opened) = open(&response.write()) {
        assert!(opened.response == response);
    }
});
