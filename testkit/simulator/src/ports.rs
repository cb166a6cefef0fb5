//! Media sockets in memory.

use crate::host::HostId;
use roger_media::{Flow, MediaPorts, NoPorts, Pair, PairId};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const FIRST_PORT: u16 = 20_000;
const PORTS_OF_A_PAIR: u16 = 4;

/// Whose socket an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) host: HostId,
    pub(crate) pair: PairId,
    pub(crate) flow: Flow,
}

#[derive(Default)]
pub(crate) struct Table {
    bound: BTreeMap<SocketAddr, Owner>,
    /// Closed pairs stay here: what was said before the end still goes out, as at the real sockets.
    pairs: BTreeMap<(HostId, PairId), Pair>,
}

/// All media sockets of the network.
#[derive(Clone, Default)]
pub(crate) struct Sockets(Arc<Mutex<Table>>);

impl Sockets {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn owner(&self, address: SocketAddr) -> Option<Owner> {
        self.table().bound.get(&address).copied()
    }

    pub(crate) fn address(&self, host: HostId, pair: PairId, flow: Flow) -> SocketAddr {
        let pair = self.table().pairs[&(host, pair)];
        match flow {
            Flow::Rtp => pair.rtp,
            Flow::Floor => pair.floor,
        }
    }

    /// Sockets of a host that are open.
    pub(crate) fn open_of(&self, host: HostId) -> usize {
        let table = self.table();
        table
            .bound
            .values()
            .filter(|owner| owner.host == host)
            .count()
            / 2
    }
}

/// The sockets of one host.
pub(crate) struct MemoryPorts {
    pub(crate) host: HostId,
    pub(crate) ip: IpAddr,
    pub(crate) sockets: Sockets,
    pub(crate) next: u16,
}

impl MediaPorts for MemoryPorts {
    fn open(&mut self) -> Result<Pair, NoPorts> {
        let id = PairId(u64::from(self.next));
        let port = self
            .next
            .checked_mul(PORTS_OF_A_PAIR)
            .and_then(|offset| FIRST_PORT.checked_add(offset))
            .ok_or_else(|| NoPorts("all in use".to_owned()))?;
        self.next += 1;
        let pair = Pair {
            id,
            rtp: SocketAddr::new(self.ip, port),
            floor: SocketAddr::new(self.ip, port + 2),
        };
        let mut table = self.sockets.table();
        for (address, flow) in [(pair.rtp, Flow::Rtp), (pair.floor, Flow::Floor)] {
            let owner = Owner {
                host: self.host,
                pair: id,
                flow,
            };
            table.bound.insert(address, owner);
        }
        table.pairs.insert((self.host, id), pair);
        Ok(pair)
    }

    fn close(&mut self, pair: PairId) {
        let mut table = self.sockets.table();
        if let Some(pair) = table.pairs.get(&(self.host, pair)).copied() {
            table.bound.remove(&pair.rtp);
            table.bound.remove(&pair.floor);
        }
    }
}
