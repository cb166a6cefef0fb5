//! Whether both sides agree: what one makes the other accepts, and neither accepts what was altered.
//!
//! Made before the first and after the last slice; the last result of every slice is checked the same way.

use crate::domain::{Domain, Id};
use crate::error::BenchError;
use crate::operation::PeerOperation;
use crate::peer::{Peer, PeerRun};
use crate::system::OsRandom;
use roger_base::Secret;
use roger_ibc::eccsi::{Pvt, Signature};
use roger_ibc::sakke::{EncapsulatedData, POINT_OCTETS};

/// Identities that are crossed in each operation.
const CROSSED: usize = 3;

/// Inputs of the peer, used in turn: it keeps nothing of any but the last.
const INPUTS: usize = 64;

/// One input of the peer with what we have to see.
pub(crate) struct PeerInput {
    words: Vec<Vec<u8>>,
    expected: Expected,
}

/// What the peer's result has to be.
enum Expected {
    /// These octets.
    Octets(Vec<u8>),
    /// Success without octets.
    Accepted,
    /// Encapsulated data that open to the domain's secret for this identifier.
    OpenedBy(Id),
    /// An SSK and a PVT of this identifier.
    PairOf(Id),
    /// A signature of the GMS over the message.
    SignedByGms(Vec<u8>),
}

/// Crosses every operation; how many results were compared.
pub(crate) fn cross(domain: &Domain, peer: &mut Peer) -> Result<u64, BenchError> {
    let mut compared = 0;
    for operation in PeerOperation::ALL {
        let inputs = inputs(operation, domain, CROSSED)?;
        peer.set_inputs(inputs.iter().map(|input| input.words.as_slice()))?;
        for _ in &inputs {
            let run = peer.run(operation, 1)?;
            check(operation, domain, &inputs, 1, &run)?;
            compared += 1;
        }
        for altered in inputs.iter().filter_map(|input| altered(operation, input)) {
            peer.set_inputs([altered.as_slice()])?;
            if peer.run(operation, 1)?.successes != 0 {
                return Err(disagree(operation, "it accepts what was altered"));
            }
            compared += 1;
        }
    }
    Ok(compared)
}

/// Gives the peer its inputs for the slices of an operation.
pub(crate) fn load(
    operation: PeerOperation,
    domain: &Domain,
    peer: &mut Peer,
) -> Result<Vec<PeerInput>, BenchError> {
    let inputs = inputs(operation, domain, INPUTS)?;
    peer.set_inputs(inputs.iter().map(|input| input.words.as_slice()))?;
    Ok(inputs)
}

/// All succeeded, and the last result is right.
pub(crate) fn check(
    operation: PeerOperation,
    domain: &Domain,
    inputs: &[PeerInput],
    count: usize,
    run: &PeerRun,
) -> Result<(), BenchError> {
    if run.successes != count as u64 {
        return Err(disagree(operation, "it refuses what is right"));
    }
    let input = inputs.get(run.index);
    let right = input.is_some_and(|input| input.expected.is(domain, &run.results).unwrap_or(false));
    match right {
        true => Ok(()),
        false => Err(disagree(operation, "its result is another one")),
    }
}

impl Expected {
    /// Whether these are such results; `None` when they do not even have the form.
    fn is(&self, domain: &Domain, results: &[Vec<u8>]) -> Option<bool> {
        let first = results.first();
        Some(match self {
            Self::Octets(octets) => first? == octets,
            Self::Accepted => results.is_empty(),
            Self::OpenedBy(id) => {
                let data = EncapsulatedData::from_octets(first?).ok()?;
                let rsk = domain.enc.issue(id).ok()?;
                let opened = domain.receiver(id, &rsk).ok()?.decapsulate(&data);
                opened.ok()? == domain.ssv
            }
            Self::PairOf(id) => {
                let ssk = Secret::try_from(first?.as_slice()).ok()?;
                let pvt = Pvt::from_octets(results.get(1)?).ok()?;
                domain.signing_key(id, &ssk, &pvt).is_ok()
            }
            Self::SignedByGms(message) => {
                let signature = Signature::from_octets(first?).ok()?;
                let id = domain.gms.uid;
                let kpak = domain.auth.public();
                kpak.verify(id.as_octets(), message, &signature).is_ok()
            }
        })
    }
}

fn inputs(
    operation: PeerOperation,
    domain: &Domain,
    count: usize,
) -> Result<Vec<PeerInput>, BenchError> {
    (0..count).map(|_| input(operation, domain)).collect()
}

fn input(operation: PeerOperation, domain: &Domain) -> Result<PeerInput, BenchError> {
    Ok(match operation {
        PeerOperation::Encapsulate => {
            let id = Domain::new_id()?;
            PeerInput::new(&[&id, domain.ssv.expose()], Expected::OpenedBy(id))
        }
        PeerOperation::Decapsulate => decapsulate(domain)?,
        PeerOperation::Rsk => {
            let (id, rsk) = domain.with_rsk()?;
            PeerInput::new(&[&id], Expected::Octets(rsk.expose().to_vec()))
        }
        PeerOperation::RskValidate => {
            let (id, rsk) = domain.with_rsk()?;
            PeerInput::new(&[&id, rsk.expose()], Expected::Accepted)
        }
        PeerOperation::Pair => {
            let id = Domain::new_id()?;
            PeerInput::new(&[&id], Expected::PairOf(id))
        }
        PeerOperation::PairCheck => {
            let id = Domain::new_id()?;
            let (ssk, pvt) = domain.auth.issue(&id, &mut OsRandom)?;
            PeerInput::new(&[&id, ssk.expose(), pvt.as_octets()], Expected::Accepted)
        }
        PeerOperation::Sign => sign(domain)?,
        PeerOperation::Verify => {
            let signed = domain.signed_by_new_sender()?;
            let words: [&[u8]; 3] = [&signed.id, signed.signature.as_octets(), &signed.message];
            PeerInput::new(&words, Expected::Accepted)
        }
    })
}

fn decapsulate(domain: &Domain) -> Result<PeerInput, BenchError> {
    let (ssv, data) = domain.encapsulated()?;
    let id = domain.member.uid;
    let rsk: Secret<POINT_OCTETS> = domain.member.receiver.to_secret();
    let words: [&[u8]; 3] = [id.as_octets(), rsk.expose(), data.as_octets()];
    Ok(PeerInput::new(
        &words,
        Expected::Octets(ssv.expose().to_vec()),
    ))
}

fn sign(domain: &Domain) -> Result<PeerInput, BenchError> {
    let message = Domain::new_message()?;
    let signing = &domain.gms.signing;
    let (id, ssk) = (domain.gms.uid, signing.to_secret());
    let words: [&[u8]; 4] = [
        id.as_octets(),
        ssk.expose(),
        signing.pvt().as_octets(),
        &message,
    ];
    Ok(PeerInput::new(
        &words,
        Expected::SignedByGms(message.to_vec()),
    ))
}

impl PeerInput {
    fn new(words: &[&[u8]], expected: Expected) -> Self {
        let words = words.iter().map(|word| word.to_vec()).collect();
        Self { words, expected }
    }
}

/// The input of a check or of a decapsulation with one bit changed that it must notice.
fn altered(operation: PeerOperation, input: &PeerInput) -> Option<Vec<Vec<u8>>> {
    let word = match operation {
        // The identifier is another one.
        PeerOperation::RskValidate | PeerOperation::PairCheck => 0,
        // The message, and the masked secret.
        PeerOperation::Verify | PeerOperation::Decapsulate => 2,
        _ => return None,
    };
    let mut words = input.words.clone();
    *words.get_mut(word)?.last_mut()? ^= 1;
    Some(words)
}

fn disagree(operation: PeerOperation, reason: &str) -> BenchError {
    BenchError::PeerDisagrees {
        operation: operation.name(),
        reason: reason.to_owned(),
    }
}
