#![no_main]
//! A URI prints as it was read, equals itself, and keeps its other parts when a parameter changes.
use libfuzzer_sys::fuzz_target;
use roger_sip::header::{Auth, NameAddr, Params, Via, Warning};
use roger_sip::uri::Uri;

fuzz_target!(|data: &[u8]| {
    let _ = (Via::parse(data), Auth::parse(data), Warning::parse(data), Params::parse(data));
    if let Ok(address) = NameAddr::parse(data) {
        let printed = NameAddr::parse(address.to_string().as_bytes()).expect("what is printed can be read");
        assert_eq!(printed.uri, address.uri);
        let _ = (address.q(), address.expires(), address.instance(), address.icsi_refs());
    }
    let Ok(uri) = Uri::parse(data) else { return };
    assert_eq!(uri.as_str().as_bytes(), data);
    assert!(uri.is_equivalent(&uri));
    let changed = uri.with_param("zz", Some("a b")).without_param("zz");
    assert_eq!((changed.user(), changed.host(), changed.port()), (uri.user(), uri.host(), uri.port()));
    assert_eq!(uri.without_headers().headers().count(), 0);
});
