//! Which keys of the file an MKI selects, and the SRTP master keys they give.

use super::keys::{HeldKey, Keys};
use roger_base::{KeyId, PurposeTag};
use roger_keys::{CallSide, CsId, Rand, srtp};
use roger_srtp::{GroupMki, MasterKey, Mki, Suite};

/// A master key to try.
pub(super) struct Candidate {
    /// In words.
    pub(super) whose: String,
    pub(super) mki: Mki,
    pub(super) master: MasterKey,
}

/// Master keys under this MKI; more than one for a private call whose sender is not known.
///
/// # Errors
/// In words, when there is none.
pub(super) fn candidates(mki: &[u8], suite: Suite, keys: &Keys) -> Result<Vec<Candidate>, String> {
    let mut found: Vec<Candidate> = keys
        .masters
        .iter()
        .filter(|held| held.mki.octets() == mki && held.master.suite() == suite)
        .map(|held| Candidate {
            whose: format!("the master key with MKI {}", held.mki),
            mki: held.mki.clone(),
            master: held.master.clone(),
        })
        .collect();
    let id = mki.first_chunk().map(|id| KeyId::from_octets(*id));
    let held = keys.held.iter().filter(|key| Some(key.id) == id);
    for key in held {
        let rand = key.rand.as_ref();
        let rand = rand.ok_or_else(|| format!("the key {} of the file has no rand", key.id))?;
        found.extend(derived(key, rand, mki, suite));
    }
    match found.is_empty() {
        true => Err(format!("no key of the file has MKI {}", hex::encode(mki))),
        false => Ok(found),
    }
}

fn derived(key: &HeldKey, rand: &Rand, mki: &[u8], suite: Suite) -> Vec<Candidate> {
    let Ok(name) = Mki::new(mki) else {
        return Vec::new();
    };
    let streams = streams(key, mki).into_iter();
    let candidates = streams.map(|stream| Candidate {
        whose: stream.whose,
        mki: name.clone(),
        master: master(key, rand, suite, stream.cs_id, stream.csb_id),
    });
    candidates.collect()
}

/// One stream under a key (TS 33.180 cl. 7.4.1, 7.4.2, 9.4).
struct Stream {
    whose: String,
    cs_id: CsId,
    csb_id: KeyId,
}

fn streams(key: &HeldKey, mki: &[u8]) -> Vec<Stream> {
    let id = key.id;
    let one = |name: &str, cs_id| {
        vec![Stream {
            whose: format!("{name} {id}"),
            cs_id,
            csb_id: id,
        }]
    };
    match key.purpose {
        PurposeTag::Gmk => group(key, mki).into_iter().collect(),
        PurposeTag::Pck => private(key),
        PurposeTag::Csk => one("CSK", CsId::CSK),
        PurposeTag::Spk => one("SPK", CsId::SPK),
        PurposeTag::Mkfc => one("MKFC", CsId::MKFC),
        PurposeTag::Mscck => one("MSCCK", CsId::MSCCK),
        PurposeTag::Musik => one("MuSiK", CsId::MUSIK),
    }
}

fn group(key: &HeldKey, mki: &[u8]) -> Option<Stream> {
    let mki = GroupMki::from_octets(mki)?;
    let guk_id = mki.guk_id;
    let mut members = key.members.iter();
    let sender =
        members.find(|member| roger_keys::group::guk_id(&key.secret, key.id, member) == guk_id);
    let sender = sender.map_or(String::new(), |member| format!(" = {}", member.as_str()));
    Some(Stream {
        whose: format!("GMK {}, sent by GUK-ID {guk_id}{sender}", key.id),
        cs_id: CsId::GROUP_CALL,
        csb_id: guk_id,
    })
}

fn private(key: &HeldKey) -> Vec<Stream> {
    let sides = match key.sender {
        Some(side) => vec![side],
        None => vec![CallSide::Initiator, CallSide::Receiver],
    };
    let streams = sides.into_iter().map(|side| {
        let (name, cs_id) = match side {
            CallSide::Initiator => ("initiator", CsId::PRIVATE_CALL_INITIATOR),
            CallSide::Receiver => ("receiver", CsId::PRIVATE_CALL_RECEIVER),
        };
        Stream {
            whose: format!("PCK {}, sent by the {name} of the call", key.id),
            cs_id,
            csb_id: key.id,
        }
    });
    streams.collect()
}

fn master(key: &HeldKey, rand: &Rand, suite: Suite, cs_id: CsId, csb_id: KeyId) -> MasterKey {
    match suite {
        Suite::AeadAes128Gcm => srtp::master_key(&key.secret, cs_id, csb_id, rand.octets()).into(),
        Suite::AesCm128HmacSha1Tag80 => {
            srtp::hmac_master_key(&key.secret, cs_id, csb_id, rand.octets()).into()
        }
    }
}
