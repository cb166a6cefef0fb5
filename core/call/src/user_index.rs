//! The users of a server by the UIDs under which they hide (TS 33.180 cl. 5.2.6).
//!
//! A UID is a hash over identity, KMS and key period: who signed can be told only from the UIDs of everybody. They are
//! made once for a key period, so that each authorisation costs one look-up however many users there are.

use crate::service_authorisation::UserDirectory;
use roger_base::{KmsUri, McpttId};
use roger_ibc::uid::{KeyPeriod, Uid, uid};
use roger_mikey::{Party, Signer};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Key periods of KMSs that are kept: the current one and its neighbours, of a few KMSs. The oldest is forgotten.
const PERIODS: usize = 8;

/// Users, found by name or by UID.
pub struct UserIndex {
    /// In order.
    users: Vec<McpttId>,
    periods: Mutex<Vec<Period>>,
}

/// Everybody's UID in one key period of one KMS.
struct Period {
    kms: KmsUri,
    key_period: KeyPeriod,
    number: u64,
    /// Places in the list of users.
    places: HashMap<[u8; 32], usize>,
}

impl UserIndex {
    /// An index of these users.
    #[must_use]
    pub fn new(mut users: Vec<McpttId>) -> Self {
        users.sort_unstable();
        Self {
            users,
            periods: Mutex::new(Vec::new()),
        }
    }

    fn hidden(&self, signer: &Signer, hidden: &Uid) -> Option<McpttId> {
        let mut periods = self.periods.lock().unwrap_or_else(PoisonError::into_inner);
        let place = match periods.iter().find(|period| period.is_of(signer)) {
            Some(period) => period.places.get(hidden.as_octets()).copied(),
            None => {
                let period = self.period(signer);
                let place = period.places.get(hidden.as_octets()).copied();
                if periods.len() == PERIODS {
                    periods.remove(0);
                }
                periods.push(period);
                place
            }
        };
        self.users.get(place?).cloned()
    }

    fn period(&self, signer: &Signer) -> Period {
        let (key_period, number) = (signer.key_period, signer.period_number);
        let uid_of = |user: &McpttId| uid(user.as_str(), &signer.kms, key_period, number);
        let places = self.users.iter().zip(0..);
        Period {
            kms: signer.kms.clone(),
            key_period,
            number,
            places: places
                .map(|(user, place)| (*uid_of(user).as_octets(), place))
                .collect(),
        }
    }
}

impl Period {
    fn is_of(&self, signer: &Signer) -> bool {
        self.kms == signer.kms
            && self.key_period == signer.key_period
            && self.number == signer.period_number
    }
}

impl UserDirectory for UserIndex {
    fn user_of(&self, signer: &Signer) -> Option<McpttId> {
        match &signer.party {
            Party::Hidden(hidden) => self.hidden(signer, hidden),
            Party::Named(name) => {
                let user = McpttId::new(name.as_str()).ok()?;
                self.users.binary_search(&user).ok().map(|_| user)
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn signer(user: &str, number: u64, hides: bool) -> Signer {
        let kms = KmsUri::new("kms.example.org").unwrap();
        let key_period = KeyPeriod::new(2_592_000, 0).unwrap();
        let uid = uid(user, &kms, key_period, number);
        let party = match hides {
            true => Party::Hidden(uid),
            false => Party::Named(user.to_owned()),
        };
        Signer {
            party,
            uid,
            kms,
            key_period,
            period_number: number,
        }
    }

    #[test]
    fn a_user_is_found_by_name_and_by_uid_in_every_period() {
        let users = ["sip:a@x.example", "sip:b@x.example"].map(|name| McpttId::new(name).unwrap());
        let index = UserIndex::new(users.to_vec());
        for user in &users {
            for number in 1500..1500 + 2 * PERIODS as u64 {
                let found = index.user_of(&signer(user.as_str(), number, true));
                assert_eq!(found.as_ref(), Some(user));
            }
            assert_eq!(
                index.user_of(&signer(user.as_str(), 1, false)).as_ref(),
                Some(user)
            );
        }
        assert_eq!(index.periods.lock().unwrap().len(), PERIODS);
        for hides in [true, false] {
            assert_eq!(index.user_of(&signer("sip:c@x.example", 1500, hides)), None);
        }
    }
}
