//! A KMS on the SQLite store over TLS, with an IdM server that gives tokens for it.
#![allow(dead_code, unreachable_pub)]

use crate::support::{Bench as Idm, any_port};
use roger_adapter_http::{
    ClientTls, Clock as _, HttpAnswer, HttpsClient, HttpsServer, KmsFrontEnd, OsRandom,
    ServerLimits, ServerTls, SystemClock, service,
};
use roger_adapter_store::{KmsStore, Store, StoreKey};
use roger_base::{KmsUri, SecretBytes};
use roger_documents::kms::MEDIA_TYPE;
use roger_documents::kms_client::{
    ClientKeys, ClientPolicy, KmsAnswer, KmsClient, RawKeySet, Resource as KmsResource,
};
use roger_ibc::uid::{KeyPeriod, Uid};
use roger_ibc::{IssuedKeys, KmsDomain, KmsMaster};
use roger_kms::ports::KeyRepository as _;
use roger_kms::{KeyAccount, Kms, KmsConfig, KmsDirectory, Ports};
use roger_oidc::{AccessToken, ScopeSet};
use std::sync::Arc;
use tempfile::TempDir;

pub const HOST: &str = "kms.example.org";
pub const ALICE: &str = "sip:alice@mcptt.example.org";
pub const BOB: &str = "sip:bob@mcptt.example.org";
pub const PROXY: &str = "proxy.example.org";
pub const PF: &str = "sip:pf@mcptt.example.org";

pub struct Bench {
    pub idm: Idm,
    pub server: HttpsServer,
    pub http: HttpsClient,
    pub store: KmsStore,
    _directory: TempDir,
}

impl Bench {
    pub async fn start() -> Self {
        let idm = Idm::start().await;
        let directory = tempfile::tempdir().unwrap();
        let key = StoreKey::random(&mut OsRandom).unwrap();
        let store = Store::open(&directory.path().join("kms.sqlite"), &key).unwrap();
        for user in [ALICE, BOB] {
            store
                .kms(&KmsUri::new(HOST).unwrap())
                .put_key_account(&KeyAccount::provision(user, &mut OsRandom).unwrap())
                .unwrap();
        }
        let mut server = KeyAccount::provision(PF, &mut OsRandom).unwrap();
        server.certificate = Some("pf.mcptt.example.org".to_owned());
        store
            .kms(&KmsUri::new(HOST).unwrap())
            .put_key_account(&server)
            .unwrap();

        let domain = KmsUri::new(HOST).unwrap();
        let period = KeyPeriod::new(2_592_000, 0).unwrap();
        let part = store.kms(&domain);
        let master = KmsMaster::generate(domain, period, &mut OsRandom).unwrap();
        let ports = Ports {
            repository: Arc::new(part.clone()),
            tokens: Arc::new(idm.verifier()),
            audit: Arc::new(part.clone()),
        };
        let front = KmsFrontEnd {
            domains: Arc::new(KmsDirectory::of_one(Arc::new(Kms::new(
                master,
                KmsConfig::default(),
                ports,
            )))),
            proxies: vec![PROXY.to_owned()],
            clock: Arc::new(SystemClock),
        };
        let now = SystemClock.now();
        let authority = [idm.ca.certificate().clone()];
        let tls = ServerTls::with_client_authority(idm.ca.issue(&[HOST], now).unwrap(), &authority)
            .unwrap();
        let router = service::mount(Arc::new(front));
        let server = HttpsServer::start(any_port(), tls, router, ServerLimits::default(), None)
            .await
            .unwrap();
        let http = HttpsClient::new(
            ClientTls::new(&authority).unwrap(),
            &[(HOST, server.address())],
        )
        .unwrap();
        Self {
            idm,
            server,
            http,
            store: part,
            _directory: directory,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://{HOST}:{}{path}", self.server.address().port())
    }

    pub async fn token(&self, name: &str, scopes: &ScopeSet) -> AccessToken {
        let password = SecretBytes::new(b"secret".to_vec());
        let client = self.idm.idm_client();
        client
            .log_in(scopes, name, &password, &mut OsRandom)
            .await
            .unwrap()
            .access_token
    }

    pub fn store_account(&self, user: &str) -> KeyAccount {
        self.store.account(user).unwrap().unwrap()
    }

    pub fn client(&self, user: &str) -> (KmsClient, ClientKeys) {
        let pair = self.store_account(user).current.unwrap();
        let who = KmsClient {
            user_uri: user.to_owned(),
            kms_uri: KmsUri::new(HOST).unwrap(),
            client_id: None,
            device_id: None,
        };
        let keys = ClientKeys {
            transport: vec![pair.transport],
            integrity: pair.integrity.into_iter().collect(),
        };
        (who, keys)
    }

    pub async fn ask(
        &self,
        http: &HttpsClient,
        user: &str,
        token: Option<&AccessToken>,
        resource: &KmsResource,
    ) -> (HttpAnswer, Option<KmsAnswer>) {
        let (who, keys) = self.client(user);
        let (url, now) = (self.url(&resource.path()), SystemClock.now());
        let body = who.request(&url, &keys, now).unwrap();
        let answer = http
            .post(&url, token, MEDIA_TYPE, body.into_bytes())
            .await
            .unwrap();
        let opened = who.open_response(
            answer.body.expose(),
            resource,
            &url,
            &keys,
            ClientPolicy::STANDARD,
            SystemClock.now(),
        );
        (answer, opened.ok())
    }
}

pub fn domain(answer: KmsAnswer) -> KmsDomain {
    let KmsAnswer::Init { certificate, .. } = answer else {
        panic!("no certificate")
    };
    KmsDomain {
        key_period: KeyPeriod::new(certificate.user_key_period, certificate.user_key_offset)
            .unwrap(),
        auth: roger_ibc::eccsi::KmsPublicAuthKey::from_octets(&certificate.pub_auth_key).unwrap(),
        enc: roger_ibc::sakke::KmsPublicEncKey::from_octets(&certificate.pub_enc_key).unwrap(),
        kms_uri: certificate.kms_uri,
    }
}

/// A key set as devices check it.
pub fn issued(set: &RawKeySet) -> IssuedKeys {
    IssuedKeys {
        identity: set.user_uri.clone(),
        period_number: set.key_period_no,
        uid: Uid(set.user_id),
        ssk: set.ssk.clone(),
        pvt: set.pvt.to_vec(),
        rsk: set.rsk.clone(),
    }
}
