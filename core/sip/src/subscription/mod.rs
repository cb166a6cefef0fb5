//! Event subscriptions and publications, sans-IO (RFC 6665, RFC 3903).
//!
//! A machine says *that* a SUBSCRIBE or NOTIFY is due and what its event headers are; the dialog and the
//! transaction belong to the [`Endpoint`](crate::endpoint::Endpoint).

mod notifier;
mod publication;
mod state;
mod subscriber;

pub use notifier::{Content, Notifier, NotifierOutput, QueueFull};
pub use publication::{EntityTag, EventStates, Publication, PublicationError, PublishKind};
pub use state::EndReason;
pub use subscriber::{Subscriber, SubscriberOutput};

pub use crate::header::{SubscriptionState, SubscriptionStatus};

use core::time::Duration;

/// Longest lead before the expiry at which a refresh is sent (TS 24.229 cl. 5.1.1.4.1 has the same rule).
const REFRESH_LEAD: Duration = Duration::from_secs(600);

/// Time after which something that lives this long is refreshed: 600 s before its end when it lives longer
/// than 1200 s, else after half of its life.
#[must_use]
pub fn refresh_after(life: Duration) -> Duration {
    if life > REFRESH_LEAD.saturating_mul(2) {
        life.saturating_sub(REFRESH_LEAD)
    } else {
        life / 2
    }
}
