//! Another implementation on the wire: xmlsec1 decrypts and verifies what clients and server really sent, and what it
//! encrypted and signed itself is taken by the server (TS 33.180 cl. 9.3; W3C xmlenc-core1, xmldsig-core).

use crate::affiliation::subscribe;
use crate::bench::{ALICE, BOB, Bench, fire};
use crate::ue::outcome;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roger_call::body::{Body, Part};
use roger_call::feature::{CONTACT_PARAMETERS, EXPIRES_FOREVER, media_type};
use roger_call::service_authorisation::BoundCsk;
use roger_documents::Document;
use roger_documents::location_info::{Coordinate, Location, LocationInfo, LocationReport};
use roger_documents::mcptt_info::{McpttInfo, RequestUri};
use roger_keys::signalling::XmlKeyMode;
use roger_sip::message::{HeaderName, Message, Method, Response};
use roger_testkit::find_program;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const CELL: &str = "26201ABCDEF01";

/// xmlsec1 with the keys of one CSK, as a holder of the key would derive them.
struct Xmlsec {
    program: PathBuf,
    folder: tempfile::TempDir,
    key_name: String,
}

impl Xmlsec {
    fn new(csk: &BoundCsk) -> Option<Self> {
        let program = find_program("xmlsec1")?;
        let folder = tempfile::tempdir().unwrap();
        let derived = csk.csk.xml_keys(XmlKeyMode::Derived, &csk.owner);
        fs::write(folder.path().join("ck"), derived.confidentiality.expose()).unwrap();
        fs::write(folder.path().join("ik"), derived.integrity.expose()).unwrap();
        Some(Self {
            program,
            folder,
            key_name: STANDARD.encode(csk.csk.id().octets()),
        })
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn file(&self, name: &str, octets: &[u8]) -> String {
        let path = self.path(name);
        fs::write(&path, octets).unwrap();
        path
    }

    /// What it prints; nothing when it fails.
    fn run(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new(&self.program)
            .args(arguments)
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        output.status.success().then_some(printed)
    }

    /// Everything decrypted, one element after the other.
    fn decrypt(&self, document: &[u8]) -> Option<String> {
        let mut text = String::from_utf8(document.to_vec()).unwrap();
        let (option, key) = (format!("--aeskey:{}", self.key_name), self.path("ck"));
        while text.contains("EncryptedData") {
            let file = self.file("encrypted.xml", text.as_bytes());
            text = self.run(&["--decrypt", &option, &key, &file])?;
        }
        Some(text)
    }

    /// A hidden URI: the same cipher in another form, so that it reads as the content of an element.
    fn show(&self, hidden: &str) -> Option<String> {
        let rest = hidden.strip_prefix("sip:")?;
        let (sealed, rest) = rest.split_once(";iv=")?;
        let (iv, rest) = rest.split_once(";key-id=")?;
        let key_name = rest.strip_suffix(";alg=128-aes-gcm@mcptt.example.org")?;
        let octets = [STANDARD.decode(iv).ok()?, STANDARD.decode(sealed).ok()?].concat();
        let value = STANDARD.encode(octets);
        let shown = self.decrypt(encrypted(key_name, &value).as_bytes())?;
        let text = shown.split_once("<r>")?.1.split_once("</r>")?.0;
        Some(text.to_owned())
    }

    /// Hides a URI: encrypts it as the content of an element and puts it into the other form.
    fn hide(&self, uri: &str) -> String {
        let encrypted = self.encrypt(&format!("<r>{uri}</r>"), "r");
        let value = encrypted.split_once("CipherValue>").unwrap().1;
        let value = value.split_once('<').unwrap().0;
        let octets = STANDARD
            .decode(value.replace(char::is_whitespace, ""))
            .unwrap();
        let (iv, sealed) = octets.split_at(12);
        format!(
            "sip:{};iv={};key-id={};alg=128-aes-gcm@mcptt.example.org",
            STANDARD.encode(sealed),
            STANDARD.encode(iv),
            self.key_name
        )
    }

    /// Encrypts the content of an element.
    fn encrypt(&self, document: &str, element: &str) -> String {
        let data = self.file("data.xml", document.as_bytes());
        let template = encrypted(&self.key_name, "");
        let template = template.replace("<r>", "").replace("</r>", "");
        let template = self.file("template.xml", template.as_bytes());
        let (option, key) = (format!("--aeskey:{}", self.key_name), self.path("ck"));
        let place = format!("//*[local-name()='{element}']");
        let arguments = [
            "--encrypt",
            &option,
            &key,
            "--xml-data",
            &data,
            "--node-xpath",
            &place,
            &template,
        ];
        self.run(&arguments).expect("xmlsec1 encrypts")
    }

    /// Which of the signatures of a body verify.
    fn verify(&self, body: &Body, parts: &[Part]) -> Vec<bool> {
        let signed = body.octets(media_type::MCPTT_SIGNED).unwrap();
        let text = core::str::from_utf8(signed).unwrap();
        let signatures = text.matches("<SignedInfo").count();
        let file = self.file("signed.xml", signed);
        let verified = (1..=signatures).map(|number| {
            let place = format!("//*[local-name()='Signature'][{number}]");
            let mut arguments = vec!["--verify".to_owned(), "--node-xpath".to_owned(), place];
            self.add_parts(&mut arguments, parts);
            arguments.push(file.clone());
            self.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
                .is_some()
        });
        verified.collect()
    }

    /// Key, and where each Content-ID is to be found.
    fn add_parts(&self, arguments: &mut Vec<String>, parts: &[Part]) {
        arguments.extend([format!("--hmackey:{}", self.key_name), self.path("ik")]);
        for (number, part) in parts.iter().enumerate() {
            let id = part.content_id.as_ref().unwrap();
            let file = self.file(&format!("part{number}"), &part.octets);
            arguments.extend([format!("--url-map:cid:{id}"), file]);
        }
    }

    /// Signs a part and gives the signed body.
    fn sign(&self, part: &Part) -> Part {
        let id = part.content_id.as_ref().unwrap();
        let template = format!(
            "<signatures xmlns=\"urn:3gpp:ns:mcpttSignedDoc:1.0\"><Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\">\
             <SignedInfo><CanonicalizationMethod Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>\
             <SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#hmac-sha256\"/>\
             <Reference URI=\"cid:{id}\"><DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><DigestValue/>\
             </Reference></SignedInfo><SignatureValue/><KeyInfo><KeyName>{}</KeyName></KeyInfo></Signature></signatures>",
            self.key_name
        );
        let template = self.file("unsigned.xml", template.as_bytes());
        let mut arguments = vec!["--sign".to_owned()];
        self.add_parts(&mut arguments, core::slice::from_ref(part));
        arguments.push(template);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let signed = self.run(&arguments).expect("xmlsec1 signs");
        Part::new(media_type::MCPTT_SIGNED, signed.into_bytes())
    }
}

fn encrypted(key_name: &str, value: &str) -> String {
    format!(
        "<r><xenc:EncryptedData xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" Type=\"http://www.w3.org/2001/04/xmlenc#Content\">\
         <xenc:EncryptionMethod Algorithm=\"http://www.w3.org/2009/xmlenc11#aes128-gcm\"/>\
         <ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:KeyName>{key_name}</ds:KeyName></ds:KeyInfo>\
         <xenc:CipherData><xenc:CipherValue>{value}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></r>"
    )
}

fn location_report() -> LocationInfo {
    LocationInfo::Report(LocationReport {
        location: Location {
            serving_ecgi: Some(CELL.to_owned()),
            coordinate: Coordinate::from_codes(4_486_770, 539_502),
        },
        ..LocationReport::default()
    })
}

/// Alice authorises in REGISTER, sends settings, affiliates, watches, reports where she is and calls; Bob is there.
fn story() -> (Bench, BoundCsk, String) {
    let mut bench = Bench::new();
    bench.join_group(BOB);
    let (csk, token) = (bench.new_csk(ALICE), bench.token(ALICE));
    let body = bench.authorising_body(ALICE, &csk, &token);
    bench.register_with(ALICE, CONTACT_PARAMETERS, 3_600, &body);
    bench.ues[ALICE].use_csk(csk.clone());
    let ue = &bench.ues[ALICE];
    let settings = ue.settings(roger_documents::poc_settings::AnswerMode::Automatic);
    let documents = Body::new()
        .with_document(&ue.own_info())
        .with_document(&settings);
    let body = bench.protect(ALICE, documents);
    bench.publish_settings(ALICE, EXPIRES_FOREVER, None, &body);
    subscribe(&mut bench, ALICE, EXPIRES_FOREVER);
    bench.publish_affiliations(ALICE, &[&fire()]);
    while let Some(incoming) = bench.incoming(ALICE) {
        let response = Response::to(&incoming.request, roger_sip::message::StatusCode::OK);
        bench.respond(ALICE, &incoming, response);
    }
    let info = McpttInfo {
        request_uri: Some(RequestUri::from(&bench.ues[ALICE].user)),
        ..McpttInfo::default()
    };
    let documents = Body::new()
        .with_document(&info)
        .with_document(&location_report());
    let body = bench.protect(ALICE, documents);
    let request = bench.request(ALICE, Method::Message, &[], &body);
    assert_eq!(
        outcome(&bench.send_request(ALICE, request).unwrap()),
        (200, None)
    );
    bench.group_call(ALICE, &[BOB]);
    (bench, csk, token)
}

/// The protected requests on Alice's own wire, in both directions.
fn captured(bench: &Bench) -> Vec<(Method, Body)> {
    let address = bench.ues[ALICE].address;
    let own = bench
        .log
        .iter()
        .filter(|wire| wire.is_sip() && [wire.from, wire.to].contains(&address));
    let bodies = own.filter_map(|wire| match wire.message() {
        Message::Request(request) => {
            let body = Body::of(request.headers(), request.body()).unwrap();
            let signed = body.part(media_type::MCPTT_SIGNED).is_some();
            signed.then(|| (request.method().clone(), body))
        }
        Message::Response(_) => None,
    });
    bodies.collect()
}

const XML_PARTS: [&str; 4] = [
    media_type::MCPTT_INFO,
    media_type::PIDF,
    media_type::POC_SETTINGS,
    media_type::LOCATION_INFO,
];

/// Values of attributes that are hidden URIs.
fn hidden_uris(document: &[u8]) -> Vec<String> {
    let text = String::from_utf8(document.to_vec()).unwrap();
    let values = text.split('"').filter(|value| value.contains(";key-id="));
    values.map(str::to_owned).collect()
}

#[test]
fn xmlsec1_decrypts_and_verifies_what_was_on_the_wire() {
    let (bench, csk, token) = story();
    let Some(xmlsec) = Xmlsec::new(&csk) else {
        return;
    };
    let mut seen = BTreeSet::new();
    let mut shown = String::new();
    for (method, body) in captured(&bench) {
        let parts: Vec<Part> = XML_PARTS
            .iter()
            .filter_map(|kind| body.part(kind).cloned())
            .collect();
        let verified = xmlsec.verify(&body, &parts);
        assert_eq!(verified, vec![true; parts.len()], "{method:?}");
        for part in &parts {
            shown += &xmlsec.decrypt(&part.octets).expect("xmlsec1 decrypts");
            for uri in hidden_uris(&part.octets) {
                shown += &xmlsec.show(&uri).expect("xmlsec1 decrypts");
            }
        }
        // An altered part is one that it refuses, so the test can fail.
        let mut altered = parts.clone();
        altered[0].octets.push(b' ');
        assert!(
            xmlsec.verify(&body, &altered).contains(&false),
            "{method:?}"
        );
        seen.insert(format!("{method:?}"));
    }
    for method in [
        "Register",
        "Publish",
        "Subscribe",
        "Notify",
        "Message",
        "Invite",
    ] {
        assert!(seen.contains(method), "{method} not in {seen:?}");
    }
    let alice = &bench.ues[ALICE];
    for value in [
        token.as_str(),
        alice.user.as_str(),
        alice.client.as_str(),
        fire().as_str(),
        CELL,
        "4486770",
        "539502",
    ] {
        assert!(shown.contains(value), "{value}");
    }
}

#[test]
fn xmlsec1_under_the_key_of_another_opens_and_verifies_nothing() {
    let (mut bench, _, _) = story();
    let real = bench.ues[ALICE].csk.clone().unwrap();
    let other = bench.new_csk(ALICE);
    let Some(mut xmlsec) = Xmlsec::new(&other) else {
        return;
    };
    // The right name with the wrong key.
    xmlsec.key_name = STANDARD.encode(real.csk.id().octets());
    for (method, body) in captured(&bench) {
        let info = body.part(media_type::MCPTT_INFO).cloned();
        let parts: Vec<Part> = info.into_iter().collect();
        assert!(!xmlsec.verify(&body, &parts).contains(&true), "{method:?}");
        for part in parts {
            assert_eq!(xmlsec.decrypt(&part.octets), None, "{method:?}");
        }
    }
}

/// A document with these elements encrypted by xmlsec1, as a part with a Content-ID.
fn protected_part(xmlsec: &Xmlsec, kind: &str, document: &str, elements: &[&str]) -> Part {
    let mut text = document.replace("type=\"Normal\"", "type=\"Encrypted\"");
    for element in elements {
        text = xmlsec.encrypt(&text, element);
    }
    let mut part = Part::new(kind, text.into_bytes());
    part.content_id = Some("part1@xmlsec.example.org".to_owned());
    part
}

#[test]
fn a_location_that_xmlsec1_encrypted_and_signed_is_taken() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    let Some(xmlsec) = Xmlsec::new(bench.ues[ALICE].csk.as_ref().unwrap()) else {
        return;
    };
    let elements = ["CurrentServingEcgi", "longitude", "latitude"];
    let document = location_report().write();
    let part = protected_part(&xmlsec, media_type::LOCATION_INFO, &document, &elements);
    assert!(!String::from_utf8_lossy(&part.octets).contains(CELL));
    let body = Body::new().with(part.clone()).with(xmlsec.sign(&part));
    let request = bench.request(ALICE, Method::Message, &[], &body);
    assert_eq!(
        outcome(&bench.send_request(ALICE, request).unwrap()),
        (200, None)
    );
    let known = bench.pf.application().locations_of(&bench.ues[ALICE].user);
    assert_eq!(
        LocationInfo::Report(known[0].report.clone()),
        location_report()
    );
    // One octet of the signature, and it is refused.
    let mut signed = xmlsec.sign(&part);
    let place = signed.octets.len() - 60;
    signed.octets[place] ^= 1;
    let body = Body::new().with(part).with(signed);
    let request = bench.request(ALICE, Method::Message, &[], &body);
    assert_eq!(
        outcome(&bench.send_request(ALICE, request).unwrap()),
        (403, Some(139))
    );
}

#[test]
fn an_affiliation_that_xmlsec1_hid_and_signed_is_taken() {
    let mut bench = Bench::new();
    bench.log_in(ALICE);
    let Some(xmlsec) = Xmlsec::new(bench.ues[ALICE].csk.as_ref().unwrap()) else {
        return;
    };
    let ue = &bench.ues[ALICE];
    let info = ue.own_info().write();
    let elements = ["mcptt-request-uri", "mcptt-client-id"];
    let info = protected_part(&xmlsec, media_type::MCPTT_INFO, &info, &elements);
    let mut pidf = ue.affiliations(&[&fire()]).write();
    for secret in [ue.user.as_str(), ue.client.as_str(), fire().as_str()] {
        let hidden = xmlsec.hide(secret);
        pidf = pidf.replace(&format!("\"{secret}\""), &format!("\"{hidden}\""));
    }
    let mut pidf = Part::new(media_type::PIDF, pidf.into_bytes());
    pidf.content_id = Some("part2@xmlsec.example.org".to_owned());
    let signed = |part| String::from_utf8(xmlsec.sign(part).octets.to_vec()).unwrap();
    // Both signatures in one body.
    let (first, second) = (signed(&info), signed(&pidf));
    let second = second.split_once("<Signature ").unwrap().1;
    let second = second.split_once("</signatures>").unwrap().0;
    let both = first.replace(
        "</signatures>",
        &format!("<Signature {second}</signatures>"),
    );
    let both = Part::new(media_type::MCPTT_SIGNED, both.into_bytes());
    let body = Body::new().with(info).with(pidf).with(both);
    let response = bench.publish_presence(ALICE, EXPIRES_FOREVER, &body);
    assert_eq!(outcome(&response), (200, None));
    let told = bench.requests(&Method::Publish, bench.cf_address());
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].headers().text(HeaderName::EVENT).as_deref(),
        Some("presence")
    );
}
