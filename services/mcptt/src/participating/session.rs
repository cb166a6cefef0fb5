//! One client's part in one call: two SIP dialogs and the media between them (TS 24.379 cl. 6.3.2).

use super::settings::ParticipatingSettings;
use crate::media::{MediaPacket, Pair, PairId};
use roger_base::{Impu, KeyId, McpttId};
use roger_call::sdp::{SessionDescription, Unusable};
use roger_media::{AddressRule, FloorProtection, Flow, Relay, RelaySettings, RemoteAddress, Side};
use roger_sip::endpoint::{DialogId, RequestHandle, TransactionId};
use roger_sip::message::Request;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Floor messages held for one session until its answer is there.
const MAX_EARLY_MESSAGES: usize = 8;

/// A session, numbered by this function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SessionId(pub(super) u64);

/// Which part this function plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The client called.
    Originating,
    /// The client is called.
    Terminating,
}

impl Role {
    /// The side whose INVITE began the session.
    pub(super) const fn inbound(self) -> Side {
        match self {
            Self::Originating => Side::Client,
            Self::Terminating => Side::Server,
        }
    }
}

/// What the limits of a user count (N6 and N10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallKind {
    Group,
    Private,
}

/// Where the SIP part stands.
pub(super) enum State {
    /// Our INVITE is under way; that of the other side waits for an answer.
    Inviting {
        transaction: TransactionId,
        request: Box<Request>,
        handle: RequestHandle,
    },
    /// Both dialogs are established.
    Connected { client: DialogId, server: DialogId },
}

/// Floor control protection of the two hops.
#[derive(Debug, Clone)]
pub(super) struct FloorProtections {
    pub(super) client: FloorProtection,
    pub(super) server: FloorProtection,
}

/// A session.
pub(super) struct Session {
    pub(super) impu: Impu,
    pub(super) user: McpttId,
    pub(super) role: Role,
    pub(super) kind: CallKind,
    /// Sockets towards the client.
    pub(super) client: Pair,
    /// Sockets towards the controlling function.
    pub(super) server: Pair,
    /// Our Contact in both dialogs: the MCPTT session identity as this function maps it (TS 24.379 cl. 4.5).
    pub(super) identity: String,
    pub(super) protection: FloorProtections,
    /// What the inbound side offered.
    pub(super) offer: SessionDescription,
    pub(super) state: State,
    pub(super) relay: Option<Relay>,
    /// Floor messages that overtook the answer to our INVITE: a Floor Granted leaves together with it, on a shorter
    /// way. They are looked at once the answer has said where they may come from.
    pub(super) early: Vec<MediaPacket>,
    /// Dialogs by which it is found, early ones included.
    pub(super) dialogs: Vec<DialogId>,
}

impl Session {
    pub(super) const fn pair(&self, side: Side) -> Pair {
        match side {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }

    /// Holds a floor message of the side whose answer is awaited; everything else that early is lost.
    pub(super) fn hold(&mut self, from: Side, packet: &MediaPacket) {
        let awaited = from == self.role.inbound().other();
        if awaited && packet.flow == Flow::Floor && self.early.len() < MAX_EARLY_MESSAGES {
            self.early.push(packet.clone());
        }
    }

    /// Joins the two sides of the media.
    pub(super) fn relay_to(
        &self,
        answer: &SessionDescription,
        settings: &ParticipatingSettings,
    ) -> Result<Relay, Unusable> {
        let (client, server) = match self.role {
            Role::Originating => (&self.offer, answer),
            Role::Terminating => (answer, &self.offer),
        };
        let rule = settings.client_addresses;
        Ok(Relay::new(&RelaySettings {
            client_rtp: rtp(client, rule)?,
            client_floor: floor(client, rule),
            client_protection: self.protection.client.clone(),
            server_rtp: rtp(server, AddressRule::Pinned)?,
            server_floor: floor(server, AddressRule::Pinned),
            server_protection: self.protection.server.clone(),
        }))
    }
}

fn rtp(description: &SessionDescription, rule: AddressRule) -> Result<RemoteAddress, Unusable> {
    let audio = description.speech()?;
    let address = SocketAddr::new(audio.address, audio.port);
    Ok(RemoteAddress::new(address, rule))
}

/// Where floor control goes; a call without it has an address from which nothing can come.
fn floor(description: &SessionDescription, rule: AddressRule) -> RemoteAddress {
    match &description.floor {
        Some(channel) => RemoteAddress::new(SocketAddr::new(channel.address, channel.port), rule),
        None => {
            let nowhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
            RemoteAddress::new(nowhere, AddressRule::Pinned)
        }
    }
}

/// All sessions, with every handle by which they are found.
#[derive(Default)]
pub(super) struct Sessions {
    sessions: BTreeMap<SessionId, Session>,
    next: u64,
    transactions: HashMap<TransactionId, SessionId>,
    requests: HashMap<RequestHandle, SessionId>,
    dialogs: HashMap<DialogId, (SessionId, Side)>,
    pairs: HashMap<PairId, (SessionId, Side)>,
}

impl Sessions {
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.get_mut(&id)
    }

    pub(super) fn by_transaction(&self, transaction: TransactionId) -> Option<SessionId> {
        self.transactions.get(&transaction).copied()
    }

    pub(super) fn by_request(&self, handle: RequestHandle) -> Option<SessionId> {
        self.requests.get(&handle).copied()
    }

    pub(super) fn by_dialog(&self, dialog: DialogId) -> Option<(SessionId, Side)> {
        self.dialogs.get(&dialog).copied()
    }

    pub(super) fn by_pair(&self, pair: PairId) -> Option<(SessionId, Side)> {
        self.pairs.get(&pair).copied()
    }

    pub(super) fn of_impu(&self, impu: &Impu) -> Vec<SessionId> {
        let own = self
            .sessions
            .iter()
            .filter(|(_, session)| session.impu == *impu);
        own.map(|(id, _)| *id).collect()
    }

    /// Simultaneous calls of a user.
    pub(super) fn calls_of(&self, user: &McpttId, kind: CallKind) -> usize {
        self.sessions
            .values()
            .filter(|session| session.user == *user && session.kind == kind)
            .count()
    }

    pub(super) fn insert(&mut self, session: Session) -> SessionId {
        self.next += 1;
        let id = SessionId(self.next);
        if let State::Inviting {
            transaction,
            handle,
            ..
        } = &session.state
        {
            self.transactions.insert(*transaction, id);
            self.requests.insert(*handle, id);
        }
        self.pairs.insert(session.client.id, (id, Side::Client));
        self.pairs.insert(session.server.id, (id, Side::Server));
        self.sessions.insert(id, session);
        id
    }

    /// A dialog belongs to a session, an early one included.
    pub(super) fn note_dialog(&mut self, dialog: DialogId, id: SessionId, side: Side) {
        if let Some(session) = self.sessions.get_mut(&id)
            && self.dialogs.insert(dialog, (id, side)).is_none()
        {
            session.dialogs.push(dialog);
        }
    }

    /// Both sides have answered: the session is connected.
    pub(super) fn connect(&mut self, id: SessionId, client: DialogId, server: DialogId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let former = core::mem::replace(&mut session.state, State::Connected { client, server });
        self.forget(&former);
        self.note_dialog(client, id, Side::Client);
        self.note_dialog(server, id, Side::Server);
    }

    pub(super) fn remove(&mut self, id: SessionId) -> Option<Session> {
        let session = self.sessions.remove(&id)?;
        self.forget(&session.state);
        for dialog in &session.dialogs {
            self.dialogs.remove(dialog);
        }
        self.pairs.remove(&session.client.id);
        self.pairs.remove(&session.server.id);
        Some(session)
    }

    fn forget(&mut self, state: &State) {
        if let State::Inviting {
            transaction,
            handle,
            ..
        } = state
        {
            self.transactions.remove(transaction);
            self.requests.remove(handle);
        }
    }

    /// A new CSK is on its way to the client, who may use it before its answer is here.
    pub(super) fn offer_client_key(&mut self, impu: &Impu, key: KeyId) {
        let own = self
            .sessions
            .values_mut()
            .filter(|session| session.impu == *impu);
        for relay in own.filter_map(|session| session.relay.as_mut()) {
            relay.floor_mut(Side::Client).take_also(key);
        }
    }

    /// Protected floor control of a client goes on under a new CSK.
    pub(super) fn bind_client_key(&mut self, impu: &Impu, key: KeyId) {
        let own = self
            .sessions
            .values_mut()
            .filter(|session| session.impu == *impu);
        for session in own {
            if let FloorProtection::Key(held) = &mut session.protection.client {
                *held = key;
                if let Some(relay) = &mut session.relay {
                    relay.floor_mut(Side::Client).bind_key(key);
                }
            }
        }
    }
}
