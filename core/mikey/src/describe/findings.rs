//! What is true about a message as a whole, with and without keys.

use super::dump::Dump;
use super::{Description, Finding, Origin, Verdict};
use crate::i_message::{IMessage, Party};
use crate::key_parameters::KeyParameters;
use crate::open::{decapsulate, signed_octets};
use crate::payload::{
    CsIdMap, ID_SCHEME_MCX_HASHED_UID, PRF_HMAC_SHA_256, SIGNATURE_HEADER, Sakke,
};
use crate::profile::{Profile, RocTransport};
use crate::purpose::name;
use roger_base::{KmsUri, McpttId, NtpTime, Secret};
use roger_ibc::eccsi::Signature;
use roger_ibc::sakke::{self, ReceiverSecretKey};
use roger_ibc::uid::Uid;
use roger_ibc::{KeyError, KmsDomain, UserKeySet};
use roger_keys::{Gmk, group};

const RECEIVER: &str = "TS 33.180 cl. 5.2.2";
const SIGNING: &str = "TS 33.180 cl. E.1.2, RFC 6507 5.2.2";
const OPENING: &str = "RFC 6508 6.2.2";

/// What the holder of `roger inspect` has: none of it is needed, each adds something.
#[derive(Clone, Default)]
pub struct Keys {
    /// Public parameters of KMSs: the signature can be verified.
    pub domains: Vec<KmsDomain>,
    /// Keys of the receiver (or of the sender, for SAKKE-to-self): the key can be opened.
    pub opening: Vec<OpeningKey>,
    /// The key itself: the key parameters can be opened.
    pub secret: Option<Secret<16>>,
}

/// The half of a key set that opens: an RSK, checked, with the identity, KMS and key period it is for.
#[derive(Clone)]
pub struct OpeningKey {
    identity: String,
    domain: KmsDomain,
    period_number: u64,
    uid: Uid,
    receiver: ReceiverSecretKey,
}

impl OpeningKey {
    /// Checks an RSK under the UID computed from identity, KMS and period number (RFC 6508 cl. 6.1.2).
    ///
    /// # Errors
    /// [`KeyError`] when it is not the RSK of that UID.
    pub fn validate(
        domain: &KmsDomain,
        identity: &str,
        period_number: u64,
        rsk: &Secret<257>,
    ) -> Result<Self, KeyError> {
        let uid = domain.uid_of(identity, period_number);
        let receiver = ReceiverSecretKey::validate(&domain.enc, uid.as_octets(), rsk)?;
        Ok(Self {
            identity: identity.to_owned(),
            domain: domain.clone(),
            period_number,
            uid,
            receiver,
        })
    }

    /// The UID that identity, KMS and period number give.
    #[must_use]
    pub const fn uid(&self) -> Uid {
        self.uid
    }
}

impl From<UserKeySet> for OpeningKey {
    fn from(keys: UserKeySet) -> Self {
        Self {
            identity: keys.identity,
            domain: keys.domain,
            period_number: keys.period_number,
            uid: keys.uid,
            receiver: keys.receiver,
        }
    }
}

impl Keys {
    fn domain(&self, kms: &KmsUri) -> Option<&KmsDomain> {
        let own = self.opening.iter().map(|key| &key.domain);
        self.domains
            .iter()
            .chain(own)
            .find(|domain| domain.kms_uri == *kms)
    }

    fn opening(&self, party: &Party, kms: &KmsUri, time: NtpTime) -> Option<&OpeningKey> {
        self.opening.iter().find(|key| {
            let period = key.domain.key_period.number_at(time);
            let named = match party {
                Party::Named(name) => *name == key.identity,
                Party::Hidden(uid) => *uid == key.uid,
            };
            named && key.domain.kms_uri == *kms && key.period_number == period
        })
    }
}

const fn right(text: String, clause: &'static str) -> Finding {
    Finding {
        verdict: Verdict::Right,
        text,
        clause,
    }
}

const fn wrong(text: String, clause: &'static str) -> Finding {
    Finding {
        verdict: Verdict::Wrong,
        text,
        clause,
    }
}

const fn note(text: String, clause: &'static str) -> Finding {
    Finding {
        verdict: Verdict::Note,
        text,
        clause,
    }
}

/// What can be said without keys.
pub(super) fn of_structure(message: &IMessage) -> Vec<Finding> {
    let mut findings = vec![right(
        format!(
            "complete I_MESSAGE, {} for {}",
            name(message.purpose),
            message.responder
        ),
        "TS 33.180 cl. E.1.2",
    )];
    if message.prf != PRF_HMAC_SHA_256 {
        let text = "PRF func is MIKEY-1: the sender is older than Release 14".to_owned();
        findings.push(note(text, "TS 33.180 cl. E.1.2"));
    }
    if message.rand.octets().len() < 16 {
        let text = "RAND has less than 16 octets: receivers refuse it".to_owned();
        findings.push(wrong(text, "RFC 3830 6.11"));
    }
    if message.sakke.id_scheme != ID_SCHEME_MCX_HASHED_UID {
        let text = "SAKKE ID scheme is not 2: receivers refuse it".to_owned();
        findings.push(wrong(text, "TS 33.180 cl. E.1.2"));
    }
    findings.push(profile(message));
    findings
}

fn profile(message: &IMessage) -> Finding {
    const CLAUSE: &str = "TS 33.180 cl. E.2.2, E.3.2, E.4.2";
    let Some(policy) = message.policies.first() else {
        return note(
            "no SP: the default profile of the key applies".to_owned(),
            CLAUSE,
        );
    };
    match Profile::of(policy, message.purpose, &[]) {
        Ok(Profile {
            roc: RocTransport::EveryPacket,
            ..
        }) => right(
            "SP: AEAD_AES_128_GCM, ROC in every SRTP packet".to_owned(),
            CLAUSE,
        ),
        Ok(_) => right("SP: AEAD_AES_128_GCM, no ROC in packets".to_owned(), CLAUSE),
        Err(error) => wrong(error.to_string(), CLAUSE),
    }
}

/// Verifies and opens as far as the keys go.
pub(super) fn with_keys(
    message: &IMessage,
    octets: &[u8],
    keys: &Keys,
    reference: NtpTime,
    description: &mut Description,
) {
    let time = message.time(reference);
    let findings = &mut description.findings;
    let signature = signature(message, octets, keys, time);
    description.signature_verified = signature.verdict == Verdict::Right;
    findings.push(signature);
    let opened = open(message, keys, time, findings);
    let given = given_secret(message, keys, time, findings);
    let (secret, proven) = match (opened, given) {
        (Some(secret), _) => (secret, true),
        (None, Given::Proven(secret)) => (secret, true),
        (None, Given::Unproven(secret)) => (secret, false),
        (None, Given::None) => return,
    };
    findings.extend(group_key_id(message, &secret));
    let decrypted = key_parameters(message, &secret, reference, description);
    description.secret = (proven || decrypted).then_some(secret);
}

fn signature(message: &IMessage, octets: &[u8], keys: &Keys, time: NtpTime) -> Finding {
    let kms = &message.initiator_kms;
    let Some(domain) = keys.domain(kms) else {
        return note(
            format!("signature not checked: no public parameters of {kms}"),
            SIGNING,
        );
    };
    let period = domain.key_period.number_at(time);
    let uid = match &message.initiator {
        Party::Named(identity) => domain.uid_of(identity, period),
        Party::Hidden(uid) => *uid,
    };
    let Ok(signature) = Signature::from_octets(message.signature.as_slice()) else {
        return wrong("the signature has a wrong length".to_owned(), SIGNING);
    };
    let signed = signed_octets(octets);
    let result = domain.auth.verify(uid.as_octets(), signed, &signature);
    let Err(error) = result else {
        let initiator = &message.initiator;
        let text = format!("signature verifies: {initiator}, key period {period} of {kms}");
        return right(text, SIGNING);
    };
    let shorter = signed.len().saturating_sub(SIGNATURE_HEADER);
    let shorter = signed
        .split_at_checked(shorter)
        .map_or(signed, |(start, _)| start);
    if domain
        .auth
        .verify(uid.as_octets(), shorter, &signature)
        .is_ok()
    {
        let text = "signature verifies only without S type and signature length: a known deviation";
        return wrong(text.to_owned(), SIGNING);
    }
    wrong(
        format!("signature does not verify (UID {uid}): {error}"),
        SIGNING,
    )
}

/// Opens SAKKE and SAKKE-to-self with the key sets that fit.
fn open(
    message: &IMessage,
    keys: &Keys,
    time: NtpTime,
    findings: &mut Vec<Finding>,
) -> Option<Secret<16>> {
    let responder = keys.opening(&message.responder, &message.responder_kms, time);
    let initiator = keys.opening(&message.initiator, &message.initiator_kms, time);
    let own = message.sakke_to_self.as_ref().zip(initiator);
    let mut secret = None;
    if let Some(key) = responder {
        secret = open_one("SAKKE", &message.sakke, key, findings);
    }
    if let Some((sakke, key)) = own {
        let same = open_one("SAKKE-to-self", sakke, key, findings);
        if secret.is_some() && secret != same {
            findings.push(wrong(
                "SAKKE-to-self carries another key".to_owned(),
                "TS 33.180 cl. E.5",
            ));
        }
        secret = secret.or(same);
    }
    if responder.is_none() && own.is_none() {
        let text = "key not opened: no RSK of the receiver in the key period of T".to_owned();
        findings.push(note(text, RECEIVER));
    }
    secret
}

fn open_one(
    what: &str,
    sakke: &Sakke,
    key: &OpeningKey,
    findings: &mut Vec<Finding>,
) -> Option<Secret<16>> {
    let whose = format!("{}, key period {}", key.identity, key.period_number);
    match decapsulate(sakke, &key.receiver) {
        Ok(secret) => {
            findings.push(right(
                format!("{what} opens with the RSK of {whose}"),
                OPENING,
            ));
            Some(secret)
        }
        Err(_) => {
            let text = format!("{what} does not open with the RSK of {whose}");
            findings.push(wrong(text, OPENING));
            None
        }
    }
}

/// A key given by hand.
enum Given {
    None,
    /// It is the encapsulated one.
    Proven(Secret<16>),
    /// Only key parameters can show whether it is.
    Unproven(Secret<16>),
}

/// A key given by hand is the encapsulated one when encapsulating it again gives the same data.
fn given_secret(
    message: &IMessage,
    keys: &Keys,
    time: NtpTime,
    findings: &mut Vec<Finding>,
) -> Given {
    let Some(secret) = keys.secret.clone() else {
        return Given::None;
    };
    let kms = &message.responder_kms;
    let Some(domain) = keys.domain(kms) else {
        let text =
            format!("the key given is not compared with SAKKE: no public parameters of {kms}");
        findings.push(note(text, "RFC 6508 6.2.1"));
        return Given::Unproven(secret);
    };
    let uid = match &message.responder {
        Party::Named(name) => domain.uid_of(name, domain.key_period.number_at(time)),
        Party::Hidden(uid) => *uid,
    };
    let again = sakke::encapsulate(&domain.enc, uid.as_octets(), &secret);
    if again.as_octets() != message.sakke.data.as_slice() {
        findings.push(wrong(
            "the key given is not the one in SAKKE".to_owned(),
            "RFC 6508 6.2.1",
        ));
        return Given::None;
    }
    findings.push(right(
        "the key given is the one in SAKKE".to_owned(),
        "RFC 6508 6.2.1",
    ));
    Given::Proven(secret)
}

/// GMK-ID behind the GUK-ID, and whether the SPI says the same.
fn group_key_id(message: &IMessage, secret: &Secret<16>) -> Vec<Finding> {
    const CLAUSE: &str = "TS 33.180 cl. 5.2.3, E.1.3";
    if message.purpose != Gmk::PURPOSE {
        return Vec::new();
    }
    let Party::Named(member) = &message.responder else {
        return vec![note(
            "GMK-ID not known: the member is hidden".to_owned(),
            CLAUSE,
        )];
    };
    let Ok(member) = McpttId::new(member.as_str()) else {
        return vec![wrong(
            "the member's identity is not a URI".to_owned(),
            CLAUSE,
        )];
    };
    let id = group::gmk_id(secret, message.csb_id, &member);
    let mki = group::mki(id, message.csb_id);
    let mut findings = vec![note(
        format!("GMK-ID {id}, MKI {}", hex::encode(mki)),
        CLAUSE,
    )];
    if let CsIdMap::GenericId(sessions) = &message.map {
        let fits = sessions
            .iter()
            .all(|session| session.spi.is_empty() || session.spi == mki);
        findings.push(match fits {
            true => right("SPI is GMK-ID and GUK-ID".to_owned(), CLAUSE),
            false => wrong("SPI is not GMK-ID and GUK-ID".to_owned(), CLAUSE),
        });
    }
    findings
}

/// Decrypts the key parameters and adds their fields; says whether they decrypt under the key.
fn key_parameters(
    message: &IMessage,
    secret: &Secret<16>,
    reference: NtpTime,
    description: &mut Description,
) -> bool {
    const CLAUSE: &str = "TS 33.180 cl. E.6, 5.2.4";
    let Some(payload) = &message.key_parameters else {
        return false;
    };
    let plaintext = match payload.decrypt(secret, message.csb_id) {
        Ok(plaintext) => plaintext,
        Err(error) => {
            description.findings.push(wrong(error.to_string(), CLAUSE));
            return false;
        }
    };
    let mut dump = Dump::new(reference, Origin::Decrypted);
    let decoded = KeyParameters::decode_traced(&plaintext, &mut dump);
    description.sections.extend(dump.finish().0);
    description.findings.push(match decoded {
        Ok(parameters) if parameters.key_type != message.purpose as u8 => {
            let found = parameters.key_type;
            let text = format!(
                "key parameters are for key type {found}, not {}",
                name(message.purpose)
            );
            wrong(text, "TS 33.180 cl. E.6.11")
        }
        Ok(_) => right("key parameters decrypt under the key".to_owned(), CLAUSE),
        Err(error) => wrong(format!("decrypted key parameters: {error}"), CLAUSE),
    });
    true
}
