//! The calls of a UE as its user sees them, with who talks and for how long.

use super::news::{name_of, party_name};
use core::time::Duration;
use roger_base::McpttId;
use roger_ue::client::{CallNumber, CallParty};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use tokio::time::Instant;

/// Packets of a burst may come so long after its end: they take another way than floor control.
const LATE_PACKETS: Duration = Duration::from_millis(300);
/// Name of a talker who was not announced yet.
const SOMEBODY: &str = "somebody";

/// One talk burst of somebody else.
#[derive(Debug, Clone)]
pub(super) struct Burst {
    pub(super) who: String,
    /// Time of day of its beginning.
    pub(super) since: OffsetDateTime,
    begun: Instant,
    /// Source, once something was heard.
    pub(super) ssrc: Option<u32>,
    pub(super) packets: usize,
}

impl Burst {
    fn begin(who: String, now: Instant) -> Self {
        Self {
            who,
            since: OffsetDateTime::now_utc(),
            begun: now,
            ssrc: None,
            packets: 0,
        }
    }

    fn hear(&mut self, ssrc: u32) {
        self.ssrc = Some(ssrc);
        self.packets += 1;
    }

    pub(super) fn lasts(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.begun)
    }
}

/// A burst that is over.
#[derive(Debug)]
pub(super) struct Over {
    pub(super) call: CallNumber,
    pub(super) party: String,
    pub(super) burst: Burst,
    pub(super) lasted: Duration,
    /// When no packet of it comes any more.
    settled: Instant,
}

/// One call.
#[derive(Debug)]
pub(super) struct CallView {
    pub(super) party: CallParty,
    pub(super) stage: CallStage,
    pub(super) burst: Option<Burst>,
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallStage {
    Ringing,
    Answering,
    Established,
}

/// All calls.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: BTreeMap<CallNumber, CallView>,
    active: Option<CallNumber>,
    over: Vec<Over>,
}

impl Calls {
    pub(super) fn add(&mut self, number: CallNumber, party: CallParty, stage: CallStage) {
        let view = CallView {
            party,
            stage,
            burst: None,
        };
        self.calls.insert(number, view);
    }

    pub(super) fn get(&self, number: CallNumber) -> Option<&CallView> {
        self.calls.get(&number)
    }

    pub(super) fn numbers(&self) -> Vec<CallNumber> {
        self.calls.keys().copied().collect()
    }

    /// The call that rings.
    pub(super) fn ringing(&self) -> Option<CallNumber> {
        self.calls
            .iter()
            .find(|(_, call)| call.stage == CallStage::Ringing)
            .map(|(number, _)| *number)
    }

    /// A call is established: the button belongs to it from now on.
    pub(super) fn establish(&mut self, number: CallNumber) {
        if let Some(call) = self.calls.get_mut(&number) {
            call.stage = CallStage::Established;
            self.active = Some(number);
        }
    }

    /// The call that the button belongs to.
    pub(super) fn active(&self) -> Option<(CallNumber, &CallView)> {
        let number = self.active?;
        self.calls.get(&number).map(|call| (number, call))
    }

    pub(super) fn party(&self, number: CallNumber) -> String {
        self.calls
            .get(&number)
            .map_or_else(|| "call".to_owned(), |call| party_name(&call.party))
    }

    /// A call is over, and so is what was said in it.
    pub(super) fn remove(&mut self, number: CallNumber, now: Instant) -> Option<CallView> {
        self.end_burst(number, now);
        let removed = self.calls.remove(&number)?;
        if self.active == Some(number) {
            let established =
                |(_, call): &(&CallNumber, &CallView)| call.stage == CallStage::Established;
            self.active = self
                .calls
                .iter()
                .rfind(established)
                .map(|(number, _)| *number);
        }
        Some(removed)
    }

    /// Somebody talks; gives the name when that is news.
    pub(super) fn begin_burst(
        &mut self,
        number: CallNumber,
        talker: Option<&McpttId>,
        now: Instant,
    ) -> Option<String> {
        let who = talker.map_or_else(|| SOMEBODY.to_owned(), name_of);
        match self.calls.get_mut(&number)?.burst.as_mut() {
            Some(running) if running.who == who => return None,
            // Speech overtook the announcement.
            Some(running) if running.who == SOMEBODY => {
                running.who.clone_from(&who);
                return Some(who);
            }
            _ => {}
        }
        self.end_burst(number, now);
        self.calls.get_mut(&number)?.burst = Some(Burst::begin(who.clone(), now));
        Some(who)
    }

    /// A packet of speech was heard.
    pub(super) fn hear(&mut self, number: CallNumber, ssrc: u32, now: Instant) {
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        if let Some(burst) = &mut call.burst {
            return burst.hear(ssrc);
        }
        let late = |over: &&mut Over| over.call == number && over.burst.ssrc == Some(ssrc);
        if let Some(over) = self.over.iter_mut().rfind(late) {
            return over.burst.hear(ssrc);
        }
        let mut burst = Burst::begin(SOMEBODY.to_owned(), now);
        burst.hear(ssrc);
        call.burst = Some(burst);
    }

    /// Nobody talks any more.
    pub(super) fn end_burst(&mut self, number: CallNumber, now: Instant) {
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        let Some(burst) = call.burst.take() else {
            return;
        };
        self.over.push(Over {
            call: number,
            party: party_name(&call.party),
            lasted: burst.lasts(now),
            burst,
            settled: now + LATE_PACKETS,
        });
    }

    /// When the next burst that is over has settled.
    pub(super) fn settles(&self) -> Option<Instant> {
        self.over.iter().map(|over| over.settled).min()
    }

    /// Bursts that are over and settled.
    pub(super) fn take_settled(&mut self, now: Instant) -> Vec<Over> {
        self.over
            .extract_if(.., |over| over.settled <= now)
            .collect()
    }

    /// Every burst that is over, settled or not.
    pub(super) fn take_over(&mut self) -> Vec<Over> {
        core::mem::take(&mut self.over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roger_base::GroupId;

    const CALL: CallNumber = CallNumber(1);

    fn calls() -> Calls {
        let mut calls = Calls::default();
        calls.add(CALL, group(), CallStage::Answering);
        calls.establish(CALL);
        calls
    }

    fn group() -> CallParty {
        CallParty::Group(GroupId::new("sip:fire-1@mcptt.example.org").unwrap())
    }

    fn bob() -> McpttId {
        McpttId::new("sip:bob@mcptt.example.org").unwrap()
    }

    #[test]
    fn a_burst_is_announced_once_and_counts_what_is_heard_until_it_has_settled() {
        let (mut calls, now) = (calls(), Instant::now());
        assert_eq!(
            calls.begin_burst(CALL, Some(&bob()), now).as_deref(),
            Some("bob")
        );
        assert_eq!(calls.begin_burst(CALL, Some(&bob()), now), None);
        calls.hear(CALL, 7, now);
        let end = now + Duration::from_secs(2);
        calls.end_burst(CALL, end);
        calls.hear(CALL, 7, end);
        assert!(calls.take_settled(end).is_empty());
        let over = calls.take_settled(calls.settles().unwrap());
        let [over] = over.as_slice() else {
            panic!("{over:?}");
        };
        assert_eq!(
            (over.lasted, over.burst.packets),
            (Duration::from_secs(2), 2)
        );
        assert_eq!(over.party, "group fire-1");
    }

    #[test]
    fn speech_that_overtakes_its_announcement_belongs_to_it() {
        let (mut calls, now) = (calls(), Instant::now());
        calls.hear(CALL, 7, now);
        assert_eq!(
            calls.begin_burst(CALL, Some(&bob()), now).as_deref(),
            Some("bob")
        );
        calls.end_burst(CALL, now);
        let over = calls.take_over();
        assert_eq!((over.len(), over[0].burst.packets), (1, 1));
    }

    #[test]
    fn the_next_talker_ends_the_burst_of_the_last() {
        let (mut calls, now) = (calls(), Instant::now());
        calls.begin_burst(CALL, Some(&bob()), now);
        calls.begin_burst(CALL, None, now);
        assert_eq!(calls.take_over().len(), 1);
        assert_eq!(
            calls.get(CALL).unwrap().burst.as_ref().unwrap().who,
            SOMEBODY
        );
    }

    #[test]
    fn the_button_goes_back_to_the_call_before() {
        let mut calls = calls();
        let other = CallNumber(2);
        calls.add(other, CallParty::User(bob()), CallStage::Ringing);
        assert_eq!(calls.ringing(), Some(other));
        assert_eq!(calls.active().unwrap().0, CALL);
        calls.establish(other);
        assert_eq!((calls.ringing(), calls.active().unwrap().0), (None, other));
        calls.remove(other, Instant::now());
        assert_eq!(calls.active().unwrap().0, CALL);
        calls.remove(CALL, Instant::now());
        assert!(calls.active().is_none());
    }
}
