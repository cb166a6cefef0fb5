//! Documents that are malformed, and paths.

use crate::bench::{NOW, document};
use roger_base::{KmsUri, NtpTime};
use roger_documents::kms::{Dialect, KmsRequest, KmsResponse};
use roger_documents::kms_client::Resource;

fn response_error(text: &str) -> bool {
    KmsResponse::open(text.as_bytes(), Dialect::Standard, &|_| None).is_err()
}

#[test]
fn malformed_documents_are_refused() {
    let (plain, _) = document("unsigned keyprov response, plain key contents");
    let (cache, _) = document("unsigned certcache response with one External certificate");
    let (request, _) = document("unsigned certcache request");
    assert!(!response_error(&plain) && !response_error(&cache));
    for (from, to) in [
        ("urn:3gpp:ns:mcsecKMSInterface:1.0", "http://org.csc.kms"),
        ("<KeyPeriodNo>1388<", "<KeyPeriodNo>-1<"),
        (
            "<KeyPeriodNo>1388<",
            "<KeyPeriodNo>99999999999999999999999<",
        ),
        ("<UserID>", "<UserID>x"),
        (
            "xsi:type=\"KeyContentType\"",
            "xsi:type=\"EncKeyContentType\"",
        ),
        ("<Time>2014-01-26T10:07:15Z", "<Time>yesterday"),
        (
            "<UserUri>sip:user.001@mcptt.example.org</UserUri><KmsUri>",
            "<KmsUri>",
        ),
        ("<KmsId>", "<KmsUri>x</KmsUri><KmsId>"),
        (
            "<KmsMessage>",
            "<KmsError><ErrorCode>1</ErrorCode><ErrorMsg>x</ErrorMsg></KmsError><KmsMessage>",
        ),
        ("<KmsKeyProv ", "<KmsInit/><KmsKeyProv "),
        ("</KmsKeySet>", "</KmsKeySet><NewTransportKey/>"),
    ] {
        assert!(plain.contains(from), "{from}");
        assert!(
            response_error(&plain.replacen(from, to, 1)),
            "{from} -> {to}"
        );
    }
    for (from, to) in [
        ("<UserIdFormat>2<", "<UserIdFormat>1<"),
        ("<ParameterSet>1<", "<ParameterSet>2<"),
        ("<UserKeyPeriod>2592000<", "<UserKeyPeriod>0<"),
        ("<UserKeyOffset>0<", "<UserKeyOffset>2592000<"),
        ("<PubEncKey>04", "<PubEncKey>05"),
        ("<PubEncKey>04", "<PubEncKey>"),
        ("<PubAuthKey>0450", "<PubAuthKey>04"),
        ("Role=\"External\"", "Role=\"Leaf\""),
        ("<Revoked>false<", "<Revoked>maybe<"),
        ("CacheNum=\"13\"", "CacheNum=\"x\""),
    ] {
        assert!(cache.contains(from), "{from}");
        assert!(
            response_error(&cache.replacen(from, to, 1)),
            "{from} -> {to}"
        );
    }
    for (from, to) in [
        ("<Time>", "<Time>x"),
        ("<UserUri>", "<Uri>"),
        ("KmsRequest", "KmsResponse"),
        ("<UserUri>", "<TrK-ID>a</TrK-ID><TrK-ID>b</TrK-ID><UserUri>"),
    ] {
        assert!(
            KmsRequest::open(request.replacen(from, to, 1).as_bytes(), &|_| None).is_err(),
            "{from} -> {to}"
        );
    }
    let many = plain.replace(
        "</KmsKeySet>",
        &format!("</KmsKeySet>{}", "<KmsKeySet/>".repeat(70)),
    );
    assert!(response_error(&many));
}

#[test]
fn either_order_of_client_id_and_time_is_read() {
    let (request, _) = document("unsigned certcache request");
    let time = "<Time>2014-01-26T10:07:14Z</Time>";
    let moved = request.replace(time, "").replace(
        "<ClientReqUrl>",
        &format!("{time}<x:TrK-ID xmlns:x=\"urn:x\">tk.1</x:TrK-ID><ClientReqUrl>"),
    );
    let opened = KmsRequest::open(moved.as_bytes(), &|_| None).unwrap();
    assert_eq!(
        (opened.request.time, opened.request.trk_id.as_deref()),
        (NOW, Some("tk.1"))
    );
}

#[test]
fn paths_are_those_of_the_clause() {
    let id = "sip:user@example.org".to_owned();
    assert_eq!(
        Resource::KeyProv(id.clone()).path(),
        "/keymanagement/identity/v1/keyprov/sip%3Auser%40example.org"
    );
    let time = NtpTime {
        seconds: 0xD6B4_3232,
        fraction: 0,
    };
    assert!(
        Resource::KeyProvAt(id, time)
            .path()
            .ends_with("%40example.org/D6B4323200000000")
    );
    assert_eq!(
        Resource::Cert(KmsUri::new("kms/1").unwrap()).path(),
        "/keymanagement/identity/v1/cert/kms%2F1"
    );
    assert_eq!(
        Resource::CertCache(None).path(),
        "/keymanagement/identity/v1/certcache"
    );
}
