//! GMK messages in bulk: one for each member of a group (TS 33.180 cl. 5.7, E.2).
//!
//! ```text
//! members ─► chunk: members, IV and j of each ─► [ UIDs, encapsulation to all, seal, sign, encode ] ─► sink
//!            caller's thread                       any thread                                          caller's
//! ```

use super::envelope::{check, sakke_to_self};
use super::in_order::{Ends, IN_FLIGHT_PER_THREAD, in_order};
use super::{CreateError, Envelope, GroupKeyDistribution};
use crate::payload::GeneralExtension;
use crate::protected_payload::SealError;
use core::borrow::Borrow;
use core::num::NonZeroUsize;
use roger_base::{McpttId, Random, RandomError, Secret};
use roger_ibc::KmsDomain;
use roger_ibc::sakke::{self, Recipient};
use roger_ibc::uid::Uid;
use roger_keys::Gmk;
use zeroize::Zeroizing;

/// Messages made together: enough for the encapsulation to share its work among them, few enough for the members
/// of a small group to occupy every thread.
pub const MESSAGES_PER_CHUNK: usize = 32;

/// Octets drawn for the IV of the key parameters.
const IV: usize = 16;
/// Octets drawn for the signature's j.
const J: usize = 32;

/// Messages begun and not yet handed over, at most, whatever the number of members.
#[must_use]
pub const fn most_in_flight(threads: NonZeroUsize) -> usize {
    threads
        .get()
        .saturating_mul(IN_FLIGHT_PER_THREAD)
        .saturating_mul(MESSAGES_PER_CHUNK)
}

/// Makes the messages of one GMK, one for each member under its KMS, on `threads` threads of which the caller's
/// is one.
///
/// `sink` is called on the caller's thread, once for each member and in their order. A member whose message fails
/// does not stop the others. Members are asked for as the messages are handed over, so that at most
/// [`most_in_flight`] messages are in memory. Randomness is drawn in the order of the members, for each as
/// [`CreateGroupKey::build`](super::CreateGroupKey::build) draws it: the octets do not depend on the number of
/// threads, and are those of single messages.
///
/// # Errors
/// The first error of `sink`, which ends the run; nobody after that member gets a message.
pub fn group_key_messages_in_bulk<'a, M, E>(
    distribution: GroupKeyDistribution<'_>,
    members: impl IntoIterator<Item = (M, &'a KmsDomain)>,
    threads: NonZeroUsize,
    random: &mut dyn Random,
    mut sink: impl FnMut(M, Result<Vec<u8>, CreateError>) -> Result<(), E>,
) -> Result<(), E>
where
    M: Borrow<McpttId> + Send,
{
    let GroupKeyDistribution { gmk, gms, .. } = distribution;
    let mut members = members.into_iter().fuse();
    if let Err(error) = check(
        Gmk::PURPOSE,
        gms,
        Some(distribution.parameters),
        distribution.now,
    ) {
        return members.try_for_each(|(member, _)| sink(member, Err(error.clone())));
    }
    let bulk = Bulk {
        distribution,
        to_self: sakke_to_self(distribution.options, gms, gmk.material()),
    };
    let mut desk = Desk {
        bulk: &bulk,
        members,
        random,
        sink,
    };
    in_order(threads, &mut desk, |chunk| bulk.make(chunk))
}

type Message = Result<Vec<u8>, CreateError>;

/// Asks for members, draws and hands over.
struct Desk<'b, I, S> {
    bulk: &'b Bulk<'b>,
    members: I,
    random: &'b mut dyn Random,
    sink: S,
}

impl<'a, M, I, S, E> Ends for Desk<'_, I, S>
where
    M: Borrow<McpttId> + Send,
    I: Iterator<Item = (M, &'a KmsDomain)>,
    S: FnMut(M, Message) -> Result<(), E>,
{
    type Piece = Vec<Addressed<'a, M>>;
    type Made = Vec<(Addressed<'a, M>, Message)>;
    type Stop = E;

    fn next(&mut self) -> Option<Self::Piece> {
        let members = self.members.by_ref().take(MESSAGES_PER_CHUNK);
        let chunk: Vec<_> = members
            .map(|(member, domain)| Addressed::new(member, domain, self.random))
            .collect();
        (!chunk.is_empty()).then_some(chunk)
    }

    fn take(&mut self, made: Self::Made) -> Result<(), E> {
        for (to, message) in made {
            let message = match message {
                Err(error) if needs_more_random(&error) => self.bulk.again(&to, self.random),
                message => message,
            };
            (self.sink)(to.member, message)?;
        }
        Ok(())
    }
}

/// One member with what was drawn for her message.
struct Addressed<'a, M> {
    member: M,
    domain: &'a KmsDomain,
    drawn: Option<Secret<{ IV + J }>>,
}

impl<'a, M: Borrow<McpttId>> Addressed<'a, M> {
    fn new(member: M, domain: &'a KmsDomain, random: &mut dyn Random) -> Self {
        Self {
            member,
            domain,
            drawn: draw(random),
        }
    }

    fn drawn(&self) -> &[u8] {
        self.drawn.as_ref().map_or(&[], |drawn| drawn.expose())
    }
}

/// IV and j, drawn as a single message draws them; `None` when the source fails.
fn draw(random: &mut dyn Random) -> Option<Secret<{ IV + J }>> {
    let mut octets = Zeroizing::new([0; IV + J]);
    let (iv, j) = octets.split_at_mut(IV);
    random.fill(iv).ok()?;
    random.fill(j).ok()?;
    Some(Secret::new(*octets))
}

/// A j outside its range needs another (chance 2^-32), and a source that failed may do better.
const fn needs_more_random(error: &CreateError) -> bool {
    matches!(
        error,
        CreateError::LocalRandom(_) | CreateError::LocalSeal(SealError::Random(_))
    )
}

/// Gives out what was drawn before, then asks the source, where there is one.
struct Drawn<'a> {
    octets: &'a [u8],
    source: Option<&'a mut dyn Random>,
}

impl Random for Drawn<'_> {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), RandomError> {
        if let Some((drawn, rest)) = self.octets.split_at_checked(buffer.len()) {
            buffer.copy_from_slice(drawn);
            self.octets = rest;
            return Ok(());
        }
        self.source.as_mut().ok_or(RandomError)?.fill(buffer)
    }
}

/// What all threads share.
struct Bulk<'a> {
    distribution: GroupKeyDistribution<'a>,
    to_self: Option<GeneralExtension>,
}

impl Bulk<'_> {
    fn make<'a, M: Borrow<McpttId>>(
        &self,
        chunk: Vec<Addressed<'a, M>>,
    ) -> Vec<(Addressed<'a, M>, Message)> {
        let envelopes: Vec<Envelope<'_>> = chunk.iter().map(|to| self.envelope(to)).collect();
        let uids: Vec<Uid> = envelopes.iter().map(Envelope::receiver_uid).collect();
        let recipients: Vec<Recipient<'_>> = chunk
            .iter()
            .zip(&uids)
            .map(|(to, uid)| Recipient {
                kms: &to.domain.enc,
                id: uid.as_octets(),
            })
            .collect();
        let data = sakke::encapsulate_batch(&recipients, self.distribution.gmk.secret());
        let parts = envelopes.into_iter().zip(&data).zip(&chunk);
        let messages: Vec<Message> = parts
            .map(|((envelope, data), to)| {
                let mut drawn = Drawn {
                    octets: to.drawn(),
                    source: None,
                };
                envelope.complete(data, self.to_self.as_ref(), &mut drawn)
            })
            .collect();
        chunk.into_iter().zip(messages).collect()
    }

    fn envelope<'a, M: Borrow<McpttId>>(&'a self, to: &'a Addressed<'_, M>) -> Envelope<'a> {
        self.distribution
            .to(to.member.borrow(), to.domain)
            .envelope()
    }

    /// Makes one message with what was drawn for it and as much more as it needs.
    fn again<M: Borrow<McpttId>>(&self, to: &Addressed<'_, M>, random: &mut dyn Random) -> Message {
        let mut drawn = Drawn {
            octets: to.drawn(),
            source: Some(random),
        };
        self.envelope(to).build(&mut drawn)
    }
}
