//! Users of the measured KMS, with the requests they will make.

use super::site::{Ground, KMS, kms_uri};
use crate::error::BenchError;
use crate::system::OsRandom;
use roger_adapter_http::{Clock as _, SystemClock};
use roger_base::UnixTime;
use roger_documents::kms::KmsCertificate;
use roger_documents::kms_client::{
    ClientKeys, ClientPolicy, KmsAnswer, KmsClient, RawKeySet, Resource,
};
use roger_ibc::eccsi::KmsPublicAuthKey;
use roger_ibc::sakke::KmsPublicEncKey;
use roger_ibc::uid::{KeyPeriod, Uid};
use roger_ibc::{IssuedKeys, KmsDomain, UserKeySet};
use roger_kms::KeyAccount;

/// Accounts written in one transaction.
const TOGETHER: usize = 4096;

/// One user.
pub(super) struct Subscriber {
    client: KmsClient,
    keys: ClientKeys,
    token: String,
}

/// What the KMS gave a user.
pub(super) struct Provisioned {
    certificate: Box<KmsCertificate>,
    keys: RawKeySet,
}

/// What a user will post: `/init`, then `/keyprov`.
pub(super) struct Prepared {
    pub(super) token: String,
    pub(super) requests: [Request; 2],
}

/// A request, signed.
pub(super) struct Request {
    pub(super) path: String,
    pub(super) body: String,
}

/// The name of a user.
pub(super) fn uri(index: usize) -> String {
    format!("sip:user-{index:08}@mcptt.example.org")
}

impl Subscriber {
    /// Gives accounts with TrK and InK to so many users (security level C).
    pub(super) fn enrol(ground: &Ground, count: usize) -> Result<Vec<Self>, BenchError> {
        let now = SystemClock.now();
        let mut subscribers = Vec::with_capacity(count);
        let kms = ground.store.kms(&kms_uri()?);
        let indices: Vec<usize> = (0..count).collect();
        for some in indices.chunks(TOGETHER) {
            let accounts = some
                .iter()
                .map(|index| KeyAccount::provision(uri(*index), &mut OsRandom));
            let accounts: Vec<KeyAccount> = accounts.collect::<Result<_, _>>()?;
            kms.put_key_accounts(&accounts)
                .map_err(BenchError::wrong("store"))?;
            for account in accounts {
                subscribers.push(Self::of(ground, account, now)?);
            }
        }
        Ok(subscribers)
    }

    fn of(ground: &Ground, account: KeyAccount, now: UnixTime) -> Result<Self, BenchError> {
        let pair = account.current.as_ref();
        Ok(Self {
            token: ground.tokens.token(
                &account.user_uri,
                roger_oidc::Resource::KeyManagement,
                now,
            )?,
            keys: ClientKeys {
                transport: pair.iter().map(|pair| pair.transport.clone()).collect(),
                integrity: pair
                    .iter()
                    .filter_map(|pair| pair.integrity.clone())
                    .collect(),
            },
            client: KmsClient {
                user_uri: account.user_uri,
                kms_uri: kms_uri()?,
                client_id: None,
                device_id: None,
            },
        })
    }

    fn resources(&self) -> [Resource; 2] {
        let own = self.client.user_uri.clone();
        [Resource::Init, Resource::KeyProv(own)]
    }

    /// Signs the requests, just before they go out: the KMS looks at their time.
    pub(super) fn prepare(&self, now: UnixTime) -> Result<Prepared, BenchError> {
        let request = |resource: Resource| {
            let body = self
                .client
                .request_for(&resource, &url(&resource), &self.keys, now);
            Ok::<_, BenchError>(Request {
                path: resource.path(),
                body: body.map_err(BenchError::wrong("request"))?,
            })
        };
        let [init, key_prov] = self.resources();
        Ok(Prepared {
            token: self.token.clone(),
            requests: [request(init)?, request(key_prov)?],
        })
    }

    /// Verifies the signatures of the answers and unwraps the keys.
    pub(super) fn open(&self, bodies: &[Vec<u8>; 2]) -> Result<Provisioned, BenchError> {
        let wrong = || BenchError::wrong("answer of the KMS");
        let now = SystemClock.now();
        let mut opened = Vec::new();
        for (resource, body) in self.resources().iter().zip(bodies) {
            let answer = self.client.open_response(
                body,
                resource,
                &url(resource),
                &self.keys,
                ClientPolicy::STANDARD,
                now,
            );
            opened.push(answer.map_err(|error| wrong()(error.to_string()))?);
        }
        match (opened.pop(), opened.pop()) {
            (
                Some(KmsAnswer::KeyProv { key_sets, .. }),
                Some(KmsAnswer::Init { certificate, .. }),
            ) => {
                let first = key_sets.into_iter().next();
                let keys = first.ok_or_else(|| wrong()("no key set".to_owned()))?;
                Ok(Provisioned { certificate, keys })
            }
            _ => Err(wrong()("another message than asked for".to_owned())),
        }
    }
}

impl Provisioned {
    /// The checks of a device (RFC 6507 5.1.2, RFC 6508 6.1.2): UID, SSK, and a pairing for the RSK.
    pub(super) fn validate(&self) -> Result<(), BenchError> {
        let (certificate, keys) = (&self.certificate, &self.keys);
        let wrong = BenchError::wrong::<String>("key set");
        let period = (certificate.user_key_period, certificate.user_key_offset);
        let domain = KmsDomain {
            kms_uri: certificate.kms_uri.clone(),
            key_period: KeyPeriod::new(period.0, period.1)
                .map_err(|error| wrong(error.to_string()))?,
            auth: KmsPublicAuthKey::from_octets(&certificate.pub_auth_key)
                .map_err(|error| wrong(error.to_string()))?,
            enc: KmsPublicEncKey::from_octets(&certificate.pub_enc_key)
                .map_err(|error| wrong(error.to_string()))?,
        };
        let issued = IssuedKeys {
            identity: keys.user_uri.clone(),
            period_number: keys.key_period_no,
            uid: Uid(keys.user_id),
            ssk: keys.ssk.clone(),
            pvt: keys.pvt.to_vec(),
            rsk: keys.rsk.clone(),
        };
        let valid = UserKeySet::validate(&domain, &issued);
        valid.map(|_| ()).map_err(|error| wrong(error.to_string()))
    }
}

fn url(resource: &Resource) -> String {
    format!("https://{KMS}{}", resource.path())
}
