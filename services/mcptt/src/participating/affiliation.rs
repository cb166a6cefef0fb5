//! What each client wants to be affiliated to, and how far the controlling functions have agreed
//! (TS 24.379 cl. 9.2.2.2).

use super::agenda::Agenda;
use core::time::Duration;
use roger_base::{ClientId, GroupId, Instant, McpttId};
use roger_documents::affiliation::{Affiliation, AffiliationStatus, Tuple};
use roger_sip::endpoint::RequestHandle;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Time until a controlling function that could not answer is asked again.
const RETRY: Duration = Duration::from_secs(5);
/// How often it is asked.
const MAX_ATTEMPTS: u32 = 12;

/// A client of a user.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Client {
    pub(super) user: McpttId,
    pub(super) id: ClientId,
}

/// What the controlling function is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Affiliate,
    Deaffiliate,
}

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Refused,
    TryLater,
}

/// One group of one client.
#[derive(Debug)]
struct Entry {
    wish: Wish,
    status: AffiliationStatus,
    /// The PUBLISH under way and what it says.
    flight: Option<(RequestHandle, Wish)>,
    /// When the controlling function is to be told; `None` when it knows.
    due: Option<Instant>,
    attempts: u32,
}

impl Entry {
    const fn wanted(now: Instant) -> Self {
        Self {
            wish: Wish::Affiliate,
            status: AffiliationStatus::Affiliating,
            flight: None,
            due: Some(now),
            attempts: 0,
        }
    }

    /// When the controlling function is to be told; not while it has not answered.
    fn deadline(&self) -> Option<Instant> {
        self.due.filter(|_| self.flight.is_none())
    }

    fn wish_for(&mut self, wish: Wish, now: Instant) {
        let same = self.wish == wish;
        if !(same && self.status == AffiliationStatus::Affiliated) {
            self.status = match wish {
                Wish::Affiliate => AffiliationStatus::Affiliating,
                Wish::Deaffiliate => AffiliationStatus::Deaffiliating,
            };
        }
        self.wish = wish;
        self.attempts = 0;
        // What is under way and says the same need not be said again.
        let told = self.flight.is_some_and(|(_, said)| said == wish);
        self.due = (!told).then_some(now);
    }
}

/// What becomes of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stays,
    Goes,
}

impl Entry {
    fn answered(&mut self, said: Wish, outcome: Outcome, now: Instant) -> Fate {
        self.flight = None;
        if outcome == Outcome::TryLater {
            self.attempts += 1;
            self.due = Some(now + RETRY);
            return if self.attempts < MAX_ATTEMPTS {
                Fate::Stays
            } else {
                Fate::Goes
            };
        }
        if said != self.wish {
            self.due = Some(now);
            return Fate::Stays;
        }
        match (said, outcome) {
            (Wish::Affiliate, Outcome::Done) => {
                self.status = AffiliationStatus::Affiliated;
                Fate::Stays
            }
            _ => Fate::Goes,
        }
    }
}

/// The affiliations of one client.
#[derive(Debug, Default)]
struct Groups {
    entries: BTreeMap<GroupId, Entry>,
    /// `<p-id>` of the last PUBLISH.
    p_id: Option<String>,
}

/// The affiliations of all clients.
#[derive(Debug, Default)]
pub(super) struct Affiliations {
    users: BTreeMap<McpttId, BTreeMap<ClientId, Groups>>,
    flights: HashMap<RequestHandle, (Client, GroupId)>,
    agenda: Agenda<(Client, GroupId)>,
}

impl Affiliations {
    /// The complete set that a client wants from now on. Groups that it has already are announced again, which heals a
    /// controlling function that lost them.
    pub(super) fn replace(
        &mut self,
        client: &Client,
        wanted: &BTreeSet<GroupId>,
        p_id: Option<String>,
        now: Instant,
    ) {
        let clients = self.users.entry(client.user.clone()).or_default();
        let groups = clients.entry(client.id.clone()).or_default();
        groups.p_id = p_id;
        for (group, entry) in &mut groups.entries {
            let wish = if wanted.contains(group) {
                Wish::Affiliate
            } else {
                Wish::Deaffiliate
            };
            if !(wish == Wish::Deaffiliate && entry.wish == wish) {
                entry.wish_for(wish, now);
            }
        }
        for group in wanted {
            groups
                .entries
                .entry(group.clone())
                .or_insert_with(|| Entry::wanted(now));
        }
        for (group, entry) in &groups.entries {
            let key = (client.clone(), group.clone());
            self.agenda.set(&key, entry.deadline());
        }
        self.forget_if_empty(client);
    }

    /// Groups that a client wants.
    pub(super) fn wanted_of(&self, client: &Client) -> BTreeSet<GroupId> {
        let own = self
            .of_user(&client.user)
            .filter(|(id, _)| **id == client.id);
        wishes(own)
    }

    /// Groups that the user's other clients want.
    pub(super) fn of_other_clients(&self, client: &Client) -> BTreeSet<GroupId> {
        let others = self
            .of_user(&client.user)
            .filter(|(id, _)| **id != client.id);
        wishes(others)
    }

    /// What is to be told now.
    pub(super) fn due(&self, now: Instant) -> Vec<(Client, GroupId, Wish)> {
        let due = self.agenda.due(now).into_iter();
        due.filter_map(|(client, group)| {
            let clients = self.users.get(&client.user)?;
            let wish = clients.get(&client.id)?.entries.get(&group)?.wish;
            Some((client, group, wish))
        })
        .collect()
    }

    /// When [`Self::due`] has something that has to wait now.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.agenda.next()
    }

    /// A PUBLISH was sent; without a handle it could not be.
    pub(super) fn on_sent(
        &mut self,
        client: &Client,
        group: &GroupId,
        handle: Option<RequestHandle>,
        now: Instant,
    ) {
        let fate = self.update(client, group, |entry| {
            let wish = entry.wish;
            match handle {
                Some(handle) => {
                    entry.due = None;
                    entry.flight = Some((handle, wish));
                    Fate::Stays
                }
                None => entry.answered(wish, Outcome::TryLater, now),
            }
        });
        if let (Some(handle), Some(Fate::Stays)) = (handle, fate) {
            self.flights.insert(handle, (client.clone(), group.clone()));
        }
    }

    /// Whether a request is one of ours.
    pub(super) fn is_waiting_for(&self, handle: RequestHandle) -> bool {
        self.flights.contains_key(&handle)
    }

    /// The answer to a PUBLISH; the user whose state changed.
    pub(super) fn on_answered(
        &mut self,
        handle: RequestHandle,
        outcome: Outcome,
        now: Instant,
    ) -> Option<McpttId> {
        let (client, group) = self.flights.remove(&handle)?;
        // An entry that was taken out meanwhile, and maybe came again, has no part in this answer.
        self.update(&client, &group, |entry| match entry.flight {
            Some((flight, said)) if flight == handle => entry.answered(said, outcome, now),
            _ => Fate::Stays,
        })?;
        Some(client.user)
    }

    /// Takes out the users who fail the test; those who were affiliated.
    pub(super) fn expel(
        &mut self,
        group: &GroupId,
        keep: impl Fn(&McpttId) -> bool,
    ) -> BTreeSet<McpttId> {
        let mut expelled = Vec::new();
        for (user, clients) in self.users.iter_mut().filter(|(user, _)| !keep(user)) {
            for (id, groups) in clients.iter_mut() {
                if groups.entries.remove(group).is_some() {
                    expelled.push(Client {
                        user: user.clone(),
                        id: id.clone(),
                    });
                }
            }
        }
        for client in &expelled {
            self.agenda.set(&(client.clone(), group.clone()), None);
            self.forget_if_empty(client);
        }
        expelled.into_iter().map(|client| client.user).collect()
    }

    /// The state of a user, as notifications have it.
    pub(super) fn tuples_of(&self, user: &McpttId) -> Vec<Tuple> {
        self.of_user(user)
            .map(|(client, groups)| Tuple {
                client: client.clone(),
                affiliations: groups
                    .entries
                    .iter()
                    .map(|(group, entry)| Affiliation {
                        status: Some(entry.status),
                        ..Affiliation::wanted(group.clone())
                    })
                    .collect(),
                functional_aliases: Vec::new(),
            })
            .collect()
    }

    /// `<p-id>` of a user's last PUBLISH.
    pub(super) fn p_id_of(&self, user: &McpttId) -> Option<String> {
        self.of_user(user)
            .find_map(|(_, groups)| groups.p_id.clone())
    }

    fn of_user(&self, user: &McpttId) -> impl Iterator<Item = (&ClientId, &Groups)> {
        self.users.get(user).into_iter().flatten()
    }

    /// Changes an entry; one whose fate is to go is removed.
    fn update(
        &mut self,
        client: &Client,
        group: &GroupId,
        change: impl FnOnce(&mut Entry) -> Fate,
    ) -> Option<Fate> {
        let clients = self.users.get_mut(&client.user)?;
        let groups = clients.get_mut(&client.id)?;
        let entry = groups.entries.get_mut(group)?;
        let fate = change(entry);
        let key = (client.clone(), group.clone());
        match fate {
            Fate::Stays => self.agenda.set(&key, entry.deadline()),
            Fate::Goes => {
                groups.entries.remove(group);
                self.agenda.set(&key, None);
                self.forget_if_empty(client);
            }
        }
        Some(fate)
    }

    fn forget_if_empty(&mut self, client: &Client) {
        let Some(clients) = self.users.get_mut(&client.user) else {
            return;
        };
        clients.retain(|_, groups| !groups.entries.is_empty());
        if clients.is_empty() {
            self.users.remove(&client.user);
        }
    }
}

fn wishes<'a>(clients: impl Iterator<Item = (&'a ClientId, &'a Groups)>) -> BTreeSet<GroupId> {
    clients
        .flat_map(|(_, groups)| &groups.entries)
        .filter(|(_, entry)| entry.wish == Wish::Affiliate)
        .map(|(group, _)| group.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Instant {
        Instant::from_origin(Duration::from_secs(second))
    }

    fn client() -> Client {
        Client {
            user: McpttId::new("sip:a@mc").unwrap(),
            id: ClientId::new("urn:uuid:1").unwrap(),
        }
    }

    fn group(name: &str) -> GroupId {
        GroupId::new(format!("sip:{name}@mc")).unwrap()
    }

    fn set(names: &[&str]) -> BTreeSet<GroupId> {
        names.iter().map(|name| group(name)).collect()
    }

    fn states(affiliations: &Affiliations) -> Vec<Option<AffiliationStatus>> {
        let tuples = affiliations.tuples_of(&client().user);
        tuples
            .iter()
            .flat_map(|tuple| &tuple.affiliations)
            .map(|item| item.status)
            .collect()
    }

    /// State of an entry × what was said × outcome, unexpected ones included.
    #[test]
    fn each_answer_leads_to_its_state() {
        use AffiliationStatus::{Affiliated, Affiliating, Deaffiliating};
        let entry = |wish| Entry {
            wish,
            status: match wish {
                Wish::Affiliate => Affiliating,
                Wish::Deaffiliate => Deaffiliating,
            },
            ..Entry::wanted(at(0))
        };
        let cases = [
            (
                Wish::Affiliate,
                Wish::Affiliate,
                Outcome::Done,
                Some(Affiliated),
            ),
            (Wish::Affiliate, Wish::Affiliate, Outcome::Refused, None),
            (
                Wish::Affiliate,
                Wish::Affiliate,
                Outcome::TryLater,
                Some(Affiliating),
            ),
            (
                Wish::Affiliate,
                Wish::Deaffiliate,
                Outcome::Done,
                Some(Affiliating),
            ),
            (
                Wish::Affiliate,
                Wish::Deaffiliate,
                Outcome::Refused,
                Some(Affiliating),
            ),
            (
                Wish::Deaffiliate,
                Wish::Affiliate,
                Outcome::Done,
                Some(Deaffiliating),
            ),
            (Wish::Deaffiliate, Wish::Deaffiliate, Outcome::Done, None),
            (Wish::Deaffiliate, Wish::Deaffiliate, Outcome::Refused, None),
            (
                Wish::Deaffiliate,
                Wish::Deaffiliate,
                Outcome::TryLater,
                Some(Deaffiliating),
            ),
        ];
        for (wish, said, outcome, expected) in cases {
            let mut entry = entry(wish);
            let fate = entry.answered(said, outcome, at(1));
            let state = (fate == Fate::Stays).then_some(entry.status);
            assert_eq!(state, expected, "{wish:?} {said:?} {outcome:?}");
        }
    }

    #[test]
    fn a_controlling_function_that_never_answers_is_given_up() {
        let mut entry = Entry::wanted(at(0));
        let fates: Vec<Fate> = (1..=u64::from(MAX_ATTEMPTS))
            .map(|n| entry.answered(Wish::Affiliate, Outcome::TryLater, at(n)))
            .collect();
        assert_eq!(fates.iter().filter(|fate| **fate == Fate::Goes).count(), 1);
        assert_eq!(fates.last(), Some(&Fate::Goes));
    }

    #[test]
    fn the_set_of_a_client_replaces_the_former_one() {
        let mut affiliations = Affiliations::default();
        affiliations.replace(&client(), &set(&["g1", "g2"]), None, at(0));
        assert_eq!(affiliations.due(at(0)).len(), 2);
        affiliations.replace(&client(), &set(&["g2", "g3"]), None, at(1));
        let wishes: Vec<Wish> = affiliations
            .due(at(1))
            .into_iter()
            .map(|(.., wish)| wish)
            .collect();
        assert_eq!(
            wishes,
            [Wish::Deaffiliate, Wish::Affiliate, Wish::Affiliate]
        );
        assert_eq!(
            states(&affiliations),
            [
                Some(AffiliationStatus::Deaffiliating),
                Some(AffiliationStatus::Affiliating),
                Some(AffiliationStatus::Affiliating)
            ]
        );
    }

    #[test]
    fn a_request_that_could_not_be_sent_is_tried_later() {
        let mut affiliations = Affiliations::default();
        affiliations.replace(&client(), &set(&["g1"]), None, at(0));
        affiliations.on_sent(&client(), &group("g1"), None, at(0));
        assert!(affiliations.due(at(4)).is_empty());
        assert_eq!(affiliations.deadline(), Some(at(5)));
        assert_eq!(affiliations.due(at(5)).len(), 1);
    }

    #[test]
    fn who_is_no_member_any_more_is_taken_out() {
        let mut affiliations = Affiliations::default();
        affiliations.replace(&client(), &set(&["g1", "g2"]), None, at(0));
        let expelled = affiliations.expel(&group("g1"), |_| false);
        assert_eq!(expelled.len(), 1);
        assert_eq!(states(&affiliations).len(), 1);
        assert!(affiliations.expel(&group("g1"), |_| false).is_empty());
    }

    #[test]
    fn an_empty_set_of_an_unknown_client_leaves_nothing() {
        let mut affiliations = Affiliations::default();
        affiliations.replace(&client(), &set(&[]), None, at(0));
        assert!(affiliations.users.is_empty());
        assert_eq!(affiliations.deadline(), None);
    }
}
