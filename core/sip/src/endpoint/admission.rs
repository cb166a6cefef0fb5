//! What is admitted, decided before a transaction exists (RFC 3261 21.5.4, RFC 4412 4.7).

use super::flow::Flow;
use super::receive::mark_source;
use super::{Endpoint, EndpointError};
use crate::message::{HeaderName, Message, Method, Request, Response, StatusCode};
use crate::overload::{Glance, Rank, Standing};
use crate::validate::validate;
use core::time::Duration;
use roger_base::Instant;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Octets beyond which a request that was shed was too long rather than one too many.
const LONG: usize = 16 * 1024;

/// Answers of 513 a second.
pub(super) const LONG_REFUSALS: u32 = 100;

impl Endpoint {
    /// Tells how long the message that comes next has waited before it was handed in. New requests are refused
    /// while that is too long for their rank ([`Shedding`](super::Shedding)).
    pub const fn set_queue_delay(&mut self, delay: Duration) {
        self.queue_delay = delay;
    }

    /// Refuses a request for which there was no place in the queue before this element, without any state: 503
    /// with Retry-After, or 513 when it is long. Responses and ACKs are dropped, and so is everything once more
    /// than [`Shedding::refusals`](super::Shedding::refusals) were sent in a second: to answer all is work too.
    pub fn shed(&mut self, now: Instant, flow: Flow, octets: &[u8]) {
        self.counters.overloaded += 1;
        let is_long = octets.len() > LONG;
        let budget = if is_long {
            &mut self.long_refusals
        } else {
            &mut self.refusals
        };
        // To read a message costs most of what its answer costs.
        if !budget.take(now) {
            self.counters.unanswered += 1;
            return;
        }
        let Ok(Message::Request(mut request)) =
            Message::parse_datagram(octets, &self.settings.limits)
        else {
            return;
        };
        if mark_source(&mut request, flow).is_ok() && validate(&request).is_ok() {
            if is_long {
                let response = Response::to(&request, StatusCode::MESSAGE_TOO_LARGE);
                self.refuse(flow, &request, response);
            } else {
                self.answer_overload(flow, &request);
            }
        }
    }

    /// Sheds load before a transaction exists, by rank: strangers first, emergencies last.
    pub(super) fn admit(
        &mut self,
        now: Instant,
        (flow, standing): (Flow, Standing),
        request: &Request,
    ) -> Result<(), EndpointError> {
        let rank = Rank::of(standing, &Glance::of_request(request));
        let full = self.servers.len() >= self.room_for(rank);
        if !full && self.queue_delay <= self.settings.shedding.longest_delay(rank) {
            return Ok(());
        }
        self.counters.overloaded += 1;
        if self.refusals.take(now) {
            self.answer_overload(flow, request);
        } else {
            self.counters.unanswered += 1;
        }
        Err(EndpointError::LocalFull(if full {
            "server transactions"
        } else {
            "messages that wait"
        }))
    }

    /// Server transactions above which a rank is not admitted: strangers may take half of what is not reserved,
    /// so that they never keep those out who are known.
    fn room_for(&self, rank: Rank) -> usize {
        let all = self.servers.limit();
        let unreserved = all.saturating_sub(self.settings.capacity.reserved);
        match rank {
            Rank::Stranger => unreserved / 2,
            Rank::Known => unreserved,
            Rank::Queueing(_) | Rank::Begun | Rank::Preempting(_) => all,
        }
    }

    fn answer_overload(&mut self, flow: Flow, request: &Request) {
        if *request.method() == Method::Ack {
            return;
        }
        let mut response = Response::to(request, StatusCode::SERVICE_UNAVAILABLE);
        let seconds = spread(self.settings.retry_after, request);
        if response
            .headers_mut()
            .set(HeaderName::RETRY_AFTER, seconds.to_string())
            .is_ok()
        {
            self.answer_stateless(flow, request, response);
        }
    }
}

/// Seconds from the time set to twice of it, the same for the same call: who was refused together must not
/// come back together.
fn spread(time: Duration, request: &Request) -> u64 {
    let seconds = time.as_secs().max(1);
    let mut hasher = DefaultHasher::new();
    request.headers().get(HeaderName::CALL_ID).hash(&mut hasher);
    seconds + hasher.finish() % (seconds + 1)
}
