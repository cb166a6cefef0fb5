//! The switches of protection in the configuration of a system: service configuration (TS 24.484 cl. 8.4) and UE
//! initial configuration (cl. 7.2). An absent switch means on (cl. 8.4.2.6); the writer leaves absent what is absent.

use crate::read::{self, optional_boolean};
use crate::{Document, DocumentError};
use roger_xml::Writer;
use roger_xml::markup::{child, optional_child};
use roxmltree::Node;

const SERVICE: &str = "urn:3gpp:ns:mcpttServiceConfig:1.0";
const INITIAL: &str = "urn:3gpp:mcptt:mcpttUEinitConfig:1.0";

/// What the service configuration of a domain says of protection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceConfiguration {
    /// `service-configuration-params/@domain`: the mission critical organisation's domain.
    pub domain: String,
    /// `<signalling-protection><confidentiality-protection>`: XML between client and participating function.
    pub confidentiality: Option<bool>,
    /// `<signalling-protection><integrity-protection>`.
    pub integrity: Option<bool>,
    /// `<protection-between-mcptt-servers><allow-signalling-protection>`: XML between servers.
    pub between_servers: Option<bool>,
    /// `<protection-between-mcptt-servers><allow-floor-control-protection>`: SRTCP between servers.
    pub floor_control_between_servers: Option<bool>,
}

impl Document for ServiceConfiguration {
    const MEDIA_TYPE: &'static str = "application/vnd.3gpp.mcptt-service-config+xml";

    fn read(octets: &[u8]) -> Result<Self, DocumentError> {
        let document = read::parse_stored(octets)?;
        let root = read::root(&document, SERVICE, "service-configuration-info")?;
        let params = child(root, SERVICE, "service-configuration-params")?;
        let domain = read::attribute(params, "domain")?;
        if domain.len() > MAX_DOMAIN_OCTETS || domain.chars().any(char::is_control) {
            return Err(DocumentError::PeerValue("domain"));
        }
        let on_network = optional_child(params, SERVICE, "on-network")?;
        let signalling = switches(on_network, "signalling-protection")?;
        let servers = switches(on_network, "protection-between-mcptt-servers")?;
        Ok(Self {
            domain: domain.to_owned(),
            confidentiality: switch(signalling, SERVICE, "confidentiality-protection")?,
            integrity: switch(signalling, SERVICE, "integrity-protection")?,
            between_servers: switch(servers, SERVICE, "allow-signalling-protection")?,
            floor_control_between_servers: switch(
                servers,
                SERVICE,
                "allow-floor-control-protection",
            )?,
        })
    }

    fn write(&self) -> String {
        let mut w = Writer::with_declaration();
        w.start("service-configuration-info")
            .attribute("xmlns", SERVICE);
        w.start("service-configuration-params")
            .attribute("domain", &self.domain)
            .start("on-network");
        write_switches(
            &mut w,
            "signalling-protection",
            &[
                ("confidentiality-protection", self.confidentiality),
                ("integrity-protection", self.integrity),
            ],
        );
        write_switches(
            &mut w,
            "protection-between-mcptt-servers",
            &[
                ("allow-signalling-protection", self.between_servers),
                (
                    "allow-floor-control-protection",
                    self.floor_control_between_servers,
                ),
            ],
        );
        w.end("on-network")
            .end("service-configuration-params")
            .end("service-configuration-info");
        w.finish()
    }
}

/// What a UE goes by before it has the service configuration (TS 24.379 cl. 6.6.2.3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InitialProtection {
    /// `<on-network><confidentiality-protection-enabled>`.
    pub confidentiality: Option<bool>,
    /// `<on-network><integrity-protection-enabled>`.
    pub integrity: Option<bool>,
}

impl Document for InitialProtection {
    const MEDIA_TYPE: &'static str = "application/vnd.3gpp.mcptt-ue-init-config+xml";

    fn read(octets: &[u8]) -> Result<Self, DocumentError> {
        let document = read::parse_stored(octets)?;
        let root = read::root(&document, INITIAL, "mcptt-UE-initial-configuration")?;
        let on_network = optional_child(root, INITIAL, "on-network")?;
        let flag = |name| switch(on_network, INITIAL, name);
        Ok(Self {
            confidentiality: flag("confidentiality-protection-enabled")?,
            integrity: flag("integrity-protection-enabled")?,
        })
    }

    fn write(&self) -> String {
        let mut w = Writer::with_declaration();
        w.start("mcptt-UE-initial-configuration")
            .attribute("xmlns", INITIAL)
            .start("on-network");
        let flags = [
            ("confidentiality-protection-enabled", self.confidentiality),
            ("integrity-protection-enabled", self.integrity),
        ];
        for (name, value) in flags {
            w.optional_leaf(name, value.map(truth));
        }
        w.end("on-network").end("mcptt-UE-initial-configuration");
        w.finish()
    }
}

/// Longest name of a domain (RFC 1035 cl. 2.3.4).
const MAX_DOMAIN_OCTETS: usize = 255;

fn switches<'a, 'i>(
    parent: Option<Node<'a, 'i>>,
    name: &'static str,
) -> Result<Option<Node<'a, 'i>>, DocumentError> {
    let found = parent.map(|parent| optional_child(parent, SERVICE, name));
    Ok(found.transpose()?.flatten())
}

fn switch(
    parent: Option<Node<'_, '_>>,
    namespace: &str,
    name: &'static str,
) -> Result<Option<bool>, DocumentError> {
    let found = parent.map(|parent| optional_boolean(parent, namespace, name));
    Ok(found.transpose()?.flatten())
}

fn write_switches(w: &mut Writer, name: &str, switches: &[(&str, Option<bool>)]) {
    if switches.iter().all(|(_, value)| value.is_none()) {
        return;
    }
    w.start(name);
    for (name, value) in switches {
        w.optional_leaf(name, value.map(truth));
    }
    w.end(name);
}

const fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: [Option<bool>; 3] = [None, Some(true), Some(false)];

    #[test]
    fn every_combination_of_switches_reads_back() {
        for confidentiality in FLAGS {
            for integrity in FLAGS {
                let initial = InitialProtection {
                    confidentiality,
                    integrity,
                };
                let read = InitialProtection::read(initial.write().as_bytes());
                assert_eq!(read, Ok(initial));
                for between_servers in FLAGS {
                    let service = ServiceConfiguration {
                        domain: "mcptt.example.org".to_owned(),
                        confidentiality,
                        integrity,
                        between_servers,
                        floor_control_between_servers: between_servers,
                    };
                    let read = ServiceConfiguration::read(service.write().as_bytes());
                    assert_eq!(read, Ok(service));
                }
            }
        }
    }

    #[test]
    fn what_is_no_switch_is_refused() {
        let config = |inner: &str| {
            let text = format!(
                "<service-configuration-info xmlns=\"{SERVICE}\"><service-configuration-params domain=\"d\">\
                 <on-network>{inner}</on-network></service-configuration-params></service-configuration-info>"
            );
            ServiceConfiguration::read(text.as_bytes())
        };
        assert_eq!(config("<other>1</other>").unwrap().confidentiality, None);
        let of = |inner: &str| format!("<signalling-protection>{inner}</signalling-protection>");
        for bad in [
            of("<confidentiality-protection>maybe</confidentiality-protection>"),
            of("<confidentiality-protection/>"),
            of("<integrity-protection>true</integrity-protection>").repeat(2),
        ] {
            assert!(config(&bad).is_err(), "{bad}");
        }
        assert!(ServiceConfiguration::read(b"<service-configuration-info/>").is_err());
        assert!(InitialProtection::read(b"<mcptt-UE-initial-configuration/>").is_err());
    }
}
