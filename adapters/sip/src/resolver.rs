//! Lookups as a whole: a locator, somebody to ask, and bounds.

use crate::dns::Dns;
use core::time::Duration;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use roger_base::Random;
use roger_sip::locate::{Abilities, Answer, Hop, LocateError, Locator, Output, Query};
use roger_sip::uri::Uri;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Bounds of lookups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResolverSettings {
    /// Longest time for all questions of one lookup.
    pub deadline: Duration,
    /// Lookups at a time; further ones wait, within their deadline.
    pub concurrent: usize,
}

impl Default for ResolverSettings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(8),
            concurrent: 64,
        }
    }
}

/// Finds servers (RFC 3263).
pub struct SipResolver {
    dns: Arc<dyn Dns>,
    abilities: Abilities,
    deadline: Duration,
    turns: Semaphore,
}

impl SipResolver {
    /// Finds servers that can be reached with these abilities.
    #[must_use]
    pub fn new(dns: Arc<dyn Dns>, abilities: Abilities, settings: ResolverSettings) -> Self {
        Self {
            dns,
            abilities,
            deadline: settings.deadline,
            turns: Semaphore::new(settings.concurrent.max(1)),
        }
    }

    /// Servers of a URI, the first to try first.
    ///
    /// # Errors
    /// [`LocateError`]; [`LocateError::PeerSilent`] also when the deadline has passed.
    pub async fn locate(
        &self,
        uri: &Uri,
        random: &mut (dyn Random + '_),
    ) -> Result<Vec<Hop>, LocateError> {
        let mut locator = Locator::new(uri, self.abilities.clone())?;
        let looking = async {
            let _turn = self.turns.acquire().await;
            self.run(&mut locator, random).await
        };
        let found = timeout(self.deadline, looking).await;
        found.unwrap_or(Err(LocateError::PeerSilent))
    }

    /// All questions that are open are asked at the same time.
    async fn run(
        &self,
        locator: &mut Locator,
        random: &mut (dyn Random + '_),
    ) -> Result<Vec<Hop>, LocateError> {
        let mut open = FuturesUnordered::new();
        loop {
            while let Some(output) = locator.poll() {
                match output {
                    Output::Ask(query) => open.push(self.ask(query)),
                    Output::Found(hops) => return Ok(hops),
                    Output::Failed(error) => return Err(error),
                }
            }
            let Some((query, answer)) = open.next().await else {
                // A locator without a question has its outcome; this is not reached.
                return Err(LocateError::PeerSilent);
            };
            locator.handle(random, &query, answer);
        }
    }

    async fn ask(&self, query: Query) -> (Query, Answer) {
        let answer = self.dns.ask(&query).await;
        (query, answer)
    }
}
