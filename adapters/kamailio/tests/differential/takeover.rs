//! What a registered UE tries in order to act for another, or to learn who another is.

use crate::routing::{ask, registered};
use crate::stage::{DOMAIN, PSI, Stage, Terms};
use crate::{both, header};
use roger_sip::message::{HeaderName, StatusCode};

#[test]
fn a_ue_cannot_send_a_third_party_register() {
    let scene = |stage: &Stage| {
        let mut ue = registered(stage, "ua", 100);
        let victim = format!("To: <sip:ub@{DOMAIN}>\r\n");
        let server = format!("sip:{};transport=tcp", stage.address(14));
        let mut said = Vec::new();
        for uri in [PSI, &server] {
            let text = ue.text("REGISTER", uri, "Expires: 0\r\n");
            let forged = text.replacen(&format!("To: <{uri}>\r\n"), &victim, 1);
            assert!(forged.contains(&victim), "{forged}");
            ue.peer.send(forged);
            said.push(ue.peer.response().status().as_u16().to_string());
        }
        assert!(stage.server_hears_nothing());
        said
    };
    both(Terms::default(), scene, &["403", "403"]);
}

#[test]
fn a_contact_with_the_identity_of_another_draws_no_requests() {
    let scene = |stage: &Stage| {
        let mut victim = registered(stage, "ub", 101);
        let mut server = stage.connect(14);
        let mut thief = stage.ue("ua", 100);
        let hosts = [DOMAIN, "IMS.Example.ORG", "ims.example.org:5060"];
        let mut said = Vec::new();
        for host in hosts {
            let (_, response) = thief.register(&format!("<sip:ub@{host}>"), "", "");
            said.push(response.status().as_u16().to_string());
        }
        let identity = victim.identity.clone();
        ask(&mut server, "MESSAGE", &identity, "", 1);
        let got = victim.peer.request();
        victim.peer.answer(&got, StatusCode::OK, &[]);
        said.push(server.response().status().as_u16().to_string());
        assert!(thief.peer.hears_nothing());
        said
    };
    both(Terms::default(), scene, &["200", "200", "200", "200"]);
}

#[test]
fn privacy_of_an_answer_hides_the_identity_from_a_ue_and_not_from_a_server() {
    let scene = |stage: &Stage| {
        let mut callee = registered(stage, "ub", 101);
        let mut caller = registered(stage, "ua", 100);
        let identity = callee.identity.clone();
        let mut said = Vec::new();
        for privacy in ["none", "header;id"] {
            let text = caller.text("MESSAGE", &identity, "");
            caller.peer.send(text);
            let got = callee.peer.request();
            callee
                .peer
                .answer(&got, StatusCode::OK, &[("Privacy", privacy)]);
            let answer = caller.peer.response();
            said.push(header(answer.headers(), HeaderName::P_ASSERTED_IDENTITY));
        }
        let mut server = stage.connect(14);
        ask(&mut server, "MESSAGE", &identity, "", 1);
        let got = callee.peer.request();
        callee
            .peer
            .answer(&got, StatusCode::OK, &[("Privacy", "id")]);
        said.push(header(
            server.response().headers(),
            HeaderName::P_ASSERTED_IDENTITY,
        ));
        said
    };
    let ub = "<sip:ub@ims.example.org>";
    both(Terms::default(), scene, &[ub, "", ub]);
}
