#![no_main]
//! Documents with encrypted elements and hidden URIs, from a peer that may hold the key or not.
use libfuzzer_sys::fuzz_target;
use roger_base::{KeyId, Secret};
use roger_testkit::SeededRandom;
use roger_xml::protect::{Profile, open, protect};
use roger_xml::uri::{ProtectedDomains, UriTolerance, is_protected, unprotect};
use roger_xml::{BoundKeys, XmlKeys};

const DOMAIN: &str = "mcptt.example.org";
const PROFILES: [Profile; 9] = [
    Profile::MCPTT_INFO,
    Profile::PIDF,
    Profile::RESOURCE_LISTS,
    Profile::XCAP_DIFF,
    Profile::CONFERENCE_INFO,
    Profile::LOCATION_INFO,
    Profile::AFFILIATION_COMMAND,
    Profile::SIMPLE_FILTER,
    Profile::REGROUP,
];

fuzz_target!(|data: &[u8]| {
    let keys = XmlKeys::new(KeyId::from(0x2ddd_5bf0), Secret::new([1; 16]), Secret::new([2; 16]));
    let bound = BoundKeys::one(keys.clone());
    let domains = ProtectedDomains::new(vec![DOMAIN.to_owned()], UriTolerance::RestoreSipScheme);
    for profile in PROFILES {
        let Ok(opened) = open(data, &profile, &bound, &domains) else {
            continue;
        };
        // What is open stays open: nothing protected is left, and reading again changes nothing.
        let again = open(opened.xml.as_bytes(), &profile, &BoundKeys::none(), &domains);
        if opened.protected == 0 {
            assert!(again.is_ok_and(|again| *again.xml == *opened.xml));
        }
        // What we protect shows nothing any more and opens to what it was.
        let Ok(hidden) = protect(opened.xml.as_bytes(), &profile, &keys, DOMAIN, &mut SeededRandom::new(1)) else {
            continue;
        };
        if let Ok(shown) = open(hidden.as_bytes(), &profile, &bound, &domains) {
            assert_eq!((shown.clear, shown.misplaced), (0, 0));
        }
    }
    if let Ok(value) = core::str::from_utf8(data) {
        if is_protected(value, &domains) {
            let _ = unprotect(value, &bound, &domains);
        }
    }
});
