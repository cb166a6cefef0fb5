//! When a UE reports where it is (TS 24.379 cl. 13.3): triggers of its configuration, and requests.
//!
//! The position is handed in; nothing here looks for it. What fires within the least time between two reports waits and
//! goes out together; emergencies and requests do not wait.

use core::time::Duration;
use roger_base::Instant;
use roger_documents::location_info::{
    AreaChange, ConfigScope, Coordinate, Location, LocationConfiguration, LocationReport,
    MAX_TRIGGERS, ReportContent, ReportType, SignallingEvent, Trigger, TriggerEvent,
};
use std::collections::VecDeque;

/// Requests that wait for their report; more than these are not answered.
const MAX_REQUESTS: usize = 16;

/// Where a UE is, as its platform finds out. Never shown by `Debug`: [`Location`] sees to that, areas are cleared.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// Cell and coordinates, which reports hold.
    pub location: Location,
    /// Tracking area, which only triggers.
    pub tracking_area: Option<String>,
    /// PLMN, which only triggers.
    pub plmn: Option<String>,
}

impl Position {
    /// A place known by its coordinates alone, in degrees, north and east positive; nothing outside ±90 and ±180.
    #[must_use]
    pub fn from_degrees(latitude: f64, longitude: f64) -> Option<Self> {
        let coordinate = Coordinate::from_degrees(latitude, longitude)?;
        Some(Self {
            location: Location {
                serving_ecgi: None,
                coordinate: Some(coordinate),
            },
            ..Self::default()
        })
    }
}

impl core::fmt::Debug for Position {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Position")
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

/// A trigger and what it remembers.
struct Armed {
    trigger: Trigger,
    /// When a period ends.
    due: Option<Instant>,
    /// From where a distance counts.
    from: Option<Coordinate>,
}

impl Armed {
    fn new(trigger: Trigger, now: Instant, position: Option<&Position>) -> Self {
        let due = match trigger.event {
            TriggerEvent::Periodic(period) => Some(now + period),
            _ => None,
        };
        Self {
            trigger,
            due,
            from: position.and_then(|position| position.location.coordinate),
        }
    }
}

/// How far the log-on of a user has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum LogOn {
    /// There was none.
    #[default]
    Awaited,
    /// No configuration has seen it.
    Unseen,
    /// What it triggers has fired; refreshed authorisations are no log-on.
    Seen,
}

/// The reports of one UE.
#[derive(Default)]
pub(super) struct Reporter {
    configuration: Option<LocationConfiguration>,
    armed: Vec<Armed>,
    position: Option<Position>,
    /// The log-on of this user, once.
    log_on: LogOn,
    /// Triggers that fired and wait.
    fired: Vec<String>,
    emergency: bool,
    requests: VecDeque<String>,
    /// Before this nothing ordinary is reported.
    quiet_until: Option<Instant>,
}

impl Reporter {
    /// Nothing of the user stays; where the device is, is known of the device.
    pub(super) fn forget_user(&mut self) {
        *self = Self {
            position: self.position.take(),
            ..Self::default()
        };
    }

    /// A configuration came.
    pub(super) fn configure(&mut self, now: Instant, new: LocationConfiguration) {
        let mut triggers = match (new.scope, self.configuration.take()) {
            (ConfigScope::Update, Some(held)) => held.triggers,
            _ => Vec::new(),
        };
        triggers.retain(|held| new.triggers.iter().all(|trigger| trigger.id != held.id));
        triggers.extend(new.triggers);
        triggers.truncate(MAX_TRIGGERS);
        let arm = |trigger: &Trigger| Armed::new(trigger.clone(), now, self.position.as_ref());
        self.armed = triggers.iter().map(arm).collect();
        self.fired
            .retain(|id| triggers.iter().any(|trigger| trigger.id == *id));
        self.configuration = Some(LocationConfiguration { triggers, ..new });
        if self.log_on == LogOn::Unseen {
            self.log_on = LogOn::Seen;
            self.on_event(SignallingEvent::InitialLogOn);
        }
        self.on_event(SignallingEvent::ConfigurationReceived);
    }

    /// The user was authorised: a log-on counts when a configuration is there, or when it comes.
    pub(super) fn on_log_on(&mut self) {
        match (self.log_on, &self.configuration) {
            (LogOn::Awaited, Some(_)) => {
                self.log_on = LogOn::Seen;
                self.on_event(SignallingEvent::InitialLogOn);
            }
            (LogOn::Awaited, None) => self.log_on = LogOn::Unseen,
            _ => {}
        }
    }

    /// A procedure ran.
    pub(super) fn on_event(&mut self, event: SignallingEvent) {
        let wanted = TriggerEvent::Signalling(event);
        let fires = |armed: &&Armed| armed.trigger.event == wanted;
        let ids: Vec<String> = self.armed.iter().filter(fires).map(id).collect();
        self.emergency |= event.is_emergency() && !ids.is_empty();
        self.fire(ids);
    }

    /// The UE is somewhere else, or found out where it is.
    pub(super) fn on_position(&mut self, position: Position) {
        let before = self.position.replace(position);
        let Some(position) = &self.position else {
            return;
        };
        let mut ids = Vec::new();
        for armed in &mut self.armed {
            if moved(armed, before.as_ref(), position) {
                ids.push(armed.trigger.id.clone());
            }
        }
        self.fire(ids);
    }

    /// Somebody asks. A UE that does not know where it is says so.
    pub(super) fn on_request(&mut self, id: String) {
        if self.requests.len() < MAX_REQUESTS {
            self.requests.push_back(id);
        }
    }

    pub(super) fn on_timeout(&mut self, now: Instant) {
        let mut ids = Vec::new();
        for armed in &mut self.armed {
            let (Some(due), TriggerEvent::Periodic(period)) = (armed.due, &armed.trigger.event)
            else {
                continue;
            };
            if due <= now {
                // Periods that were slept through are not made up for.
                armed.due = Some(now + *period);
                ids.push(armed.trigger.id.clone());
            }
        }
        self.fire(ids);
    }

    fn fire(&mut self, ids: Vec<String>) {
        for id in ids {
            if !self.fired.contains(&id) && self.fired.len() < MAX_TRIGGERS {
                self.fired.push(id);
            }
        }
    }

    /// A report to send now.
    pub(super) fn poll(&mut self, now: Instant) -> Option<LocationReport> {
        if let Some(id) = self.requests.pop_front() {
            return Some(LocationReport {
                id: Some(id).filter(|id| !id.is_empty()),
                kind: ReportType::NonEmergency,
                triggers: Vec::new(),
                location: self.location(self.normal()),
            });
        }
        self.position.as_ref()?;
        let quiet = self.quiet_until.is_some_and(|until| now < until);
        if self.fired.is_empty() || (quiet && !self.emergency) {
            return None;
        }
        let emergency = core::mem::take(&mut self.emergency);
        let (kind, content) = if emergency {
            (ReportType::Emergency, self.in_emergency())
        } else {
            (ReportType::NonEmergency, self.normal())
        };
        self.quiet_until = Some(now + content.minimum_interval);
        Some(LocationReport {
            id: None,
            kind,
            triggers: core::mem::take(&mut self.fired),
            location: self.location(content),
        })
    }

    /// When something happens by itself.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let periods = self.armed.iter().filter_map(|armed| armed.due);
        let waits = !self.fired.is_empty() && self.position.is_some();
        periods.chain(self.quiet_until.filter(|_| waits)).min()
    }

    /// What reports hold; everything where no configuration says.
    fn normal(&self) -> ReportContent {
        self.configuration
            .as_ref()
            .map_or(EVERYTHING, |configuration| configuration.normal)
    }

    fn in_emergency(&self) -> ReportContent {
        self.configuration
            .as_ref()
            .map_or(EVERYTHING, |configuration| configuration.emergency)
    }

    fn location(&self, content: ReportContent) -> Location {
        let Some(position) = &self.position else {
            return Location::default();
        };
        let here = &position.location;
        Location {
            serving_ecgi: here.serving_ecgi.clone().filter(|_| content.serving_ecgi),
            coordinate: here.coordinate.filter(|_| content.coordinate),
        }
    }
}

const EVERYTHING: ReportContent = ReportContent {
    serving_ecgi: true,
    coordinate: true,
    minimum_interval: Duration::ZERO,
};

fn id(armed: &Armed) -> String {
    armed.trigger.id.clone()
}

/// Whether a new position fires a trigger.
fn moved(armed: &mut Armed, before: Option<&Position>, now: &Position) -> bool {
    let cell = |position: &Position| position.location.serving_ecgi.clone();
    let area = |position: &Position| position.tracking_area.clone();
    let plmn = |position: &Position| position.plmn.clone();
    match &armed.trigger.event {
        TriggerEvent::Cell(change) => changed(change, before.and_then(cell), cell(now)),
        TriggerEvent::TrackingArea(change) => changed(change, before.and_then(area), area(now)),
        TriggerEvent::Plmn(change) => changed(change, before.and_then(plmn), plmn(now)),
        TriggerEvent::TravelledDistance(metres) => {
            let metres = f64::from(*metres);
            travelled(&mut armed.from, now.location.coordinate, metres)
        }
        TriggerEvent::Periodic(_) | TriggerEvent::Signalling(_) => false,
    }
}

/// Whether a place changed as a trigger says; a place that is not known is neither entered nor left.
fn changed(change: &AreaChange, before: Option<String>, now: Option<String>) -> bool {
    if now.is_none() || before == now {
        return false;
    }
    match change {
        AreaChange::Any => before.is_some(),
        AreaChange::Enter(area) => now.as_ref() == Some(area),
        AreaChange::Exit(area) => before.as_ref() == Some(area),
    }
}

/// Whether the way from where the last count began is long enough; then it begins anew.
fn travelled(from: &mut Option<Coordinate>, now: Option<Coordinate>, metres: f64) -> bool {
    let Some(now) = now else {
        return false;
    };
    match *from {
        None => {
            *from = Some(now);
            false
        }
        Some(start) if start.distance(now) >= metres => {
            *from = Some(now);
            true
        }
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Instant {
        Instant::from_origin(Duration::from_secs(second))
    }

    fn position(cell: &str, north: f64) -> Position {
        Position {
            location: Location {
                serving_ecgi: Some(cell.to_owned()),
                coordinate: Coordinate::from_degrees(north, 11.0),
            },
            tracking_area: Some(format!("area of {cell}")),
            plmn: Some("26201".to_owned()),
        }
    }

    fn trigger(id: &str, event: TriggerEvent) -> Trigger {
        Trigger {
            id: id.to_owned(),
            event,
        }
    }

    fn configuration(interval: u64, triggers: Vec<Trigger>) -> LocationConfiguration {
        LocationConfiguration {
            scope: ConfigScope::Full,
            normal: ReportContent {
                serving_ecgi: true,
                coordinate: false,
                minimum_interval: Duration::from_secs(interval),
            },
            emergency: EVERYTHING,
            triggers,
        }
    }

    fn reporter(interval: u64, triggers: Vec<Trigger>) -> Reporter {
        let mut reporter = Reporter::default();
        reporter.on_position(position("c1", 48.0));
        reporter.configure(at(0), configuration(interval, triggers));
        reporter
    }

    fn ids(reporter: &mut Reporter, now: u64) -> Option<Vec<String>> {
        reporter.poll(at(now)).map(|report| report.triggers)
    }

    #[test]
    fn each_trigger_fires_by_its_event_and_by_no_other() {
        let area = |change| TriggerEvent::Cell(change);
        let name = |text: &str| text.to_owned();
        let triggers = vec![
            trigger("any", area(AreaChange::Any)),
            trigger("enter", area(AreaChange::Enter(name("c2")))),
            trigger("exit", area(AreaChange::Exit(name("c2")))),
            trigger("tracking", TriggerEvent::TrackingArea(AreaChange::Any)),
            trigger("plmn", TriggerEvent::Plmn(AreaChange::Any)),
            trigger("far", TriggerEvent::TravelledDistance(1_000)),
        ];
        let mut reporter = reporter(0, triggers);
        let mut step = |cell: &str, north: f64| {
            reporter.on_position(position(cell, north));
            ids(&mut reporter, 1).unwrap_or_default()
        };
        assert_eq!(step("c1", 48.001), Vec::<String>::new());
        assert_eq!(step("c2", 48.002), ["any", "enter", "tracking"]);
        assert_eq!(step("c2", 48.008), Vec::<String>::new());
        assert_eq!(step("c2", 48.010), ["far"]);
        assert_eq!(step("c2", 48.018), Vec::<String>::new());
        assert_eq!(step("c3", 48.010), ["any", "exit", "tracking"]);
    }

    #[test]
    fn a_period_that_was_slept_through_is_not_made_up_for() {
        let period = TriggerEvent::Periodic(Duration::from_secs(60));
        let mut reporter = reporter(0, vec![trigger("p", period)]);
        assert_eq!(reporter.deadline(), Some(at(60)));
        reporter.on_timeout(at(59));
        assert_eq!(ids(&mut reporter, 59), None);
        reporter.on_timeout(at(300));
        assert_eq!(ids(&mut reporter, 300), Some(vec!["p".to_owned()]));
        assert_eq!(ids(&mut reporter, 300), None);
        assert_eq!(reporter.deadline(), Some(at(360)));
    }

    #[test]
    fn what_fires_too_soon_waits_and_goes_together_but_an_emergency_does_not() {
        let event = |event| TriggerEvent::Signalling(event);
        let mut reporter = reporter(
            10,
            vec![
                trigger("call", event(SignallingEvent::GroupCall)),
                trigger("private", event(SignallingEvent::PrivateCall)),
                trigger("alert", event(SignallingEvent::EmergencyAlert)),
            ],
        );
        reporter.on_event(SignallingEvent::GroupCall);
        assert_eq!(ids(&mut reporter, 0), Some(vec!["call".to_owned()]));
        reporter.on_event(SignallingEvent::PrivateCall);
        reporter.on_event(SignallingEvent::GroupCall);
        assert_eq!(ids(&mut reporter, 9), None);
        assert_eq!(reporter.deadline(), Some(at(10)));
        assert_eq!(
            ids(&mut reporter, 10),
            Some(vec!["private".to_owned(), "call".to_owned()])
        );
        reporter.on_event(SignallingEvent::EmergencyAlert);
        let report = reporter.poll(at(11)).unwrap();
        assert_eq!(report.kind, ReportType::Emergency);
        assert!(report.location.coordinate.is_some());
    }

    #[test]
    fn a_log_on_counts_when_the_configuration_comes_after_it() {
        let log_on = TriggerEvent::Signalling(SignallingEvent::InitialLogOn);
        let mut reporter = Reporter::default();
        reporter.on_log_on();
        reporter.configure(at(1), configuration(0, vec![trigger("on", log_on)]));
        assert_eq!(ids(&mut reporter, 1), None, "it does not know where it is");
        reporter.on_position(position("c1", 48.0));
        let report = reporter.poll(at(2)).unwrap();
        assert_eq!(report.triggers, ["on"]);
        assert_eq!(report.location.serving_ecgi.as_deref(), Some("c1"));
        assert_eq!(report.location.coordinate, None, "it is not configured");
        reporter.on_log_on();
        assert_eq!(ids(&mut reporter, 3), None, "a refresh is no log-on");
    }

    #[test]
    fn the_next_user_reports_by_his_own_configuration_where_the_device_is() {
        let log_on = TriggerEvent::Signalling(SignallingEvent::InitialLogOn);
        let mut reporter = reporter(0, vec![trigger("on", log_on.clone())]);
        reporter.on_log_on();
        reporter.forget_user();
        assert_eq!(ids(&mut reporter, 1), None, "that was the former user");
        reporter.on_log_on();
        assert_eq!(ids(&mut reporter, 2), None, "nobody wants to know");
        reporter.configure(at(3), configuration(0, vec![trigger("on", log_on)]));
        let report = reporter.poll(at(3)).unwrap();
        assert_eq!(report.location.serving_ecgi.as_deref(), Some("c1"));
    }

    #[test]
    fn degrees_outside_the_earth_are_no_position() {
        assert!(Position::from_degrees(-90.0, 180.0).is_some());
        for (latitude, longitude) in [
            (90.01, 0.0),
            (0.0, -180.01),
            (f64::NAN, 0.0),
            (0.0, f64::INFINITY),
        ] {
            assert_eq!(Position::from_degrees(latitude, longitude), None);
        }
    }

    #[test]
    fn a_request_is_answered_at_once_and_requests_are_bounded() {
        let mut reporter = Reporter::default();
        for number in 0..MAX_REQUESTS + 5 {
            reporter.on_request(number.to_string());
        }
        let mut answers = 0;
        while let Some(report) = reporter.poll(at(0)) {
            assert_eq!(report.id, Some(answers.to_string()));
            assert_eq!(report.location, Location::default());
            answers += 1;
        }
        assert_eq!(answers, MAX_REQUESTS);
    }

    #[test]
    fn an_update_adds_and_replaces_and_a_full_one_clears() {
        let event = |event| TriggerEvent::Signalling(event);
        let mut reporter = reporter(
            0,
            vec![
                trigger("a", event(SignallingEvent::GroupCall)),
                trigger("b", event(SignallingEvent::GroupCall)),
            ],
        );
        let update = LocationConfiguration {
            scope: ConfigScope::Update,
            ..configuration(0, vec![trigger("b", event(SignallingEvent::PrivateCall))])
        };
        reporter.configure(at(1), update);
        reporter.on_event(SignallingEvent::GroupCall);
        assert_eq!(ids(&mut reporter, 1), Some(vec!["a".to_owned()]));
        reporter.on_event(SignallingEvent::PrivateCall);
        assert_eq!(ids(&mut reporter, 1), Some(vec!["b".to_owned()]));
        reporter.configure(at(2), configuration(0, vec![]));
        reporter.on_event(SignallingEvent::GroupCall);
        assert_eq!(ids(&mut reporter, 2), None);
    }
}
