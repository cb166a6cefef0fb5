//! The child process: it serves, says why it does not, and leaves nothing behind.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use roger_adapter_kamailio::{Kamailio, KamailioError, KamailioSettings};
use roger_base::ServerUri;
use roger_sip::endpoint::Target;
use roger_sipcore::ApplicationServer;
use std::net::{TcpListener, TcpStream};

fn settings(address: &str) -> KamailioSettings {
    let server = ApplicationServer {
        identity: ServerUri::new("sip:mcptt-pf@mcptt.example.org").unwrap(),
        target: Target::tcp("127.77.1.14:5060".parse().unwrap()),
        feature_tag: "+g.3gpp.mcptt".to_owned(),
    };
    KamailioSettings::new("ims.example.org", address.parse().unwrap(), server)
}

fn installed() -> bool {
    roger_testkit::find_program_beside("kamailio", "/usr/sbin").is_some()
}

#[test]
fn it_serves_until_it_is_dropped() {
    if !installed() {
        return;
    }
    let settings = settings("127.77.1.13:5060");
    let kamailio = Kamailio::start(&settings).unwrap();
    let log = kamailio.log();
    assert!(!log.contains("ERROR") && !log.contains("CRITICAL"), "{log}");
    assert!(TcpStream::connect(settings.address).is_ok());
    drop(kamailio);
    assert!(TcpStream::connect(settings.address).is_err());
    // The address is free again at once.
    drop(Kamailio::start(&settings).unwrap());
}

#[test]
fn an_address_that_is_taken_is_named() {
    if !installed() {
        return;
    }
    let settings = settings("127.77.2.13:5060");
    let _taken = TcpListener::bind(settings.address).unwrap();
    match Kamailio::start(&settings) {
        Err(KamailioError::LocalEnded(log)) => assert!(log.contains("127.77.2.13"), "{log}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it serves at an address that somebody else has"),
    }
}

#[test]
fn a_setting_that_would_change_the_configuration_is_refused() {
    if !installed() {
        return;
    }
    let mut settings = settings("127.77.3.13:5060");
    settings.domain = "ims.example.org!g\"\nlisten=udp:0.0.0.0:5060".to_owned();
    assert!(matches!(
        Kamailio::start(&settings),
        Err(KamailioError::LocalSetting(_))
    ));
}
