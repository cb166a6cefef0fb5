//! Who is registered, where, until when (RFC 3261 10).

use core::time::Duration;
use roger_base::Instant;
use roger_sip::endpoint::{ConnectionId, Flow, Transport};
use roger_sip::header::NameAddr;
use roger_sip::uri::Uri;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

/// An address of record: a public identity in canonical form, see [`canonical`].
pub(crate) type Aor = Arc<str>;

/// Scheme, user and host of a URI, the host in lower case; port and parameters do not count.
pub(crate) fn canonical(uri: &Uri) -> String {
    let Some(host) = uri.host() else {
        return uri.as_str().to_owned();
    };
    let host = host.to_ascii_lowercase();
    match uri.user_unescaped() {
        Some(user) => format!("sip:{user}@{host}"),
        None => format!("sip:{host}"),
    }
}

/// What a message shares with a registration that came the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    Datagram(SocketAddr),
    Stream(ConnectionId),
}

impl Source {
    const fn of(flow: &Flow) -> Self {
        match flow.transport {
            Transport::Udp => Self::Datagram(flow.peer),
            _ => Self::Stream(flow.connection),
        }
    }
}

/// One contact of an identity.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    /// The Contact without `expires`.
    pub(crate) contact: NameAddr,
    /// The way the REGISTER came; `None` once that connection is gone, and when there is a Path.
    pub(crate) flow: Option<Flow>,
    /// The proxies between this core and the UE, the nearest first (RFC 3327).
    pub(crate) path: Vec<NameAddr>,
    /// Number of the flow among those of the UE, when it uses outbound (RFC 5626).
    pub(crate) reg_id: Option<u32>,
    pub(crate) expiry: Instant,
    pub(crate) call_id: String,
    pub(crate) cseq: u32,
}

/// A registered identity.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registration {
    /// Latest first.
    pub(crate) bindings: Vec<Binding>,
    /// All identities of the subscriber, the default one first.
    pub(crate) identities: Vec<String>,
    /// Third-party registrations of it: the same Call-ID, ascending `CSeq`, and who was told.
    pub(crate) third_party: ThirdPartyState,
    earliest: Option<Instant>,
    /// Flows it had before, the latest last, with the device that had them.
    former: VecDeque<(Source, Option<String>)>,
}

/// Identities of one flow that are compared with those of another.
const MAX_SHARED: usize = 16;

/// Former flows of a registration that are remembered.
const MAX_FORMER: usize = 8;

/// What was told to application servers.
#[derive(Debug, Clone, Default)]
pub(crate) struct ThirdPartyState {
    pub(crate) call_id: String,
    pub(crate) cseq: u32,
    /// Indices of the application servers that know of the registration.
    pub(crate) told: BTreeSet<usize>,
}

/// All registrations.
#[derive(Debug, Default)]
pub(crate) struct Locations {
    registrations: HashMap<Aor, Registration>,
    by_source: HashMap<Source, BTreeSet<Aor>>,
    /// Who has registered a Contact, in that order.
    by_contact: HashMap<String, Vec<Aor>>,
    /// Who had a flow that is gone, as long as its user is registered.
    by_former: HashMap<Source, Aor>,
    expiries: BTreeSet<(Instant, Aor)>,
}

impl Locations {
    pub(crate) fn len(&self) -> usize {
        self.registrations.len()
    }

    pub(crate) fn get(&self, aor: &str) -> Option<&Registration> {
        self.registrations.get(aor)
    }

    /// Changes a registration, which is made when there is none and removed when it has no binding left. The
    /// state of its last moment is returned.
    pub(crate) fn update(
        &mut self,
        aor: &str,
        change: impl FnOnce(&mut Registration),
    ) -> Registration {
        let (aor, mut registration) = match self.registrations.remove_entry(aor) {
            Some(entry) => entry,
            None => (Aor::from(aor), Registration::default()),
        };
        self.unlink(&aor, &registration);
        let before: Vec<_> = registration.sources().collect();
        let contacts = registration.contacts();
        change(&mut registration);
        registration.remember(before);
        self.claim(&aor, &contacts, &registration.contacts());
        registration.earliest = registration
            .bindings
            .iter()
            .map(|binding| binding.expiry)
            .min();
        if registration.bindings.is_empty() {
            return registration;
        }
        self.link(&aor, &registration);
        self.registrations.insert(aor, registration.clone());
        registration
    }

    fn unlink(&mut self, aor: &Aor, registration: &Registration) {
        if let Some(earliest) = registration.earliest {
            self.expiries.remove(&(earliest, Arc::clone(aor)));
        }
        for (source, _) in &registration.former {
            if self.by_former.get(source) == Some(aor) {
                self.by_former.remove(source);
            }
        }
        for binding in &registration.bindings {
            let Some(source) = binding.flow.as_ref().map(Source::of) else {
                continue;
            };
            if let Some(aors) = self.by_source.get_mut(&source) {
                aors.remove(aor);
                if aors.is_empty() {
                    self.by_source.remove(&source);
                }
            }
        }
    }

    fn link(&mut self, aor: &Aor, registration: &Registration) {
        if let Some(earliest) = registration.earliest {
            self.expiries.insert((earliest, Arc::clone(aor)));
        }
        for (source, _) in &registration.former {
            self.by_former.insert(*source, Arc::clone(aor));
        }
        for binding in &registration.bindings {
            if let Some(flow) = &binding.flow {
                let aors = self.by_source.entry(Source::of(flow)).or_default();
                aors.insert(Arc::clone(aor));
            }
        }
    }

    /// Enters the Contacts that an identity has now in place of those it had. A refresh keeps its place among others
    /// who have the same one.
    fn claim(&mut self, aor: &Aor, before: &BTreeSet<String>, now: &BTreeSet<String>) {
        for gone in before.difference(now) {
            let Some(owners) = self.by_contact.get_mut(gone) else {
                continue;
            };
            owners.retain(|owner| owner != aor);
            if owners.is_empty() {
                self.by_contact.remove(gone);
            }
        }
        for new in now.difference(before) {
            let owners = self.by_contact.entry(new.clone()).or_default();
            owners.push(Arc::clone(aor));
        }
    }

    /// Identities registered over the way a message came.
    pub(crate) fn of_flow(&self, flow: &Flow) -> Option<&BTreeSet<Aor>> {
        self.by_source.get(&Source::of(flow))
    }

    /// The identity and binding a contact URI belongs to: a Request-URI inside a dialog. It stays with the first who
    /// registered it: nobody draws the requests for others to himself by registering their Contact too.
    pub(crate) fn of_contact(&self, uri: &Uri) -> Option<(&Aor, &Binding)> {
        let key = contact_key(uri)?;
        let aor = self.by_contact.get(&key)?.first()?;
        let registration = self.registrations.get(aor)?;
        let binding = registration
            .bindings
            .iter()
            .find(|binding| contact_key(&binding.contact.uri).as_ref() == Some(&key))?;
        Some((aor, binding))
    }

    /// A connection is gone; its bindings stay, to be reached at the address of their Contact.
    pub(crate) fn forget_flow(&mut self, connection: ConnectionId) {
        let Some(aors) = self.by_source.get(&Source::Stream(connection)).cloned() else {
            return;
        };
        for aor in aors {
            self.update(&aor, |registration| {
                for binding in &mut registration.bindings {
                    binding.flow.take_if(|flow| {
                        flow.connection == connection && flow.transport != Transport::Udp
                    });
                }
            });
        }
    }

    /// The identity that had a flow which is gone, and the binding by which the same device is reached now.
    pub(crate) fn of_former_flow(&self, flow: &Flow) -> Option<(&Aor, &Binding)> {
        let source = Source::of(flow);
        let aor = self.by_former.get(&source)?;
        let registration = self.registrations.get(aor)?;
        let (_, device) = registration
            .former
            .iter()
            .rfind(|(known, _)| *known == source)?;
        let binding = choose_binding(&registration.bindings, device.as_deref())?;
        Some((aor, binding))
    }

    /// Whether two flows, gone ones too, belong to one user.
    pub(crate) fn is_same_user(&self, one: &Flow, other: &Flow) -> bool {
        let now = self.by_source.get(&Source::of(one));
        let former = self.by_former.get(&Source::of(one));
        let other = self.by_source.get(&Source::of(other));
        let mut ours = now.into_iter().flatten().take(MAX_SHARED).chain(former);
        other.is_some_and(|other| ours.any(|aor| other.contains(aor)))
    }

    /// The next expiry.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// An identity that has lost a binding by expiry, with what is left of its registration.
    pub(crate) fn pop_expired(&mut self, now: Instant) -> Option<(Aor, Registration)> {
        let (at, aor) = self.expiries.first()?.clone();
        if at > now {
            return None;
        }
        let left = self.update(&aor, |registration| {
            registration.bindings.retain(|binding| binding.expiry > now);
        });
        Some((aor, left))
    }
}

impl Registration {
    fn contacts(&self) -> BTreeSet<String> {
        let keys = self.bindings.iter().map(|binding| &binding.contact.uri);
        keys.filter_map(contact_key).collect()
    }

    fn sources(&self) -> impl Iterator<Item = (Source, Option<String>)> {
        self.bindings.iter().filter_map(|binding| {
            let source = Source::of(binding.flow.as_ref()?);
            Some((source, binding.contact.instance()))
        })
    }

    /// Remembers those of the former flows that are gone.
    fn remember(&mut self, before: Vec<(Source, Option<String>)>) {
        let now: Vec<_> = self.sources().map(|(source, _)| source).collect();
        for (source, device) in before {
            if !now.contains(&source) {
                self.former.push_back((source, device));
            }
        }
        self.former.retain(|(source, _)| !now.contains(source));
        let surplus = self.former.len().saturating_sub(MAX_FORMER);
        self.former.drain(..surplus);
    }
}

/// A binding whose flow lives if there is one, the latest first; of a device its own.
pub(crate) fn choose_binding<'a>(
    bindings: &'a [Binding],
    device: Option<&str>,
) -> Option<&'a Binding> {
    let wanted = |binding: &&Binding| {
        device.is_none_or(|device| binding.contact.instance().as_deref() == Some(device))
    };
    let lives = |binding: &&Binding| binding.flow.is_some() || !binding.path.is_empty();
    let living = bindings.iter().filter(wanted).find(lives);
    living.or_else(|| bindings.iter().find(wanted))
}

impl Binding {
    /// Seconds left, rounded down.
    pub(crate) fn seconds_left(&self, now: Instant) -> u32 {
        u32::try_from(self.expiry.since(now).as_secs()).unwrap_or(u32::MAX)
    }
}

/// The same contact whatever its parameters; `None` for what is no SIP URI, which would all be one contact.
fn contact_key(uri: &Uri) -> Option<String> {
    let host = uri.host()?.to_ascii_lowercase();
    let user = uri.user().unwrap_or_default();
    Some(format!("{user}@{host}:{}", uri.port().unwrap_or(5060)))
}

pub(crate) fn after(now: Instant, seconds: u32) -> Instant {
    now + Duration::from_secs(u64::from(seconds))
}
