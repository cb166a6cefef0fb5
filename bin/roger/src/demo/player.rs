//! A UE on the stage, with a journal of what happened to it.

use super::StoryError;
use crate::capture::Capture;
use crate::system::{Person, System};
use core::time::Duration;
use roger_adapter_rtp::{Tap, TapScope};
use roger_base::{McpttId, WireTap};
use roger_ue::client::{CallNumber, UeEvent, UeInput};
use roger_ue::shell::{SipTap, Taps, Ue};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

/// Longest wait for something that should happen at once; generous, for busy machines.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// What happened to one UE.
#[derive(Default)]
struct Journal {
    events: Vec<UeEvent>,
    /// Speech heard, by call: packets are too many to be kept as events.
    heard: HashMap<CallNumber, Heard>,
}

/// Speech heard in one call.
#[derive(Debug, Clone, Copy, Default)]
struct Heard {
    packets: usize,
    /// Source and timestamp of the packet heard last.
    last: Option<(u32, u32)>,
}

#[derive(Default)]
struct Shared {
    journal: Mutex<Journal>,
    news: Notify,
}

impl Shared {
    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A UE with its person.
pub(super) struct Player {
    pub(super) person: Person,
    pub(super) ue: Arc<Ue>,
    shared: Arc<Shared>,
}

/// A place in a journal: what is expected comes after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(usize);

impl Player {
    /// Starts the UE of a person at the address of that number.
    pub(super) async fn start(
        system: &System,
        person: &Person,
        number: usize,
        capture: &Capture,
    ) -> Result<Self, StoryError> {
        let tap: Arc<dyn WireTap> = Arc::new(capture.clone());
        let taps = Taps {
            media: Tap::new(Arc::clone(&tap), TapScope::Sent),
            sip: Some(SipTap {
                tap,
                scope: system.sip_options.core.tap_scope(),
            }),
        };
        let config = system
            .ue_profile(person)
            .config(system.addresses.ue(number), taps)?;
        let (ue, events) = Ue::start(config).await?;
        let shared = Arc::new(Shared::default());
        tokio::spawn(keep_journal(Arc::clone(&shared), events));
        Ok(Self {
            person: person.clone(),
            ue: Arc::new(ue),
            shared,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.person.login
    }

    pub(super) const fn id(&self) -> &McpttId {
        &self.person.mcptt_id
    }

    pub(super) fn input(&self, input: UeInput) {
        self.ue.input(input);
    }

    /// Now, in the journal.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.shared.journal().events.len())
    }

    /// Waits for an event after `mark`.
    ///
    /// # Errors
    /// [`StoryError::Missing`] saying what came instead.
    pub(super) async fn expect<T>(
        &self,
        mark: Mark,
        what: &str,
        wanted: impl Fn(&UeEvent) -> Option<T>,
    ) -> Result<T, StoryError> {
        let found = timeout(PATIENCE, self.wait(|journal| journal.find(mark, &wanted))).await;
        found.map_err(|_| StoryError::Missing {
            who: self.name().to_owned(),
            what: what.to_owned(),
            instead: self.shared.journal().since(mark),
        })
    }

    /// Waits until so many packets of speech were heard in a call.
    ///
    /// # Errors
    /// [`StoryError::Missing`].
    pub(super) async fn expect_speech(
        &self,
        call: CallNumber,
        packets: usize,
    ) -> Result<(), StoryError> {
        let enough = |journal: &Journal| (journal.heard(call) >= packets).then_some(());
        let found = timeout(PATIENCE, self.wait(enough)).await;
        found.map_err(|_| StoryError::Missing {
            who: self.name().to_owned(),
            what: format!("{packets} packets of speech"),
            instead: format!("{} packets", self.heard(call)),
        })
    }

    /// Waits until the packet that another listener heard last has come here too. Packets cross the servers as they
    /// are, so that they are the same for everybody.
    ///
    /// # Errors
    /// [`StoryError::Missing`].
    pub(super) async fn expect_end_of_speech(
        &self,
        call: CallNumber,
        other: &Self,
        others_call: CallNumber,
    ) -> Result<(), StoryError> {
        let last = other.shared.journal().last(others_call);
        let arrived = |journal: &Journal| (journal.last(call) == last).then_some(());
        let found = timeout(PATIENCE, self.wait(arrived)).await;
        found.map_err(|_| StoryError::Missing {
            who: self.name().to_owned(),
            what: "the end of the burst".to_owned(),
            instead: format!("{} packets", self.heard(call)),
        })
    }

    /// Packets of speech heard in a call.
    pub(super) fn heard(&self, call: CallNumber) -> usize {
        self.shared.journal().heard(call)
    }

    /// Whether something happened after `mark` up to now.
    pub(super) fn happened(&self, mark: Mark, wanted: impl Fn(&UeEvent) -> bool) -> bool {
        let found = |event: &UeEvent| wanted(event).then_some(());
        self.shared.journal().find(mark, &found).is_some()
    }

    async fn wait<T>(&self, look: impl Fn(&Journal) -> Option<T>) -> T {
        loop {
            let news = self.shared.news.notified();
            tokio::pin!(news);
            // Registered before looking, so that nothing is missed between the two.
            news.as_mut().enable();
            if let Some(found) = look(&self.shared.journal()) {
                return found;
            }
            news.await;
        }
    }
}

impl Journal {
    fn heard(&self, call: CallNumber) -> usize {
        self.heard.get(&call).map_or(0, |heard| heard.packets)
    }

    fn last(&self, call: CallNumber) -> Option<(u32, u32)> {
        self.heard.get(&call).and_then(|heard| heard.last)
    }

    fn find<T>(&self, mark: Mark, wanted: &impl Fn(&UeEvent) -> Option<T>) -> Option<T> {
        self.events.iter().skip(mark.0).find_map(wanted)
    }

    /// What happened since, in short, for an error message. Events hold no secrets.
    fn since(&self, mark: Mark) -> String {
        const SHOWN: usize = 8;
        let events: Vec<String> = self
            .events
            .iter()
            .skip(mark.0)
            .rev()
            .take(SHOWN)
            .map(|event| format!("{event:?}"))
            .collect();
        if events.is_empty() {
            return "nothing".to_owned();
        }
        events.into_iter().rev().collect::<Vec<_>>().join(", ")
    }
}

async fn keep_journal(shared: Arc<Shared>, mut events: mpsc::Receiver<UeEvent>) {
    while let Some(event) = events.recv().await {
        {
            let mut journal = shared.journal();
            match event {
                UeEvent::Speech(call, speech) => {
                    let heard = journal.heard.entry(call).or_default();
                    heard.packets += 1;
                    heard.last = Some((speech.ssrc, speech.timestamp));
                }
                event => journal.events.push(event),
            }
        }
        shared.news.notify_waiters();
    }
}
