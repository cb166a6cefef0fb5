//! The MC domain of the registrations: KMS, users, their SIP accounts, access tokens.

use crate::error::BenchError;
use crate::load::tokens::TokenIssuer;
use crate::system::OsRandom;
use roger_adapter_http::{Clock as _, SystemClock};
use roger_base::{ClientId, Impu, KmsUri, McpttId, Mdsi, SecretBytes, ServerUri};
use roger_ibc::eccsi::{Pvt, SigningKey};
use roger_ibc::uid::KeyPeriod;
use roger_ibc::{IssuedKeys, KmsMaster, UserKeySet};
use roger_sipcore::Subscriber;

/// MC domain, MDSI and mark of protected URIs.
pub(super) const MC_DOMAIN: &str = "mcptt.example.org";
/// Home domain of the SIP core.
pub(super) const IMS_DOMAIN: &str = "ims.example.org";
/// Length of a key period in seconds.
const PERIOD: u64 = 2_592_000;

/// Everything that servers and UEs share.
pub(super) struct Domain {
    pub(super) master: KmsMaster,
    pub(super) mdsi: Mdsi,
    /// Key set of the MDSI: opens the CSK messages.
    pub(super) server: UserKeySet,
    pub(super) tokens: TokenIssuer,
    pub(super) participating: ServerUri,
}

impl Domain {
    pub(super) fn new() -> Result<Self, BenchError> {
        let now = SystemClock.now();
        let period = KeyPeriod::new(PERIOD, 0).map_err(BenchError::wrong("key period"))?;
        let master = KmsMaster::generate(KmsUri::new("kms.example.org")?, period, &mut OsRandom)?;
        let number = master.domain().key_period.number_at(now.to_ntp());
        let issued = master.issue(MC_DOMAIN, number);
        let issued = issued.map_err(BenchError::wrong("key set"))?;
        let server = UserKeySet::validate(master.domain(), &issued);
        Ok(Self {
            server: server.map_err(BenchError::wrong("key set"))?,
            mdsi: Mdsi::new(MC_DOMAIN)?,
            tokens: TokenIssuer::new()?,
            participating: ServerUri::new(format!("sip:mcptt-pf@{MC_DOMAIN}"))?,
            master,
        })
    }

    /// Key sets of users. Their receiver is that of the server: they sign, and nothing is encapsulated to them.
    pub(super) fn signers(&self, users: &[McpttId]) -> Result<Vec<UserKeySet>, BenchError> {
        let names: Vec<&str> = users.iter().map(McpttId::as_str).collect();
        let issued = self.master.issue_batch(&names, self.server.period_number);
        let issued = issued.map_err(BenchError::wrong("key set"))?;
        issued.iter().map(|keys| self.signer(keys)).collect()
    }

    fn signer(&self, keys: &IssuedKeys) -> Result<UserKeySet, BenchError> {
        let pvt = Pvt::from_octets(&keys.pvt).map_err(BenchError::wrong("key set"))?;
        let auth = &self.master.domain().auth;
        let signing = SigningKey::validate(auth, keys.uid.as_octets(), &keys.ssk, &pvt);
        Ok(UserKeySet {
            identity: keys.identity.clone(),
            uid: keys.uid,
            signing: signing.map_err(BenchError::wrong("key set"))?,
            ..self.server.clone()
        })
    }
}

/// The user with a number, and what her client is.
pub(super) fn user(number: usize) -> Result<McpttId, BenchError> {
    Ok(McpttId::new(format!("sip:user-{number}@{MC_DOMAIN}"))?)
}

pub(super) fn client_id(number: usize) -> Result<ClientId, BenchError> {
    let id = format!("urn:uuid:00000000-0000-4000-8000-{number:012x}");
    Ok(ClientId::new(id)?)
}

pub(super) fn impu(number: usize) -> Result<Impu, BenchError> {
    Ok(Impu::new(format!("sip:{number}@{IMS_DOMAIN}"))?)
}

pub(super) fn subscriber(number: usize) -> Result<Subscriber, BenchError> {
    Ok(Subscriber {
        username: username(number),
        identities: vec![impu(number)?],
        password: password(number),
    })
}

pub(super) fn username(number: usize) -> String {
    format!("{number}@{IMS_DOMAIN}")
}

pub(super) fn password(number: usize) -> SecretBytes {
    SecretBytes::new(format!("password of {number}").into_bytes())
}
