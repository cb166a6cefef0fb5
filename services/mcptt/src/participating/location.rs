//! Where clients are (TS 24.379 cl. 13.2): they are told when to report, they report, and users with the right to it
//! ask for the place of another.
//!
//! Of each client the last report is kept, and only while the client is bound.

use super::ParticipatingFunction;
use super::agenda::Agenda;
use super::message::{Denied, MessagePurpose, target_of};
use core::time::Duration;
use roger_base::{Impu, Instant, McpttId, UnixTime};
use roger_call::body::Body;
use roger_call::warning::WarningCode;
use roger_documents::location_info::{
    LocationConfiguration, LocationInfo, LocationReport, LocationRequest,
};
use roger_documents::mcptt_info::McpttInfo;
use roger_sip::application::Context;
use roger_sip::endpoint::ident;
use roger_sip::message::StatusCode;
use std::collections::HashMap;
use tracing::{info, warn};

/// A client takes its new key when the answer to its authorisation has come; only then it can open a MESSAGE.
const SETTLE: Duration = Duration::from_secs(1);
/// Time between two clients that are told a new configuration.
const BETWEEN: Duration = Duration::from_millis(1);
/// Time until a client that did not take its configuration is told again.
const RETRY: Duration = Duration::from_secs(10);
/// How often it is told.
const MAX_ATTEMPTS: u32 = 4;
/// How long a client may take to answer a request.
const PATIENCE: Duration = Duration::from_secs(30);
/// Requests under way in all, and of one requester.
const MAX_REQUESTS: usize = 4096;
const MAX_OF_ONE: usize = 16;

/// The last report of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownLocation {
    /// The report.
    pub report: LocationReport,
    /// When it came.
    pub at: UnixTime,
}

/// A request that a client has not answered yet.
struct Asked {
    /// Who has to answer.
    target: Impu,
    /// Who asked: nobody when this function did.
    requester: Option<Impu>,
}

/// Configuration, reports and requests.
#[derive(Default)]
pub(super) struct Locations {
    configuration: Option<LocationConfiguration>,
    /// Clients to be told the configuration, and how often they were.
    untold: Agenda<Impu>,
    attempts: HashMap<Impu, u32>,
    reports: HashMap<Impu, KnownLocation>,
    /// By id of the request.
    asked: HashMap<String, Asked>,
    outdated: Agenda<String>,
}

impl Locations {
    fn tell(&mut self, impu: &Impu, at: Instant) {
        self.attempts.remove(impu);
        let wanted = self.configuration.is_some();
        self.untold.set(impu, wanted.then_some(at));
    }

    /// The client is gone, and with it what is known of where it was.
    pub(super) fn forget(&mut self, impu: &Impu) {
        self.reports.remove(impu);
        self.attempts.remove(impu);
        self.untold.set(impu, None);
        let of_client = |asked: &Asked| {
            asked.target == *impu || asked.requester.as_ref().is_some_and(|by| by == impu)
        };
        let gone = self.asked.iter().filter(|(_, asked)| of_client(asked));
        let gone: Vec<String> = gone.map(|(id, _)| id.clone()).collect();
        for id in gone {
            self.take_request(&id);
        }
    }

    /// For the log: the triggers of a report that the configuration names. What else a client writes there is its own.
    fn own_triggers(&self, report: &LocationReport) -> String {
        let configured = self.configuration.iter().flat_map(|held| &held.triggers);
        let fired = configured.filter(|own| report.triggers.contains(&own.id));
        let ids: Vec<&str> = fired.map(|own| own.id.as_str()).collect();
        ids.join(" ")
    }

    fn take_request(&mut self, id: &String) -> Option<Asked> {
        self.outdated.set(id, None);
        self.asked.remove(id)
    }

    /// The client took its configuration, or did not; `None` when it did not answer.
    pub(super) fn on_configured(&mut self, impu: &Impu, status: Option<StatusCode>, now: Instant) {
        match status {
            Some(status) if status.is_provisional() => {}
            Some(status) if status.is_success() => {
                self.attempts.remove(impu);
            }
            _ => self.try_again(impu, now),
        }
    }

    fn try_again(&mut self, impu: &Impu, now: Instant) {
        let attempts = self.attempts.entry(impu.clone()).or_default();
        *attempts += 1;
        if *attempts < MAX_ATTEMPTS {
            self.untold.set(impu, Some(now + RETRY));
        } else {
            self.attempts.remove(impu);
        }
    }

    /// Gives up requests that nobody answered.
    pub(super) fn forget_old_requests(&mut self, now: Instant) {
        for id in self.outdated.due(now) {
            self.take_request(&id);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let times = [self.untold.next(), self.outdated.next()];
        times.into_iter().flatten().min()
    }

    fn is_full(&self, requester: Option<&Impu>) -> bool {
        let of_one = |asked: &&Asked| asked.requester.as_ref() == requester;
        self.asked.len() >= MAX_REQUESTS
            || (requester.is_some() && self.asked.values().filter(of_one).count() >= MAX_OF_ONE)
    }
}

impl ParticipatingFunction {
    /// The last report of a user's clients, newest authorised client first.
    #[must_use]
    pub fn locations_of(&self, user: &McpttId) -> Vec<&KnownLocation> {
        let clients = self.bindings.of_user(user).into_iter();
        clients
            .filter_map(|(impu, _)| self.locations.reports.get(impu))
            .collect()
    }

    /// A client that was not here before: it is affiliated to what its user's profile says, and told when to report.
    pub(super) fn on_new_client(&mut self, context: &mut Context<'_>, impu: &Impu) {
        self.affiliate_implicitly(context, impu);
        self.locations.tell(impu, context.now + SETTLE);
    }

    pub(super) fn configure_locations(
        &mut self,
        context: &mut Context<'_>,
        configuration: LocationConfiguration,
    ) {
        self.locations.configuration = Some(configuration);
        // One client after the other, so that many do not answer at once.
        let mut at = context.now;
        for impu in self.bindings.identities() {
            self.locations.tell(&impu, at);
            at = at + BETWEEN;
        }
        self.send_due_configurations(context);
    }

    pub(super) fn send_due_configurations(&mut self, context: &mut Context<'_>) {
        for impu in self.locations.untold.due(context.now) {
            self.locations.untold.set(&impu, None);
            let Some(configuration) = self.locations.configuration.clone() else {
                continue;
            };
            let document = LocationInfo::Configuration(configuration);
            let body = Body::new().with_document(&document);
            let purpose = MessagePurpose::LocationConfiguration(impu.clone());
            if !self.send_message(context, &impu, McpttInfo::default(), body, purpose) {
                self.locations.try_again(&impu, context.now);
            }
        }
    }

    /// This function itself wants to know where a user is.
    pub(super) fn request_location(&mut self, context: &mut Context<'_>, user: &McpttId) {
        if self.ask(context, user, None).is_err() {
            warn!("a location was asked for and the user is not here, or too many are asked");
        }
    }

    // From clients --------------------------------------------------------------------------------------------

    pub(super) fn on_location(
        &mut self,
        context: &mut Context<'_>,
        impu: &Impu,
        user: &McpttId,
        body: &Body,
    ) -> Result<(), Denied> {
        let info: LocationInfo = body.required().map_err(|error| error.warning())?;
        match info {
            LocationInfo::Report(report) => {
                self.on_report(context, impu, user, report);
                Ok(())
            }
            LocationInfo::Request(_) => self.on_location_request(context, impu, user, body),
            // Only the function configures.
            LocationInfo::Configuration(_) => Err(WarningCode::FUNCTION_NOT_ALLOWED.into()),
        }
    }

    /// A report: kept, and passed on to who asked for it. A client answers only what it was asked itself.
    fn on_report(
        &mut self,
        context: &mut Context<'_>,
        impu: &Impu,
        user: &McpttId,
        report: LocationReport,
    ) {
        let triggers = self.locations.own_triggers(&report);
        info!(%impu, kind = ?report.kind, triggers, "location reported");
        let of_this = |id: &&String| {
            let asked = self.locations.asked.get(*id);
            asked.is_some_and(|asked| asked.target == *impu)
        };
        let answered = report.id.as_ref().filter(of_this).cloned();
        let asked = answered.and_then(|id| self.locations.take_request(&id));
        if let Some(requester) = asked.and_then(|asked| asked.requester) {
            self.pass_on(context, &requester, user, report.clone());
        }
        self.keep_report(impu, report, context.utc);
    }

    /// One report a client, so that what is kept is bounded by the bindings.
    fn keep_report(&mut self, impu: &Impu, report: LocationReport, at: UnixTime) {
        let known = KnownLocation { report, at };
        self.locations.reports.insert(impu.clone(), known);
    }

    /// The report that an INVITE of an emergency carries (TS 24.379 cl. 6.2.8.1, 10.1.1.2.1.1). One that cannot be read
    /// does not hold up the call.
    pub(super) fn keep_location_of_call(&mut self, impu: &Impu, body: &Body, at: UnixTime) {
        match body.document() {
            Ok(Some(LocationInfo::Report(report))) => self.keep_report(impu, report, at),
            Ok(_) => {}
            Err(error) => info!(%impu, %error, "the location of a call could not be read"),
        }
    }

    /// The requester has to have the right still.
    fn pass_on(
        &mut self,
        context: &mut Context<'_>,
        requester: &Impu,
        user: &McpttId,
        report: LocationReport,
    ) {
        if !self.may_ask(requester) {
            return;
        }
        let info = McpttInfo {
            calling_user_id: Some(user.clone()),
            ..McpttInfo::default()
        };
        // The id is between this function and the client that answered.
        let report = LocationReport { id: None, ..report };
        let body = Body::new().with_document(&LocationInfo::Report(report));
        self.send_message(context, requester, info, body, MessagePurpose::Delivery);
    }

    fn may_ask(&self, requester: &Impu) -> bool {
        let binding = self.bindings.get(requester);
        let profile = binding.and_then(|binding| self.profiles.profile(&binding.user));
        profile.is_some_and(|profile| profile.request_location_of_others.is_granted())
    }

    /// A user asks where another is (cl. 13.2.3).
    fn on_location_request(
        &mut self,
        context: &mut Context<'_>,
        impu: &Impu,
        user: &McpttId,
        body: &Body,
    ) -> Result<(), Denied> {
        let target = target_of(body)?;
        // Whoever may not ask does not learn either who is here.
        if !self.may_ask(impu) {
            return Err(WarningCode::FUNCTION_NOT_ALLOWED.into());
        }
        if target == *user {
            return Err(WarningCode::INVALID_BODY.into());
        }
        self.ask(context, &target, Some(impu))
    }

    fn ask(
        &mut self,
        context: &mut Context<'_>,
        target: &McpttId,
        requester: Option<&Impu>,
    ) -> Result<(), Denied> {
        for impu in self.identities_of(target)? {
            if self.locations.is_full(requester) {
                return Err(Denied::Busy);
            }
            let Ok(id) = ident::tag(context.random) else {
                return Err(Denied::Busy);
            };
            let request = LocationRequest { id: id.clone() };
            let body = Body::new().with_document(&LocationInfo::Request(request));
            let info = McpttInfo::default();
            if !self.send_message(context, &impu, info, body, MessagePurpose::Delivery) {
                return Err(Denied::Busy);
            }
            let until = context.now + PATIENCE;
            self.locations.outdated.set(&id, Some(until));
            let asked = Asked {
                target: impu,
                requester: requester.cloned(),
            };
            self.locations.asked.insert(id, asked);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roger_documents::location_info::{Trigger, TriggerEvent};

    fn at(second: u64) -> Instant {
        Instant::from_origin(Duration::from_secs(second))
    }

    fn impu(number: u8) -> Impu {
        Impu::new(format!("sip:u{number}@ims")).unwrap()
    }

    #[test]
    fn a_client_that_does_not_take_its_configuration_is_told_a_few_times() {
        let mut locations = Locations {
            configuration: Some(LocationConfiguration::default()),
            ..Locations::default()
        };
        locations.tell(&impu(1), at(0));
        let mut told = 0;
        while let Some(time) = locations.deadline() {
            told += 1;
            locations.untold.set(&impu(1), None);
            locations.on_configured(&impu(1), None, time);
        }
        assert_eq!(told, MAX_ATTEMPTS);
        assert!(locations.attempts.is_empty());
    }

    #[test]
    fn the_log_names_no_trigger_that_the_client_made_up() {
        let trigger = |id: &str| Trigger {
            id: id.to_owned(),
            event: TriggerEvent::TravelledDistance(100),
        };
        let locations = Locations {
            configuration: Some(LocationConfiguration {
                triggers: vec![trigger("moved"), trigger("log-on"), trigger("other")],
                ..LocationConfiguration::default()
            }),
            ..Locations::default()
        };
        let report = LocationReport {
            triggers: ["log-on", "at 61.4977 23.7609", "moved"]
                .map(str::to_owned)
                .into(),
            ..LocationReport::default()
        };
        assert_eq!(locations.own_triggers(&report), "moved log-on");
        assert_eq!(Locations::default().own_triggers(&report), "");
    }

    #[test]
    fn who_is_gone_leaves_nothing() {
        let mut locations = Locations::default();
        for (id, target, requester) in [("a", 1, 2), ("b", 2, 1), ("c", 3, 4)] {
            let asked = Asked {
                target: impu(target),
                requester: Some(impu(requester)),
            };
            locations.asked.insert(id.to_owned(), asked);
            locations.outdated.set(&id.to_owned(), Some(at(30)));
        }
        let report = LocationReport::default();
        let known = KnownLocation {
            report,
            at: UnixTime(1),
        };
        locations.reports.insert(impu(1), known);
        locations.forget(&impu(1));
        assert_eq!(locations.asked.keys().collect::<Vec<_>>(), ["c"]);
        assert!(locations.reports.is_empty());
        locations.forget_old_requests(at(31));
        assert!(locations.asked.is_empty() && locations.deadline().is_none());
    }
}
