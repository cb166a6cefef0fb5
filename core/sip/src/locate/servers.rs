//! Servers in the order to try them (RFC 2782).

use super::MAX_SERVERS;
use super::records::{HostName, Query, RecordKind, Srv};
use crate::endpoint::Transport;
use roger_base::{Random, RandomError};

/// A server without its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) name: HostName,
    pub(super) port: u16,
    pub(super) transport: Transport,
}

impl Server {
    pub(super) fn query(&self, kind: RecordKind) -> Query {
        Query {
            name: self.name.clone(),
            kind,
        }
    }
}

/// Lowest priority first; among equals the weights decide the chances.
pub(super) fn in_order(
    mut records: Vec<Srv>,
    transport: Transport,
    random: &mut dyn Random,
) -> Result<Vec<Server>, RandomError> {
    records.retain(|record| !record.target.is_root() && record.port != 0);
    // Weight 0 first, so that it has its small chance (RFC 2782, "Weight").
    records.sort_by_key(|record| (record.priority, record.weight));
    records.truncate(MAX_SERVERS);
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(first) = records.first() {
        let priority = first.priority;
        let equals = records
            .iter()
            .take_while(|record| record.priority == priority)
            .count();
        let chosen = draw(records.get(..equals).unwrap_or_default(), random)?;
        let record = records.remove(chosen);
        ordered.push(Server {
            name: record.target,
            port: record.port,
            transport,
        });
    }
    Ok(ordered)
}

/// Index of one of the records, by weight.
fn draw(records: &[Srv], random: &mut dyn Random) -> Result<usize, RandomError> {
    if records.len() < 2 {
        return Ok(0);
    }
    let sum: u64 = records.iter().map(|record| u64::from(record.weight)).sum();
    let mut octets = [0; 8];
    random.fill(&mut octets)?;
    // The sum is below 2^22, so the remainder is even to 2^-42.
    let mut left = u64::from_be_bytes(octets) % (sum + 1);
    for (index, record) in records.iter().enumerate() {
        let weight = u64::from(record.weight);
        if left <= weight {
            return Ok(index);
        }
        left -= weight;
    }
    Ok(0)
}
