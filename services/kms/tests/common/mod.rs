//! A KMS with users, a server and their clients.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code
)]

use roger_base::{KmsUri, McpttId, UnixTime};
use roger_documents::kms_client::{
    ClientKeys, ClientPolicy, KmsAnswer, KmsClient, KmsClientError, RawKeySet, Resource,
};
use roger_ibc::uid::{KeyPeriod, Uid};
use roger_ibc::{IssuedKeys, KeyError, KmsDomain, KmsMaster, UserKeySet};
use roger_kms::memory::{MemoryAudit, MemoryRepository};
use roger_kms::ports::{
    AuditEntry, AuditLog, StoreError, TokenDenial, TokenVerifier, VerifiedClaims,
};
use roger_kms::{
    Channel, Credential, HttpAnswer, HttpRequest, KeyAccount, Kms, KmsConfig, Method, Ports,
};
use roger_testkit::SeededRandom;
use std::sync::Arc;

pub const ALICE: &str = "sip:alice@mcptt.example.org";
pub const BOB: &str = "sip:bob@mcptt.example.org";
pub const PF: &str = "sip:pf@mcptt.example.org";
pub const MDSI: &str = "mcptt.example.org";
/// 2014-01-26T10:07:14Z, key period 1388.
pub const NOW: UnixTime = UnixTime(1_390_730_834);
pub const PERIOD: u64 = 2_592_000;
const HOST: &str = "https://kms.example.org";

/// Tokens are `good:<mcptt id>`, `scope:<mcptt id>` (another scope), anything else is bad.
pub struct Tokens;

impl TokenVerifier for Tokens {
    fn verify(&self, token: &str, _: UnixTime) -> Result<VerifiedClaims, TokenDenial> {
        match token.split_once(':') {
            Some(("good", id)) => Ok(VerifiedClaims {
                mcptt_id: McpttId::new(id).unwrap(),
            }),
            Some(("scope", _)) => Err(TokenDenial::DeniedScope),
            _ => Err(TokenDenial::DeniedInvalid("expired".into())),
        }
    }
}

pub struct BrokenAudit;

impl AuditLog for BrokenAudit {
    fn record(&self, _: &AuditEntry) -> Result<(), StoreError> {
        Err(StoreError("disk full".into()))
    }
}

pub struct World {
    pub kms: Kms,
    pub repository: Arc<MemoryRepository>,
    pub audit: Arc<MemoryAudit>,
    pub random: SeededRandom,
    pub now: UnixTime,
}

impl World {
    pub fn new() -> Self {
        Self::with(
            KmsConfig {
                cert_uri: Some("cert1.kms.example.org".into()),
                ..KmsConfig::default()
            },
            None,
        )
    }

    pub fn with(config: KmsConfig, audit: Option<Arc<dyn AuditLog>>) -> Self {
        let mut random = SeededRandom::new(7);
        let period = KeyPeriod::new(PERIOD, 0).unwrap();
        let master =
            KmsMaster::generate(KmsUri::new("kms.example.org").unwrap(), period, &mut random)
                .unwrap();
        let repository = Arc::new(MemoryRepository::default());
        for user in [ALICE, BOB] {
            repository
                .put_account(KeyAccount::provision(user, &mut random).unwrap())
                .unwrap();
        }
        let mut server = KeyAccount::provision(PF, &mut random).unwrap();
        server.certificate = Some("CN=pf".into());
        server.identities = vec![MDSI.into()];
        repository.put_account(server).unwrap();
        let log = Arc::new(MemoryAudit::default());
        let ports = Ports {
            repository: repository.clone(),
            tokens: Arc::new(Tokens),
            audit: audit.unwrap_or_else(|| log.clone()),
        };
        Self {
            kms: Kms::new(master, config, ports),
            repository,
            audit: log,
            random,
            now: NOW,
        }
    }

    /// The same KMS over another repository.
    pub fn with_repository(self, repository: Arc<dyn roger_kms::ports::KeyRepository>) -> Self {
        let ports = Ports {
            repository,
            tokens: Arc::new(Tokens),
            audit: self.audit.clone(),
        };
        let mut random = SeededRandom::new(7);
        let period = KeyPeriod::new(PERIOD, 0).unwrap();
        let kms_uri = KmsUri::new("kms.example.org").unwrap();
        let master = KmsMaster::generate(kms_uri, period, &mut random).unwrap();
        Self {
            kms: Kms::new(master, KmsConfig::default(), ports),
            ..self
        }
    }

    pub fn account(&self, user: &str) -> KeyAccount {
        use roger_kms::ports::KeyRepository;
        self.repository.account(user).unwrap().unwrap()
    }

    pub fn client(&self, user: &str) -> Client {
        let account = self.account(user);
        let pair = account.current;
        let keys = ClientKeys {
            transport: pair.iter().map(|pair| pair.transport.clone()).collect(),
            integrity: pair
                .iter()
                .filter_map(|pair| pair.integrity.clone())
                .collect(),
        };
        let kms_uri = KmsUri::new("kms.example.org").unwrap();
        let who = KmsClient {
            user_uri: user.into(),
            kms_uri,
            client_id: None,
            device_id: None,
        };
        Client {
            who,
            keys,
            credential: format!("good:{user}"),
        }
    }

    /// Posts a body as Alice with a good token.
    pub fn post(&mut self, path: &str, credential: Credential<'_>, body: &[u8]) -> HttpAnswer {
        self.post_through(Channel::Direct, path, credential, body)
    }

    pub fn post_through(
        &mut self,
        channel: Channel,
        path: &str,
        credential: Credential<'_>,
        body: &[u8],
    ) -> HttpAnswer {
        let request = HttpRequest {
            method: Method::Post,
            path,
            host: None,
            channel,
            credential,
            asserted: None,
            body,
        };
        self.kms.handle(&request, self.now)
    }

    /// Through a proxy that says whom it has authenticated.
    pub fn ask_vouched(
        &mut self,
        client: &Client,
        resource: &Resource,
        credential: Credential<'_>,
        asserted: &[String],
    ) -> HttpAnswer {
        let body = client.body(resource, self.now);
        let request = HttpRequest {
            method: Method::Post,
            path: &resource.path(),
            host: None,
            channel: Channel::Proxy,
            credential,
            asserted: Some(asserted),
            body: body.as_bytes(),
        };
        self.kms.handle(&request, self.now)
    }

    pub fn ask(&mut self, client: &Client, resource: &Resource) -> HttpAnswer {
        let body = client.body(resource, self.now);
        self.post(
            &resource.path(),
            Credential::Bearer(&client.credential),
            body.as_bytes(),
        )
    }

    pub fn answer(&mut self, client: &Client, resource: &Resource) -> KmsAnswer {
        let answer = self.ask(client, resource);
        client.open(&answer, resource, self.now).unwrap()
    }

    pub fn domain(&mut self, client: &Client) -> KmsDomain {
        let KmsAnswer::Init { certificate, .. } = self.answer(client, &Resource::Init) else {
            panic!("no certificate")
        };
        KmsDomain {
            kms_uri: certificate.kms_uri.clone(),
            key_period: KeyPeriod::new(certificate.user_key_period, certificate.user_key_offset)
                .unwrap(),
            auth: roger_ibc::eccsi::KmsPublicAuthKey::from_octets(&certificate.pub_auth_key)
                .unwrap(),
            enc: roger_ibc::sakke::KmsPublicEncKey::from_octets(&certificate.pub_enc_key).unwrap(),
        }
    }
}

pub struct Client {
    pub who: KmsClient,
    pub keys: ClientKeys,
    pub credential: String,
}

pub fn url(resource: &Resource) -> String {
    format!("{HOST}{}", resource.path())
}

impl Client {
    pub fn body(&self, resource: &Resource, now: UnixTime) -> String {
        self.who
            .request_for(resource, &url(resource), &self.keys, now)
            .unwrap()
    }

    pub fn open(
        &self,
        answer: &HttpAnswer,
        resource: &Resource,
        now: UnixTime,
    ) -> Result<KmsAnswer, KmsClientError> {
        self.who.open_response(
            &answer.body,
            resource,
            &url(resource),
            &self.keys,
            ClientPolicy::STANDARD,
            now,
        )
    }
}

pub fn checked(domain: &KmsDomain, set: &RawKeySet) -> Result<UserKeySet, KeyError> {
    let issued = IssuedKeys {
        identity: set.user_uri.clone(),
        period_number: set.key_period_no,
        uid: Uid(set.user_id),
        ssk: set.ssk.clone(),
        pvt: set.pvt.to_vec(),
        rsk: set.rsk.clone(),
    };
    UserKeySet::validate(domain, &issued)
}
