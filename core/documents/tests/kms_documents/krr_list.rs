//! Lists of redirect responses.

use crate::properties::text;
use proptest::prelude::*;
use roger_documents::kms::{KRR_NAMESPACE, KmsRequest, KrrList};

fn krr_text(responses: usize, value: &str) -> String {
    let value = value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        // As canonical XML writes it, which is what comes out of a signed request.
        .replace('>', "&gt;");
    let mut inner = String::new();
    for _ in 0..responses {
        inner = format!(
            "<k:KmsRedirectResponse a=\"x\"><k:Uri>{value}</k:Uri>{inner}</k:KmsRedirectResponse>"
        );
    }
    format!(
        "<KrrList xmlns=\"{}\" xmlns:k=\"{KRR_NAMESPACE}\">{inner}</KrrList>",
        roger_documents::kms::NAMESPACE
    )
}

pub fn krr_list() -> impl Strategy<Value = KrrList> {
    (0..8_usize, text()).prop_map(|(count, value)| KrrList::new(krr_text(count, &value)).unwrap())
}

#[test]
fn a_list_of_redirect_responses_keeps_its_octets_and_its_bounds() {
    let inner = "<k:KmsRedirectResponse><k:Uri>a</k:Uri></k:KmsRedirectResponse>";
    let request = |list: &str| {
        format!(
            "<KmsRequest xmlns='{}' xmlns:k='{KRR_NAMESPACE}' Id='xmldoc'><UserUri>u</UserUri><KmsUri>k</KmsUri>\
             <Time>2014-01-26T10:07:14Z</Time><ClientReqUrl>x</ClientReqUrl>{list}</KmsRequest>",
            roger_documents::kms::NAMESPACE
        )
    };
    let read = |list: &str| {
        KmsRequest::open(request(list).as_bytes(), &|_| None).map(|opened| opened.request.krr_list)
    };
    // Declarations of the request come along, those of the list itself are not doubled.
    for list in [
        format!("<KrrList>{inner}</KrrList>"),
        format!("<KrrList  xmlns:k = '{KRR_NAMESPACE}' >{inner}</KrrList>"),
    ] {
        let taken = read(&list).unwrap().unwrap();
        assert!(taken.as_str().contains(inner) && taken.as_str().contains(KRR_NAMESPACE));
        assert_eq!(KrrList::new(taken.as_str()).unwrap(), taken);
    }
    assert!(read("<KrrList/>").unwrap().is_some());
    assert!(read("").unwrap().is_none());
    assert!(read("<KrrList/><KrrList/>").is_err());
    assert!(KrrList::new(krr_text(8, "a")).is_ok());
    for bad in [
        krr_text(9, "a"),
        krr_text(1, &"a".repeat(17 << 10)),
        format!("<!-- c -->{}", krr_text(1, "a")),
        format!("{} ", krr_text(1, "a")),
        "<KrrList/>".to_owned(),
        inner.to_owned(),
        String::new(),
    ] {
        assert!(KrrList::new(bad).is_err());
    }
}
