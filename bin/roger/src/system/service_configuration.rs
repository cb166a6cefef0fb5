//! The service configuration of a system (TS 24.484 cl. 8.4): which protection its servers and UEs have. There is no
//! configuration management server here to fetch it from, so servers and UEs are given it.

use super::domain::MC_DOMAIN;
use super::sip_options::SipOptions;
use clap::Args;
use roger_documents::service_config::ServiceConfiguration;
use roger_documents::{Document as _, DocumentError};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Largest file that is read.
const MAX_OCTETS: u64 = 1 << 20;

/// Where the service configuration comes from; the same for `roger demo` and `roger dev`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServiceOptions {
    /// Takes this service configuration document (TS 24.484 cl. 8.4) in place of one that is made here. What it leaves
    /// out is on.
    #[arg(long, value_name = "FILE", conflicts_with = "signalling_protection")]
    service_config: Option<PathBuf>,
}

/// Why a file is no service configuration for this system.
#[derive(Debug, Error)]
pub(crate) enum ServiceConfigurationError {
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{} is not a service configuration (TS 24.484 cl. 8.4): {error}", path.display())]
    Document { path: PathBuf, error: DocumentError },
    #[error("{} is for the domain {domain:?}; the one here is {MC_DOMAIN:?}", path.display())]
    Domain { path: PathBuf, domain: String },
}

impl ServiceOptions {
    /// The configuration that was named, or the one that the options of SIP ask for.
    ///
    /// # Errors
    /// [`ServiceConfigurationError`] in words for the user.
    pub(crate) fn configuration(
        &self,
        sip: &SipOptions,
    ) -> Result<ServiceConfiguration, ServiceConfigurationError> {
        match &self.service_config {
            Some(path) => read(path),
            None => Ok(of_options(sip)),
        }
    }
}

/// One switch for everything that is XML; what is on is left out.
fn of_options(sip: &SipOptions) -> ServiceConfiguration {
    let protection = sip.signalling_protection.protection();
    let flag = |on: bool| (!on).then_some(false);
    ServiceConfiguration {
        domain: MC_DOMAIN.to_owned(),
        confidentiality: flag(protection.encrypts()),
        integrity: flag(protection.signs()),
        between_servers: flag(protection.encrypts() && protection.signs()),
        floor_control_between_servers: None,
    }
}

fn read(path: &Path) -> Result<ServiceConfiguration, ServiceConfigurationError> {
    let path = path.to_owned();
    let mut octets = Vec::new();
    let opened = File::open(&path).and_then(|file| file.take(MAX_OCTETS).read_to_end(&mut octets));
    if let Err(error) = opened {
        return Err(ServiceConfigurationError::File { path, error });
    }
    match ServiceConfiguration::read(&octets) {
        Err(error) => Err(ServiceConfigurationError::Document { path, error }),
        Ok(ServiceConfiguration { domain, .. }) if domain != MC_DOMAIN => {
            Err(ServiceConfigurationError::Domain { path, domain })
        }
        Ok(configuration) => Ok(configuration),
    }
}

/// What a configuration switches off, in words; nothing when everything is on.
pub(crate) fn switched_off(configuration: &ServiceConfiguration) -> Vec<&'static str> {
    [
        (
            configuration.confidentiality,
            "encryption of XML between UEs and servers",
        ),
        (
            configuration.integrity,
            "signatures of XML between UEs and servers",
        ),
        (
            configuration.between_servers,
            "protection of XML between servers",
        ),
        (
            configuration.floor_control_between_servers,
            "protection of floor control between servers",
        ),
    ]
    .into_iter()
    .filter_map(|(flag, what)| (flag == Some(false)).then_some(what))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::sip_options::{SignallingProtection, SipCoreKind, SipTransport};

    fn options(signalling_protection: SignallingProtection) -> SipOptions {
        SipOptions {
            core: SipCoreKind::Embedded,
            transport: SipTransport::Tcp,
            signalling_protection,
        }
    }

    #[test]
    fn what_is_on_is_left_out_and_what_is_off_is_told() {
        let on = of_options(&options(SignallingProtection::On));
        let silent = ServiceConfiguration {
            domain: MC_DOMAIN.to_owned(),
            ..ServiceConfiguration::default()
        };
        assert_eq!(on, silent);
        assert!(switched_off(&on).is_empty());
        let off = of_options(&options(SignallingProtection::Off));
        assert_eq!(switched_off(&off).len(), 3);
        let explicit = ServiceConfiguration {
            integrity: Some(true),
            floor_control_between_servers: Some(false),
            ..silent
        };
        assert_eq!(
            switched_off(&explicit),
            ["protection of floor control between servers"]
        );
    }
}
