//! Controlling function: group and private calls, affiliation of groups, floor control, media distribution
//! (TS 24.379 cl. 6.3.3, 9.2.2.3, 10.1.1.4, 11.1.1.4).

mod admission;
mod affiliation;
mod call;
mod invite;
mod leg;
mod member;
mod prearranged_group;
mod private_call;
mod publish;
mod settings;

pub use settings::{ControllingSettings, FloorControlProtection};

use crate::media::{MediaPacket, MediaPorts, MediaTransmit, PairId};
use crate::ports::{GroupDirectory, UserProfiles};
use affiliation::Affiliations;
use call::{Call, CallEvent, CallId, Workbench};
use leg::{LegNumber, LegState};
use roger_base::{GroupId, Instant, McpttId};
use roger_call::answer::{come_again, plain, warned};
use roger_call::warning::WarningCode;
use roger_media::{FloorKeyring, FloorProtection};
use roger_sip::application::{Application, Context, answer};
use roger_sip::endpoint::{
    DialogId, EndpointError, Incoming, Output, RequestHandle, TransactionId,
};
use roger_sip::message::{HeaderName, Method, Request, StatusCode};
use roger_srtp::SrtpError;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use tracing::{info, warn};

/// What reaches the function besides SIP.
#[derive(Debug)]
pub enum ControllingInput {
    /// A datagram on a media socket.
    Media(MediaPacket),
    /// A group document changed.
    GroupChanged(GroupId),
}

/// The controlling function.
pub struct ControllingFunction {
    settings: ControllingSettings,
    groups: Arc<dyn GroupDirectory>,
    profiles: Arc<dyn UserProfiles>,
    ports: Box<dyn MediaPorts>,
    keys: FloorKeyring,
    affiliations: Affiliations,
    calls: BTreeMap<CallId, Call>,
    next_call: u64,
    transactions: HashMap<TransactionId, CallId>,
    requests: HashMap<RequestHandle, (CallId, LegNumber)>,
    dialogs: HashMap<DialogId, (CallId, LegNumber)>,
    pairs: HashMap<PairId, (CallId, LegNumber)>,
    outputs: VecDeque<MediaTransmit>,
}

impl ControllingFunction {
    /// A function without calls.
    ///
    /// # Errors
    /// [`SrtpError`] when the keys of the hop cannot be derived.
    pub fn new(
        settings: ControllingSettings,
        groups: Arc<dyn GroupDirectory>,
        profiles: Arc<dyn UserProfiles>,
        ports: Box<dyn MediaPorts>,
    ) -> Result<Self, SrtpError> {
        let mut keys = FloorKeyring::new();
        if settings.floor_protection == FloorControlProtection::On {
            keys.add(settings.hop.floor_context()?);
        }
        Ok(Self {
            settings,
            groups,
            profiles,
            ports,
            keys,
            affiliations: Affiliations::default(),
            calls: BTreeMap::new(),
            next_call: 1,
            transactions: HashMap::new(),
            requests: HashMap::new(),
            dialogs: HashMap::new(),
            pairs: HashMap::new(),
            outputs: VecDeque::new(),
        })
    }

    /// Users whose speech is distributed now, in all calls together, for a program that shows or proves it.
    pub fn talkers(&self) -> impl Iterator<Item = &McpttId> {
        self.calls.values().flat_map(Call::talkers)
    }

    fn floor_protection(&self) -> FloorProtection {
        match self.settings.floor_protection {
            FloorControlProtection::On => FloorProtection::Key(self.settings.hop.key_id()),
            FloorControlProtection::Off => FloorProtection::Clear,
        }
    }

    /// Lets a call work with what this function lends it.
    fn with_call<R>(
        &mut self,
        context: &mut Context<'_>,
        id: CallId,
        act: impl FnOnce(&mut Call, &mut Workbench<'_>) -> R,
    ) -> Option<R> {
        let call = self.calls.get_mut(&id)?;
        let mut bench = Workbench {
            now: context.now,
            random: context.random,
            keys: &mut self.keys,
            out: &mut self.outputs,
        };
        Some(act(call, &mut bench))
    }

    // Requests ----------------------------------------------------------------------------------------------

    fn on_request(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        // Who calls is believed of the participating function, whose requests come by the core only.
        let by_core = incoming.flow.peer.ip() == self.settings.core.peer().ip();
        if incoming.dialog.is_none() && !by_core {
            return answer(context, incoming, plain(request, StatusCode::FORBIDDEN));
        }
        match (request.method(), incoming.dialog) {
            (Method::Invite, None) => self.on_invite(context, incoming),
            // Renegotiation of a running call comes with emergency calls.
            (Method::Invite, Some(_)) => answer(
                context,
                incoming,
                plain(request, StatusCode::NOT_ACCEPTABLE_HERE),
            ),
            (Method::Bye, Some(dialog)) => self.on_bye(context, incoming, dialog),
            (Method::Bye, None) => answer(
                context,
                incoming,
                plain(request, StatusCode::CALL_DOES_NOT_EXIST),
            ),
            (Method::Publish, _) => self.on_publish(context, incoming),
            (Method::Options, _) => answer(context, incoming, plain(request, StatusCode::OK)),
            _ => answer(
                context,
                incoming,
                plain(request, StatusCode::METHOD_NOT_ALLOWED),
            ),
        }
    }

    fn on_bye(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        dialog: DialogId,
    ) -> Result<(), EndpointError> {
        answer(context, incoming, plain(&incoming.request, StatusCode::OK))?;
        self.on_dialog_ended(context, dialog);
        Ok(())
    }

    fn refuse(
        &self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        warning: WarningCode,
    ) -> Result<(), EndpointError> {
        info!(%warning, "request refused");
        answer(
            context,
            incoming,
            warned(&incoming.request, warning, &self.settings.host),
        )
    }

    /// Refuses for want of resources of this server.
    fn refuse_for_now(context: &mut Context<'_>, incoming: &Incoming) -> Result<(), EndpointError> {
        let later = come_again(&incoming.request, StatusCode::SERVER_INTERNAL_ERROR);
        answer(context, incoming, later)
    }

    // Ends --------------------------------------------------------------------------------------------------

    /// The dialog of a leg is gone.
    fn on_dialog_ended(&mut self, context: &mut Context<'_>, dialog: DialogId) {
        let Some((call, leg)) = self.dialogs.remove(&dialog) else {
            return;
        };
        self.remove_leg(context, call, leg);
        self.release_if_alone(context, call);
    }

    /// Takes a leg out of its call and frees its sockets; says nothing to the other side.
    fn remove_leg(&mut self, context: &mut Context<'_>, id: CallId, number: LegNumber) {
        let Some((leg, events)) =
            self.with_call(context, id, |call, bench| call.leave(bench, number))
        else {
            return;
        };
        if let Some(leg) = leg {
            self.pairs.remove(&leg.pair.id);
            self.ports.close(leg.pair.id);
        }
        self.on_call_events(context, id, &events);
    }

    /// A call with nobody to talk to is released (TS 24.379 cl. 6.3.8.1).
    fn release_if_alone(&mut self, context: &mut Context<'_>, id: CallId) {
        let alone = self.calls.get(&id).is_some_and(|call| {
            let waiting = call.legs.values().any(|leg| !leg.is_connected());
            call.connected() < 2 && !waiting
        });
        if alone {
            self.release(context, id);
        }
    }

    /// Ends a call for everybody.
    fn release(&mut self, context: &mut Context<'_>, id: CallId) {
        self.with_call(context, id, |call, bench| call.release(bench));
        let Some(call) = self.calls.remove(&id) else {
            return;
        };
        info!(call = id.0, "call released");
        for leg in call.legs.into_values() {
            self.pairs.remove(&leg.pair.id);
            self.ports.close(leg.pair.id);
            if let Err(error) = self.part_with(context, leg.state) {
                warn!(%error, "a leg could not be told that the call is over");
            }
        }
    }

    /// Tells the other side of a leg that the call is over.
    fn part_with(
        &mut self,
        context: &mut Context<'_>,
        state: LegState,
    ) -> Result<(), EndpointError> {
        match state {
            LegState::Connected(dialog) => {
                self.dialogs.remove(&dialog);
                context.endpoint.bye(context.now, context.random, dialog)?;
            }
            LegState::Invited(handle) => {
                self.requests.remove(&handle);
                context.endpoint.cancel(context.now, handle)?;
            }
            LegState::Originating {
                transaction,
                request,
            } => {
                self.transactions.remove(&transaction);
                let response = plain(&request, StatusCode::TEMPORARILY_UNAVAILABLE);
                context
                    .endpoint
                    .respond(context.now, context.random, transaction, response)?;
            }
        }
        Ok(())
    }

    fn on_call_events(&mut self, context: &mut Context<'_>, id: CallId, events: &[CallEvent]) {
        if events.contains(&CallEvent::Inactive) {
            self.release(context, id);
        }
    }

    // Inputs ------------------------------------------------------------------------------------------------

    fn on_media(&mut self, context: &mut Context<'_>, packet: &MediaPacket) {
        let Some((id, leg)) = self.pairs.get(&packet.pair).copied() else {
            return;
        };
        let events = self.with_call(context, id, |call, bench| {
            call.on_packet(bench, leg, packet)
        });
        self.on_call_events(context, id, &events.unwrap_or_default());
    }

    /// Members who are no members any more leave the call and lose their affiliation.
    fn on_group_changed(&mut self, context: &mut Context<'_>, group: &GroupId) {
        let document = match self.groups.group(group) {
            Ok(document) => document.filter(|document| !document.disabled),
            Err(error) => {
                warn!(%error, "a changed group could not be read; its calls go on as they are");
                return;
            }
        };
        let is_member = |user: &_| {
            document
                .as_ref()
                .is_some_and(|group| group.member(user).is_some())
        };
        self.affiliations.retain(group, is_member);
        let Some(id) = self.group_call(group) else {
            return;
        };
        let outsiders: Vec<LegNumber> = self.calls.get(&id).map_or_else(Vec::new, |call| {
            call.legs
                .iter()
                .filter(|(_, leg)| !is_member(&leg.user))
                .map(|(number, _)| *number)
                .collect()
        });
        for number in outsiders {
            self.expel(context, id, number);
        }
        self.release_if_alone(context, id);
    }

    /// Ends one leg, the call goes on.
    fn expel(&mut self, context: &mut Context<'_>, id: CallId, number: LegNumber) {
        let Some((leg, events)) =
            self.with_call(context, id, |call, bench| call.leave(bench, number))
        else {
            return;
        };
        let Some(leg) = leg else {
            return;
        };
        self.pairs.remove(&leg.pair.id);
        self.ports.close(leg.pair.id);
        if let Err(error) = self.part_with(context, leg.state) {
            warn!(%error, "a former member could not be told to leave");
        }
        self.on_call_events(context, id, &events);
    }
}

/// Text of a header field, when it is there once.
fn header(request: &Request, name: HeaderName<'static>) -> Option<String> {
    request
        .headers()
        .text(name)
        .map(|text| text.trim().to_owned())
}

impl Application for ControllingFunction {
    type Input = ControllingInput;
    type Output = MediaTransmit;

    fn on_sip(&mut self, context: &mut Context<'_>, event: Output) {
        let result = match event {
            Output::Incoming(incoming) => self.on_request(context, &incoming),
            Output::Response(answer) => self.on_response(context, &answer),
            Output::Failed { handle, .. } => {
                self.on_no_answer(context, handle);
                Ok(())
            }
            Output::Cancelled { transaction, .. } => {
                self.on_cancelled(context, transaction);
                Ok(())
            }
            Output::DialogEnded { dialog } | Output::NoAck { dialog } => {
                self.on_dialog_ended(context, dialog);
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(error) = result {
            warn!(%error, "a SIP event could not be served");
        }
    }

    fn on_input(&mut self, context: &mut Context<'_>, input: ControllingInput) {
        match input {
            ControllingInput::Media(packet) => self.on_media(context, &packet),
            ControllingInput::GroupChanged(group) => self.on_group_changed(context, &group),
        }
    }

    fn on_timeout(&mut self, context: &mut Context<'_>) {
        let due = |(id, call): (&CallId, &Call)| {
            call.deadline()
                .is_some_and(|at| at <= context.now)
                .then_some(*id)
        };
        let due: Vec<CallId> = self.calls.iter().filter_map(due).collect();
        for id in due {
            if self
                .calls
                .get(&id)
                .is_some_and(|call| call.is_over(context.now))
            {
                self.release(context, id);
                continue;
            }
            let events = self.with_call(context, id, |call, bench| call.handle_timeout(bench));
            self.on_call_events(context, id, &events.unwrap_or_default());
        }
    }

    fn poll(&mut self) -> Option<MediaTransmit> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        self.calls.values().filter_map(Call::deadline).min()
    }
}
