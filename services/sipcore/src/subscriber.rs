//! The subscriber data base, as a port.

use roger_base::{Impu, SecretBytes};

/// A subscriber of the SIP core. It says nothing about the MC user.
#[derive(Clone)]
pub struct Subscriber {
    /// Private identity: the digest user name.
    pub username: String,
    /// Public identities it may register and use; the first is the default one.
    pub identities: Vec<Impu>,
    /// The digest password.
    pub password: SecretBytes,
}

/// Where subscribers are kept. Called on the path of every REGISTER: it must answer from memory.
pub trait SubscriberRepository: Send + 'static {
    /// The subscriber with this digest user name.
    fn by_username(&self, username: &str) -> Option<Subscriber>;

    /// The subscriber that owns this public identity; compared octet by octet.
    fn by_identity(&self, identity: &str) -> Option<Subscriber>;
}

/// A repository in memory.
#[derive(Clone, Default)]
pub struct MemorySubscribers {
    by_username: std::collections::HashMap<String, Subscriber>,
    owners: std::collections::HashMap<String, String>,
}

impl MemorySubscribers {
    /// Nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Everybody, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Subscriber> {
        self.by_username.values()
    }

    /// Adds or replaces a subscriber.
    pub fn add(&mut self, subscriber: Subscriber) {
        for identity in &subscriber.identities {
            self.owners
                .insert(identity.as_str().to_owned(), subscriber.username.clone());
        }
        self.by_username
            .insert(subscriber.username.clone(), subscriber);
    }
}

impl FromIterator<Subscriber> for MemorySubscribers {
    fn from_iter<I: IntoIterator<Item = Subscriber>>(subscribers: I) -> Self {
        let mut all = Self::new();
        subscribers
            .into_iter()
            .for_each(|subscriber| all.add(subscriber));
        all
    }
}

impl SubscriberRepository for MemorySubscribers {
    fn by_username(&self, username: &str) -> Option<Subscriber> {
        self.by_username.get(username).cloned()
    }

    fn by_identity(&self, identity: &str) -> Option<Subscriber> {
        self.by_username(self.owners.get(identity)?)
    }
}
