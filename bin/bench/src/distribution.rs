//! A whole distribution: the GMK of a large group to all its members.

use crate::domain::{Domain, GMS, NOW};
use crate::error::BenchError;
use crate::operations::{backend, group_messages};
use crate::system::{cores, peak_octets, processor};
use core::num::NonZeroUsize;
use roger_base::McpttId;
use roger_ibc::UserKeySet;
use roger_mikey::open::{Carriage, Context, Receiver, Sender};
use serde::Serialize;
use std::time::Instant;

/// What a distribution took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Distribution {
    /// Members of the group.
    pub members: usize,
    /// Backend of the field.
    pub backend: String,
    /// Threads that ran at the same time.
    pub cores: usize,
    /// Name of the processor.
    pub processor: String,
    /// Wall time from the first to the last message, tables that are built on the way included.
    pub seconds: f64,
    /// Messages a second.
    pub per_s: f64,
    /// Octets of all messages.
    pub message_octets: u64,
    /// The largest memory the process ever had, with all identities, but only the messages that are being
    /// made.
    pub peak_octets: u64,
    /// Messages that their members opened afterwards, as a sample.
    pub opened: usize,
}

/// Makes a message for each of so many new members on all cores.
///
/// # Errors
/// [`BenchError`] when a message is not made, or its member cannot open it.
pub fn distribute(members: NonZeroUsize) -> Result<Distribution, BenchError> {
    let backend = backend()?;
    let domain = Domain::new()?;
    let identities = (0..members.get()).map(|_| Domain::new_member());
    let identities: Vec<McpttId> = identities.collect::<Result<_, _>>()?;
    let sample = sample(identities.len());
    let (mut count, mut message_octets, mut kept) = (0, 0, Vec::new());
    let start = Instant::now();
    group_messages(&domain, &identities, cores(), |message| {
        message_octets += message.len() as u64;
        if sample.contains(&count) {
            kept.push(message);
        }
        count += 1;
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let peak_octets = peak_octets()?;
    Ok(Distribution {
        members: members.get(),
        backend,
        cores: cores().get(),
        processor: processor(),
        seconds,
        per_s: members.get() as f64 / seconds,
        message_octets,
        peak_octets,
        opened: open_all(&domain, &identities, &sample, &kept)?,
    })
}

/// The first, the middle and the last member.
fn sample(members: usize) -> Vec<usize> {
    let last = members.saturating_sub(1);
    let mut sample = vec![0, last / 2, last];
    sample.dedup();
    sample
}

/// These members open what is for them.
fn open_all(
    domain: &Domain,
    members: &[McpttId],
    sample: &[usize],
    messages: &[Vec<u8>],
) -> Result<usize, BenchError> {
    let members = sample.iter().filter_map(|index| members.get(*index));
    for (member, message) in members.zip(messages) {
        open(domain, member, message)?;
    }
    match messages.len() == sample.len() {
        true => Ok(messages.len()),
        false => Err(BenchError::wrong("gmk")("a message is missing")),
    }
}

fn open(domain: &Domain, member: &McpttId, message: &[u8]) -> Result<(), BenchError> {
    let number = domain.public.key_period.number_at(NOW);
    let issued = domain
        .master
        .issue(member.as_str(), number)
        .map_err(BenchError::wrong("key set"))?;
    let keys = UserKeySet::validate(&domain.public, &issued);
    let context = Context {
        key_sets: &[keys.map_err(BenchError::wrong("key set"))?],
        domains: &[],
        sender: Sender::OneOf(&[GMS]),
        carriage: Carriage::Live,
        now: NOW,
    };
    let opened = Receiver::default().open_gmk(message, &context, Some(&domain.group));
    let opened = opened.map_err(BenchError::wrong("gmk"))?;
    match opened.group_key.gmk.secret() == domain.gmk.secret() {
        true => Ok(()),
        false => Err(BenchError::wrong("gmk")("another key came out")),
    }
}
