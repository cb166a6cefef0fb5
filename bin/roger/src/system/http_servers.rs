//! IdM server and KMS: accounts in the database, HTTPS in front.

use super::addresses::Addresses;
use super::domain::{
    Domain, GMS_HOST, IDM_HOST, KMS_HOST, MC_DOMAIN, OAUTH_CLIENT, PARTICIPATING_HOST, REDIRECT_URI,
};
use super::people::Person;
use super::revocations::RevocationsTold;
use super::{SystemError, SystemOptions};
use roger_adapter_http::{
    Clock as _, DevelopmentCa, HttpsServer, KmsFrontEnd, OsRandom, ServerLimits, ServerTls,
    SystemClock, WireTap, idm, service,
};
use roger_adapter_store::{Store, StoredRoot};
use roger_base::UnixTime;
use roger_ibc::KmsMaster;
use roger_ibc::uid::KeyPeriod;
use roger_idm::memory::{MemorySessions, TracedAudit};
use roger_idm::ports::UserRepository as _;
use roger_idm::{
    Failures, Idm, IdmConfig, LoginName, Password, PasswordHash, Ports, User, UserState,
};
use roger_kms::{CertificateTerms, KeyAccount, Kms, KmsConfig, KmsDirectory};
use roger_oidc::provider::{Client, ClientDetails, ClientKind};
use roger_oidc::{
    AccessTokenVerifier, ClockSkew, Issuer, OauthClientId, OtherServiceIds, RedirectUri, ScopeSet,
    Subject, TrustedIssuer,
};
use roger_sipcore::Subscriber;
use std::sync::Arc;

/// Key period of the KMS: 30 days, as in the published example of TS 33.180 F.2.1.2.
const KEY_PERIOD_SECONDS: u64 = 2_592_000;

/// Writes everybody and the servers' accounts into the database.
pub(super) fn provision(
    store: &Store,
    domain: &Domain,
    people: &[Person],
) -> Result<ServerAccounts, SystemError> {
    for person in people {
        store.add(&user(person)?)?;
        let mut account = KeyAccount::unprotected(person.mcptt_id.as_str());
        account.generation = 1;
        account.current = Some(person.kms_keys.clone());
        store.kms(&domain.kms_uri).put_key_account(&account)?;
        store.put_subscriber(&Subscriber {
            username: person.sip_username.clone(),
            identities: vec![person.impu.clone()],
            password: person.sip_password.clone(),
        })?;
    }
    store.put_client(&oauth_client()?)?;
    ServerAccounts::provision(store, domain)
}

fn user(person: &Person) -> Result<User, SystemError> {
    let password = Password::new(person.password())?;
    Ok(User {
        subject: Subject::new(person.client_id.as_str()).map_err(SystemError::configuration)?,
        login: LoginName::new(&person.login).map_err(SystemError::configuration)?,
        password: PasswordHash::of(&password, &mut OsRandom)?,
        mcptt_id: person.mcptt_id.clone(),
        others: OtherServiceIds::default(),
        entitlement: ScopeSet::every_mcptt_scope(),
        state: UserState::Enabled,
        failures: Failures::default(),
    })
}

fn oauth_client() -> Result<Client, SystemError> {
    Ok(Client {
        id: OauthClientId::new(OAUTH_CLIENT).map_err(SystemError::configuration)?,
        name: "Roger UE (DEVELOPMENT)".to_owned(),
        kind: ClientKind::Public,
        redirect_uris: vec![RedirectUri::new(REDIRECT_URI).map_err(SystemError::configuration)?],
        scopes: ScopeSet::every_mcptt_scope(),
        details: ClientDetails::default(),
    })
}

/// Accounts of the MCX servers at the KMS.
pub(super) struct ServerAccounts {
    /// Participating function, which also opens what is for the MDSI.
    pub(super) participating: KeyAccount,
    /// Group management server.
    pub(super) group_management: KeyAccount,
}

impl ServerAccounts {
    fn provision(store: &Store, domain: &Domain) -> Result<Self, SystemError> {
        let account = |uri: &str, certificate: &str, identities: Vec<String>| {
            let mut account = KeyAccount::provision(uri, &mut OsRandom)?;
            account.certificate = Some(certificate.to_owned());
            account.identities = identities;
            store.kms(&domain.kms_uri).put_key_account(&account)?;
            Ok::<_, SystemError>(account)
        };
        let mdsi = vec![domain.mdsi.as_str().to_owned()];
        Ok(Self {
            participating: account(domain.participating.as_str(), PARTICIPATING_HOST, mdsi)?,
            group_management: account(domain.group_management.as_str(), GMS_HOST, Vec::new())?,
        })
    }
}

/// The running IdM server.
pub(super) struct IdmServer {
    pub(super) idm: Arc<Idm>,
    pub(super) server: HttpsServer,
    pub(super) issuer: Issuer,
    pub(super) revocations: Arc<RevocationsTold>,
}

impl IdmServer {
    pub(super) async fn start(
        store: &Store,
        addresses: &Addresses,
        ca: &DevelopmentCa,
        options: &SystemOptions,
    ) -> Result<Self, SystemError> {
        let now = SystemClock.now();
        let address = addresses.idm();
        let issuer = Issuer::new(format!("https://{IDM_HOST}:{}", address.port()))
            .map_err(SystemError::configuration)?;
        let config = IdmConfig::new(issuer.clone(), format!("https://{MC_DOMAIN}"));
        let ports = Ports {
            users: Arc::new(store.clone()),
            clients: Arc::new(store.clone()),
            grants: Arc::new(store.clone()),
            sessions: Arc::new(MemorySessions::default()),
            browsers: Arc::new(store.clone()),
            consents: Arc::new(store.clone()),
            factors: Arc::new(store.clone()),
            passkeys: None,
            keys: Arc::new(store.clone()),
            audit: Arc::new(TracedAudit),
        };
        let revocations = Arc::new(RevocationsTold::default());
        let idm = Idm::start(config, ports, now)?;
        let idm = Arc::new(idm.with_revocation_listener(Arc::clone(&revocations) as _));
        let front = idm::IdmFrontEnd {
            idm: Arc::clone(&idm),
            clock: Arc::new(SystemClock),
            banner: Some("DEVELOPMENT: not for production".to_owned()),
        };
        let tls = ServerTls::new(ca.issue(&[IDM_HOST], now)?)?;
        let router = idm::router(front);
        let server =
            HttpsServer::start(address, tls, router, ServerLimits::default(), tap(options)).await?;
        Ok(Self {
            idm,
            server,
            issuer,
            revocations,
        })
    }

    /// What checks this server's tokens; revoked ones are known at once.
    pub(super) fn verifier(&self) -> AccessTokenVerifier {
        let trusted = TrustedIssuer {
            issuer: self.issuer.clone(),
            keys: self.idm.public_keys(),
        };
        AccessTokenVerifier::new(vec![trusted], ClockSkew::MAX)
            .with_revocations(Arc::clone(&self.idm) as _)
    }
}

/// Starts the KMS with fresh master secrets, which it reads back from the database.
pub(super) async fn start_kms(
    store: &Store,
    domain: &Domain,
    tokens: AccessTokenVerifier,
    addresses: &Addresses,
    ca: &DevelopmentCa,
    options: &SystemOptions,
) -> Result<HttpsServer, SystemError> {
    let now = SystemClock.now();
    let period = key_period(now)?;
    let terms = CertificateTerms {
        cert_uri: Some(format!("cert1.{KMS_HOST}")),
        ..CertificateTerms::default()
    };
    let drawn = StoredRoot {
        master: KmsMaster::generate(domain.kms_uri.clone(), period, &mut OsRandom)?,
        terms,
    };
    let table = store.kms(&domain.kms_uri);
    table.add_root(&drawn)?;
    let StoredRoot { master, terms } = table.roots()?.pop().unwrap_or(drawn);
    let config = KmsConfig {
        kms_id: Some("DEVELOPMENT".to_owned()),
        cert_uri: terms.cert_uri,
        domains: vec![MC_DOMAIN.to_owned()],
        ..KmsConfig::default()
    };
    let ports = roger_kms::Ports {
        repository: Arc::new(store.kms(&domain.kms_uri)),
        tokens: Arc::new(tokens),
        audit: Arc::new(store.kms(&domain.kms_uri)),
    };
    let front = KmsFrontEnd {
        domains: Arc::new(KmsDirectory::of_one(Arc::new(Kms::new(
            master, config, ports,
        )))),
        proxies: Vec::new(),
        clock: Arc::new(SystemClock),
    };
    let authority = [ca.certificate().clone()];
    let tls = ServerTls::with_client_authority(ca.issue(&[KMS_HOST], now)?, &authority)?;
    let router = service::mount(Arc::new(front));
    let limits = ServerLimits::default();
    Ok(HttpsServer::start(addresses.kms(), tls, router, limits, tap(options)).await?)
}

/// Key periods with now in the middle of one, so that no short run meets the end of one.
fn key_period(now: UnixTime) -> Result<KeyPeriod, SystemError> {
    let middle = now.to_ntp().seconds.wrapping_add(KEY_PERIOD_SECONDS / 2);
    KeyPeriod::new(KEY_PERIOD_SECONDS, middle % KEY_PERIOD_SECONDS)
        .map_err(SystemError::configuration)
}

pub(super) fn tap(options: &SystemOptions) -> Option<Arc<dyn WireTap>> {
    options
        .capture
        .clone()
        .map(|capture| Arc::new(capture) as Arc<dyn WireTap>)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_is_in_the_middle_of_a_key_period() {
        for seconds in [1_760_000_000, 1_760_000_001, 1_800_000_123] {
            let now = UnixTime(seconds);
            let period = key_period(now).unwrap();
            let number = |time: UnixTime| period.number_at(time.to_ntp());
            let days = |days: u64| core::time::Duration::from_secs(days * 86_400);
            assert_eq!(number(now), number(now + days(14)));
            assert_eq!(number(now), number(now - days(14)));
            assert_ne!(number(now), number(now + days(16)));
        }
    }
}
