//! A whole MC domain on loopback: IdM server, KMS, group management server, SIP core, participating and controlling
//! functions, on one SQLite database that lives as long as the process. For development and demonstration only.

mod addresses;
mod directories;
mod dispatcher;
mod domain;
mod error;
mod http_servers;
mod location_reports;
mod people;
mod revocations;
mod service_configuration;
mod sip_core;
mod sip_options;
mod sip_servers;
mod ue_config;

pub(crate) use addresses::{Addresses, MAX_UES, MEDIA_PORTS, SIP_PORT};
pub(crate) use dispatcher::Dispatcher;
pub(crate) use domain::{Domain, MC_DOMAIN, group_id, mcptt_id};
pub(crate) use error::SystemError;
pub(crate) use location_reports::usual_location_reports;
pub(crate) use people::{Person, name};
pub(crate) use service_configuration::{ServiceConfigurationError, ServiceOptions, switched_off};
pub(crate) use sip_options::{SipCoreKind, SipOptions};
pub(crate) use ue_config::{HostEntry, UeProfile};

use crate::capture::Capture;
use core::time::Duration;
use directories::Users;
use http_servers::{IdmServer, ServerAccounts};
use roger_adapter_http::{
    ClientTls, Clock as _, DevelopmentCa, HttpsClient, HttpsServer, OsRandom, SystemClock,
};
use roger_adapter_store::{Store, StoreKey};
use roger_base::McpttId;
use roger_documents::kms_client::ClientKeys;
use roger_documents::location_info::LocationConfiguration;
use roger_documents::service_config::ServiceConfiguration;
use roger_ibc::{KmsDomain, UserKeySet};
use roger_keys::Spk;
use roger_kms::KeyAccount;
use roger_mcptt::participating::KnownLocation;
use roger_ue::shell::KeyProvisioning;
use sip_servers::{SipServers, Wiring};
use std::collections::BTreeSet;
use std::sync::Arc;
use tempfile::TempDir;

/// What a system is started with.
pub(crate) struct SystemOptions {
    /// Sees everything that crosses a socket.
    pub(crate) capture: Option<Capture>,
    /// Everybody who can log in.
    pub(crate) people: Vec<Person>,
    /// Who may change groups.
    pub(crate) administrators: BTreeSet<McpttId>,
    /// From a change of membership to sending under the new group key, and from there to the end of the old one;
    /// `None` for the usual times.
    pub(crate) group_key_delays: Option<(Duration, Duration)>,
    /// Core and transport of SIP.
    pub(crate) sip: SipOptions,
    /// Which protection there is.
    pub(crate) service_configuration: ServiceConfiguration,
    /// When UEs report where they are; `None`: never.
    pub(crate) location_reports: Option<LocationConfiguration>,
}

impl SystemOptions {
    fn group_settings(&self, xcap_root: String) -> roger_gms::Settings {
        let mut settings = roger_gms::Settings::new(xcap_root);
        settings.administrators = self.administrators.clone();
        if let Some((activation, revocation)) = self.group_key_delays {
            settings.activation_delay = activation;
            settings.revocation_delay = revocation;
        }
        settings
    }
}

/// A running MC domain.
pub(crate) struct System {
    pub(crate) addresses: Addresses,
    pub(crate) domain: Domain,
    pub(crate) people: Vec<Person>,
    pub(crate) sip_options: SipOptions,
    pub(crate) service_configuration: ServiceConfiguration,
    /// The SPK of the servers, for a program that proves what it opens and what not.
    pub(crate) spk: Spk,
    /// Key sets of the participating function, for the same.
    pub(crate) participating_keys: Vec<UserKeySet>,
    xcap_root: String,
    ca: DevelopmentCa,
    idm: IdmServer,
    kms: HttpsServer,
    sip: SipServers,
    _folder: TempDir,
}

impl System {
    /// Starts every server; they are ready when this returns.
    ///
    /// # Errors
    /// [`SystemError`] in words for the user.
    pub(crate) async fn start(
        addresses: Addresses,
        options: SystemOptions,
    ) -> Result<Self, SystemError> {
        let domain = Domain::new()?;
        let ca = DevelopmentCa::generate(SystemClock.now())?;
        let folder = tempfile::Builder::new()
            .prefix("roger-")
            .tempdir()
            .map_err(SystemError::Folder)?;
        let store = open_store(&folder)?;
        let accounts = provision(&store, &domain, &options.people).await?;
        let idm = IdmServer::start(&store, &addresses, &ca, &options).await?;
        let tokens = idm.verifier();
        let kms =
            http_servers::start_kms(&store, &domain, tokens, &addresses, &ca, &options).await?;
        let fetch = ServerKeys {
            addresses: &addresses,
            domain: &domain,
            ca: &ca,
        };
        let (kms_domain, participating_keys) = fetch.of_participating(&accounts).await?;
        let (_, group_management_keys) = fetch.of_group_management(&accounts).await?;
        let spk = Spk::random(&mut OsRandom)?;
        let users = options.people.iter().map(|person| &person.mcptt_id);
        let wiring = Wiring {
            addresses: &addresses,
            domain: &domain,
            options: &options,
            store: &store,
            ca: &ca,
            tokens: idm.verifier(),
            kms: kms_domain,
            users: Arc::new(Users::ordinary(users)),
            spk: &spk,
            participating_keys: participating_keys.clone(),
            group_management_keys,
        };
        let sip = wiring.start().await?;
        idm.revocations.tell(Some(sip.participating.clone()));
        let xcap_root = wiring.xcap_root();
        Ok(Self {
            people: options.people,
            sip_options: options.sip,
            service_configuration: options.service_configuration,
            addresses,
            domain,
            spk,
            participating_keys,
            xcap_root,
            ca,
            idm,
            kms,
            sip,
            _folder: folder,
        })
    }

    /// What the UE of a person is given, so that it can be started here or in another process.
    pub(crate) fn ue_profile(&self, person: &Person) -> UeProfile {
        UeProfile::new(self, person)
    }

    /// Where the clients of a user were when they last reported it, for a program that shows it to whoever may see it.
    pub(crate) fn locations_of(&self, user: &McpttId) -> Vec<KnownLocation> {
        self.sip.locations_of(user)
    }

    /// Authority of every certificate of this system, as PEM.
    pub(crate) fn authority_pem(&self) -> &str {
        self.ca.certificate_pem()
    }

    /// An HTTPS client that trusts this system and finds its hosts.
    pub(crate) fn https_client(&self) -> Result<HttpsClient, SystemError> {
        let hosts = self.hosts();
        let hosts: Vec<_> = hosts
            .iter()
            .map(|host| (host.name.as_str(), host.at))
            .collect();
        let tls = ClientTls::new(&[self.ca.certificate().clone()])?;
        Ok(HttpsClient::new(tls, &hosts)?)
    }

    /// Host names and addresses of the HTTPS servers.
    pub(crate) fn hosts(&self) -> Vec<HostEntry> {
        let entry = |name: &str, at| HostEntry {
            name: name.to_owned(),
            at,
        };
        vec![
            entry(domain::IDM_HOST, self.addresses.idm()),
            entry(domain::KMS_HOST, self.addresses.kms()),
            entry(domain::GMS_HOST, self.addresses.gms()),
        ]
    }

    /// URL of the IdM server.
    pub(crate) fn idm_url(&self) -> String {
        self.idm.issuer.as_str().to_owned()
    }

    /// URL of the KMS.
    pub(crate) fn kms_url(&self) -> String {
        format!(
            "https://{}:{}",
            domain::KMS_HOST,
            self.addresses.kms().port()
        )
    }

    /// XCAP root of the group management server, with a slash at its end.
    pub(crate) fn xcap_root(&self) -> &str {
        &self.xcap_root
    }

    /// Ends every server: nothing new is accepted, running HTTP requests finish.
    pub(crate) async fn stop(self) {
        self.idm.revocations.tell(None);
        self.sip.stop();
        tokio::join!(
            self.sip.group_management.shut_down(),
            self.kms.shut_down(),
            self.idm.server.shut_down(),
        );
    }
}

fn open_store(folder: &TempDir) -> Result<Store, SystemError> {
    let key = StoreKey::random(&mut OsRandom)?;
    Ok(Store::open(&folder.path().join("roger.sqlite"), &key)?)
}

/// Hashing passwords takes a while, so it is done on a thread of its own.
async fn provision(
    store: &Store,
    domain: &Domain,
    people: &[Person],
) -> Result<ServerAccounts, SystemError> {
    let (store, domain, people) = (store.clone(), domain.clone(), people.to_vec());
    tokio::task::spawn_blocking(move || http_servers::provision(&store, &domain, &people))
        .await
        .map_err(SystemError::configuration)?
}

/// Fetches the keys of the servers from the KMS like any client, over mutual TLS.
struct ServerKeys<'a> {
    addresses: &'a Addresses,
    domain: &'a Domain,
    ca: &'a DevelopmentCa,
}

impl ServerKeys<'_> {
    async fn of_participating(
        &self,
        accounts: &ServerAccounts,
    ) -> Result<(KmsDomain, Vec<UserKeySet>), SystemError> {
        let account = &accounts.participating;
        // In the order of `Credentials`: the first one signs key downloads, and UEs take them of the MDSI only.
        let identities = [
            self.domain.mdsi.as_str(),
            self.domain.participating.as_str(),
        ];
        self.fetch(account, domain::PARTICIPATING_HOST, &identities)
            .await
    }

    async fn of_group_management(
        &self,
        accounts: &ServerAccounts,
    ) -> Result<(KmsDomain, Vec<UserKeySet>), SystemError> {
        let identities = [self.domain.group_management.as_str()];
        self.fetch(&accounts.group_management, domain::GMS_HOST, &identities)
            .await
    }

    async fn fetch(
        &self,
        account: &KeyAccount,
        certificate: &str,
        identities: &[&str],
    ) -> Result<(KmsDomain, Vec<UserKeySet>), SystemError> {
        let own = self.ca.issue(&[certificate], SystemClock.now())?;
        let tls = ClientTls::with_identity(&[self.ca.certificate().clone()], own)?;
        let at = self.addresses.kms();
        let http = HttpsClient::new(tls, &[(domain::KMS_HOST, at)])?;
        let mut client = KeyProvisioning::new(
            http,
            format!("https://{}:{}", domain::KMS_HOST, at.port()),
            account.user_uri.clone(),
            self.domain.kms_uri.clone(),
            client_keys(account.current.as_ref()),
        );
        let kms = client.domain(None).await?;
        let mut key_sets = Vec::new();
        for identity in identities {
            key_sets.extend(client.key_sets(identity, &kms, None).await?);
        }
        Ok((kms, key_sets))
    }
}

/// The client's half of the keys that it shares with the KMS.
pub(crate) fn client_keys(pair: Option<&roger_kms::KeyPair>) -> ClientKeys {
    ClientKeys {
        transport: pair
            .map(|pair| pair.transport.clone())
            .into_iter()
            .collect(),
        integrity: pair
            .and_then(|pair| pair.integrity.clone())
            .into_iter()
            .collect(),
    }
}
