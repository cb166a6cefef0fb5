//! The configuration of one UE, as a value that goes into a private file for another process.

use super::domain::{IMS_DOMAIN, MC_DOMAIN, OAUTH_CLIENT, REDIRECT_URI};
use super::sip_options::SipTransport;
use super::{MEDIA_PORTS, Person, System, SystemError};
use core::net::SocketAddr;
use core::time::Duration;
use roger_adapter_http::tls::certificates;
use roger_adapter_http::{HttpsClient, IdmClient, SystemClock};
use roger_adapter_rtp::PortRange;
use roger_base::{ClientId, Impu, KmsUri, Mdsi, Secret, SecretBytes, ServerUri};
use roger_call::protection::Protection;
use roger_documents::Document as _;
use roger_documents::kms::NamedKey;
use roger_documents::kms_client::ClientKeys;
use roger_documents::service_config::ServiceConfiguration;
use roger_oidc::client::RelyingParty;
use roger_oidc::{Issuer, OauthClientId, RedirectUri, ScopeSet};
use roger_ue::client::{FloorControlProtection, IdentityHiding, UeSettings};
use roger_ue::shell::{GroupManagementAccess, IdmAccess, KmsAccess, Local, Taps, UeConfig};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Life asked for in REGISTER.
const REGISTRATION_LIFE: Duration = Duration::from_secs(3_600);

/// A host name with its address.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct HostEntry {
    pub(crate) name: String,
    pub(crate) at: SocketAddr,
}

/// A named key of 32 octets, in hex.
#[derive(Clone, Serialize, Deserialize)]
struct FiledKey {
    name: String,
    key: String,
}

/// Everything that a UE is given. It holds secrets: it has no `Debug`, and its file is private.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct UeProfile {
    pub(crate) login: String,
    pub(crate) password: String,
    impu: String,
    sip_username: String,
    sip_password: String,
    client_id: String,
    sip_core: SocketAddr,
    sip_transport: SipTransport,
    participating: String,
    mdsi: String,
    group_management: String,
    idm_url: String,
    kms_url: String,
    kms_uri: String,
    transport_key: Vec<FiledKey>,
    integrity_key: Vec<FiledKey>,
    xcap_root: String,
    authority: String,
    hosts: Vec<HostEntry>,
    /// The document, as a configuration management server would give it.
    service_configuration: String,
}

impl UeProfile {
    pub(super) fn new(system: &System, person: &Person) -> Self {
        let text = |secret: &SecretBytes| String::from_utf8_lossy(secret.expose()).into_owned();
        let keys = super::client_keys(Some(&person.kms_keys));
        Self {
            login: person.login.clone(),
            password: person.password().to_owned(),
            impu: person.impu.as_str().to_owned(),
            sip_username: person.sip_username.clone(),
            sip_password: text(&person.sip_password),
            client_id: person.client_id.as_str().to_owned(),
            sip_core: system.addresses.sip_core(),
            sip_transport: system.sip_options.transport,
            participating: system.domain.participating.as_str().to_owned(),
            mdsi: system.domain.mdsi.as_str().to_owned(),
            group_management: system.domain.group_management.as_str().to_owned(),
            idm_url: system.idm_url(),
            kms_url: system.kms_url(),
            kms_uri: system.domain.kms_uri.as_str().to_owned(),
            transport_key: keys.transport.iter().map(FiledKey::of).collect(),
            integrity_key: keys.integrity.iter().map(FiledKey::of).collect(),
            xcap_root: system.xcap_root().to_owned(),
            authority: system.authority_pem().to_owned(),
            hosts: system.hosts(),
            service_configuration: system.service_configuration.write(),
        }
    }

    /// The configuration of the UE at an address.
    ///
    /// # Errors
    /// [`SystemError`] when the profile was damaged.
    pub(crate) fn config(&self, sip: SocketAddr, taps: Taps) -> Result<UeConfig, SystemError> {
        let (first, last) = MEDIA_PORTS;
        Ok(UeConfig {
            settings: self.settings(sip)?,
            sip_password: SecretBytes::new(self.sip_password.clone().into_bytes()),
            local: Local {
                sip,
                media: PortRange::new(first, last)?,
            },
            idm: self.idm()?,
            kms: KmsAccess {
                base_url: self.kms_url.clone(),
                kms_uri: KmsUri::new(self.kms_uri.as_str())?,
                keys: ClientKeys {
                    transport: FiledKey::all(&self.transport_key)?,
                    integrity: FiledKey::all(&self.integrity_key)?,
                },
            },
            group_management: GroupManagementAccess {
                xcap_root: self.xcap_root.clone(),
            },
            service_configuration: Some(
                ServiceConfiguration::read(self.service_configuration.as_bytes())
                    .map_err(SystemError::configuration)?,
            ),
            authority: certificates(self.authority.as_bytes())?,
            hosts: self
                .hosts
                .iter()
                .map(|host| (host.name.clone(), host.at))
                .collect(),
            taps,
        })
    }

    /// An IdM client of this application, without the rest of a UE, and the scopes to ask for.
    pub(crate) fn idm_client(
        &self,
        http: HttpsClient,
    ) -> Result<(IdmClient, ScopeSet), SystemError> {
        let idm = self.idm()?;
        let client = IdmClient::new(http, idm.party, idm.jwks_url, Arc::new(SystemClock));
        Ok((client, idm.scopes))
    }

    fn settings(&self, sip: SocketAddr) -> Result<UeSettings, SystemError> {
        Ok(UeSettings {
            impu: Impu::new(self.impu.as_str())?,
            sip_username: self.sip_username.clone(),
            sip_domain: IMS_DOMAIN.to_owned(),
            core: self.sip_transport.for_ue(self.sip_core),
            contact: sip.to_string(),
            client_id: ClientId::new(self.client_id.as_str())?,
            participating: ServerUri::new(self.participating.as_str())?,
            mdsi: Mdsi::new(self.mdsi.as_str())?,
            group_management: ServerUri::new(self.group_management.as_str())?,
            domain: MC_DOMAIN.to_owned(),
            protection: Protection::default(),
            floor_protection: FloorControlProtection::On,
            hiding: IdentityHiding::On,
            registration_life: REGISTRATION_LIFE,
        })
    }

    fn idm(&self) -> Result<IdmAccess, SystemError> {
        let issuer = Issuer::new(self.idm_url.as_str()).map_err(SystemError::configuration)?;
        let below = |path: &str| format!("{}{path}", self.idm_url.trim_end_matches('/'));
        Ok(IdmAccess {
            party: RelyingParty {
                issuer,
                authorization_endpoint: below("/oauth2/authorize"),
                token_endpoint: below("/oauth2/token"),
                client_id: OauthClientId::new(OAUTH_CLIENT).map_err(SystemError::configuration)?,
                redirect_uri: RedirectUri::new(REDIRECT_URI).map_err(SystemError::configuration)?,
                secret: None,
            },
            jwks_url: below("/oauth2/jwks"),
            scopes: ScopeSet::every_mcptt_scope(),
        })
    }
}

impl FiledKey {
    fn of(key: &NamedKey) -> Self {
        Self {
            name: key.name.clone(),
            key: hex::encode(key.key.expose()),
        }
    }

    fn all(keys: &[Self]) -> Result<Vec<NamedKey>, SystemError> {
        keys.iter().map(Self::open).collect()
    }

    fn open(&self) -> Result<NamedKey, SystemError> {
        let damaged = |what: &str| SystemError::Configuration(format!("key {}: {what}", self.name));
        let octets = hex::decode(&self.key).map_err(|_| damaged("not hex"))?;
        Ok(NamedKey {
            name: self.name.clone(),
            key: Secret::try_from(octets.as_slice()).map_err(|_| damaged("not 32 octets"))?,
        })
    }
}
