//! When the UEs of a system report where they are (TS 24.379 cl. 13.2.2).

use core::time::Duration;
use roger_documents::location_info::{
    ConfigScope, LocationConfiguration, ReportContent, SignallingEvent, Trigger, TriggerEvent,
};

/// Least time between two reports of one UE, but for emergencies.
const LEAST_INTERVAL: Duration = Duration::from_secs(5);
/// Metres on the way after which a UE reports.
const DISTANCE: u32 = 100;

/// What a dispatcher of a small system would want: a report at log-on, at each call, and on the move.
pub(crate) fn usual_location_reports() -> LocationConfiguration {
    let trigger = |id: &str, event| Trigger {
        id: id.to_owned(),
        event,
    };
    LocationConfiguration {
        scope: ConfigScope::Full,
        normal: everything_after(LEAST_INTERVAL),
        emergency: everything_after(Duration::ZERO),
        triggers: vec![
            trigger("moved", TriggerEvent::TravelledDistance(DISTANCE)),
            trigger(
                "log-on",
                TriggerEvent::Signalling(SignallingEvent::InitialLogOn),
            ),
            trigger(
                "group-call",
                TriggerEvent::Signalling(SignallingEvent::GroupCall),
            ),
            trigger(
                "private-call",
                TriggerEvent::Signalling(SignallingEvent::PrivateCall),
            ),
        ],
    }
}

const fn everything_after(minimum_interval: Duration) -> ReportContent {
    ReportContent {
        serving_ecgi: true,
        coordinate: true,
        minimum_interval,
    }
}
