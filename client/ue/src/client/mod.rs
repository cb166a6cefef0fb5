//! The UE as a sans-IO SIP application: registration, service authorisation, group keys, affiliation, calls
//! (TS 24.379 client procedures, TS 24.380 participant, TS 33.180).
//!
//! Log-in, key provisioning and the fetching of documents need HTTP and so happen in the shell around it.

mod affiliation;
mod affiliation_watch;
mod authorisation;
mod call;
mod call_end;
mod group_keys;
mod incoming_call;
mod io;
mod key_download;
mod message;
mod outgoing_call;
mod registration;
mod reporter;
mod rtp_source;
mod settings;
mod settings_watch;

pub use io::{
    Authorisation, Button, CallNumber, CallParty, Commencement, GroupKeyState, HeardSpeech,
    Refusal, ServerKey, UeEvent, UeInput, UeOutput, UeUser,
};
pub use reporter::Position;
pub use settings::{FloorControlProtection, IdentityHiding, UeSettings};

use affiliation::AffiliationState;
use affiliation_watch::Watches;
use authorisation::AuthorisationState;
use call::Call;
use group_keys::GroupKeysState;
use registration::RegistrationState;
use reporter::Reporter;
use roger_base::{Instant, SecretBytes};
use roger_call::answer::{plain, warning_of};
use roger_call::protection::Protection;
use roger_call::service_authorisation::BoundCsk;
use roger_keys::store::GroupKeyStore;
use roger_media::{FloorKeyring, MediaPorts, MulticastFloor, PairId};
use roger_mikey::Receiver;
use roger_sip::application::{Application, Context, answer as reply, end_unwanted};
use roger_sip::endpoint::{
    Answer, DialogId, EndpointError, Incoming, Output, RequestHandle, TransactionId,
};
use roger_sip::message::{HeaderName, Method, Response, StatusCode};
use roger_xml::uri::{ProtectedDomains, UriTolerance};
use std::collections::{BTreeMap, HashMap, VecDeque};
use tracing::warn;

/// What a request under way was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Register,
    Publish,
    LogOff,
    Affiliate,
    WatchAffiliation,
    WatchGroups,
    WatchSettings,
    Invite(CallNumber),
    /// MESSAGE with a location report.
    Report,
    /// MESSAGE that asks where another user is.
    AskLocation,
    /// MESSAGE that proposes affiliations.
    Propose,
}

/// A UE.
pub struct UeClient {
    settings: UeSettings,
    uri_domains: ProtectedDomains,
    ports: Box<dyn MediaPorts>,
    user: Option<UeUser>,
    receiver: Receiver,
    /// CSK towards the participating function.
    csk: Option<BoundCsk>,
    floor_keys: FloorKeyring,
    multicast_keys: MulticastFloor,
    registration: RegistrationState,
    authorisation: AuthorisationState,
    settings_dialog: Option<DialogId>,
    affiliation: AffiliationState,
    watches: Watches,
    /// When a NOTIFY that did not open last led to a new CSK.
    key_renewed: Option<Instant>,
    reporter: Reporter,
    group_keys: GroupKeysState,
    key_store: GroupKeyStore,
    calls: BTreeMap<CallNumber, Call>,
    next_call: u32,
    requests: HashMap<RequestHandle, Purpose>,
    dialogs: HashMap<DialogId, CallNumber>,
    transactions: HashMap<TransactionId, CallNumber>,
    pairs: HashMap<PairId, CallNumber>,
    outputs: VecDeque<UeOutput>,
}

impl UeClient {
    /// A UE that is not registered and has no user yet. `sip_password` is that of the SIP core.
    #[must_use]
    pub fn new(
        settings: UeSettings,
        sip_password: SecretBytes,
        ports: Box<dyn MediaPorts>,
    ) -> Self {
        let uri_domains =
            ProtectedDomains::new(vec![settings.domain.clone()], UriTolerance::AsSent);
        let registration = RegistrationState::new(&settings.sip_username, sip_password);
        Self {
            settings,
            uri_domains,
            ports,
            user: None,
            receiver: Receiver::default(),
            csk: None,
            floor_keys: FloorKeyring::new(),
            multicast_keys: MulticastFloor::new(),
            registration,
            authorisation: AuthorisationState::default(),
            settings_dialog: None,
            affiliation: AffiliationState::default(),
            watches: Watches::default(),
            key_renewed: None,
            reporter: Reporter::default(),
            group_keys: GroupKeysState::default(),
            key_store: GroupKeyStore::default(),
            calls: BTreeMap::new(),
            next_call: 1,
            requests: HashMap::new(),
            dialogs: HashMap::new(),
            transactions: HashMap::new(),
            pairs: HashMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// The group keys held, for a program that shows or proves something about them.
    #[must_use]
    pub const fn group_keys(&self) -> &GroupKeyStore {
        &self.key_store
    }

    /// The CSK bound at the participating function, for the same purpose.
    #[must_use]
    pub const fn client_server_key(&self) -> Option<&BoundCsk> {
        self.csk.as_ref()
    }

    fn tell(&mut self, event: UeEvent) {
        self.outputs.push_back(UeOutput::Event(event));
    }

    // SIP ---------------------------------------------------------------------------------------------------

    fn on_request(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        match (request.method(), incoming.dialog) {
            (Method::Invite, None) => self.on_invite(context, incoming),
            (Method::Invite, Some(_)) => reply(
                context,
                incoming,
                plain(request, StatusCode::NOT_ACCEPTABLE_HERE),
            ),
            (Method::Bye, Some(dialog)) => {
                reply(context, incoming, plain(request, StatusCode::OK))?;
                self.on_dialog_ended(context, dialog);
                Ok(())
            }
            (Method::Notify, Some(dialog)) => self.on_notify(context, incoming, dialog),
            (Method::Message, _) => self.on_message(context, incoming),
            (Method::Options, _) => reply(context, incoming, plain(request, StatusCode::OK)),
            (Method::Bye | Method::Notify, None) => reply(
                context,
                incoming,
                plain(request, StatusCode::CALL_DOES_NOT_EXIST),
            ),
            _ => reply(
                context,
                incoming,
                plain(request, StatusCode::METHOD_NOT_ALLOWED),
            ),
        }
    }

    /// A NOTIFY belongs to the subscription whose dialog it is in.
    fn on_notify(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        dialog: DialogId,
    ) -> Result<(), EndpointError> {
        // A NOTIFY may overtake the 200 of its SUBSCRIBE, so the dialog is not known yet: the event package tells.
        let event = incoming.request.headers().text(HeaderName::EVENT);
        let package = event.as_deref().and_then(|event| event.split(';').next());
        if package.map(str::trim) == Some("poc-settings") || self.settings_dialog == Some(dialog) {
            return self.on_settings_notify(context, incoming, dialog);
        }
        if package.map(str::trim) == Some("presence") || self.watches.is_dialog(dialog) {
            return self.on_affiliation_notify(context, incoming, dialog);
        }
        self.on_group_notify(context, incoming, dialog)
    }

    fn on_answer(
        &mut self,
        context: &mut Context<'_>,
        answer: &Answer,
    ) -> Result<(), EndpointError> {
        let Some(purpose) = self.requests.get(&answer.handle).copied() else {
            return end_unwanted(context, answer);
        };
        let status = answer.response.status();
        if status.is_final() {
            self.requests.remove(&answer.handle);
        }
        match purpose {
            Purpose::Register => self.on_register_answer(context, &answer.response),
            Purpose::Publish => {
                self.on_publish_answer(context, &answer.response);
                Ok(())
            }
            // The user is gone already, whatever the server says.
            Purpose::LogOff => Ok(()),
            Purpose::Affiliate => {
                self.on_affiliate_answer(context, &answer.response);
                Ok(())
            }
            Purpose::WatchAffiliation => {
                self.on_watch_affiliation_answer(context, answer);
                Ok(())
            }
            Purpose::WatchGroups => {
                self.on_watch_answer(context, answer);
                Ok(())
            }
            Purpose::WatchSettings => {
                self.on_watch_settings_answer(context, answer);
                Ok(())
            }
            Purpose::Invite(number) => self.on_invite_answer(context, number, answer),
            Purpose::Report | Purpose::AskLocation | Purpose::Propose => {
                self.on_message_answer(context, purpose, &answer.response);
                Ok(())
            }
        }
    }

    fn on_failed(&mut self, context: &mut Context<'_>, handle: RequestHandle) {
        let Some(purpose) = self.requests.remove(&handle) else {
            return;
        };
        match purpose {
            Purpose::Register => {
                self.forget_attempt();
                self.tell(UeEvent::NotRegistered(Refusal::NoAnswer));
            }
            Purpose::Publish => {
                self.forget_attempt();
                self.tell(UeEvent::NotAuthorised(Refusal::NoAnswer));
            }
            Purpose::LogOff => {}
            Purpose::Affiliate => self.tell(UeEvent::NotAffiliated(Refusal::NoAnswer)),
            Purpose::WatchAffiliation => self.on_watch_failed(context, handle),
            Purpose::WatchGroups => self.tell(UeEvent::NotWatching(Refusal::NoAnswer)),
            Purpose::WatchSettings => self.tell(UeEvent::NotWatchingSettings(Refusal::NoAnswer)),
            Purpose::Invite(number) => self.fail_call(context, number, Refusal::NoAnswer),
            Purpose::Report | Purpose::AskLocation | Purpose::Propose => {
                self.message_failed(purpose, Refusal::NoAnswer);
            }
        }
    }
}

fn refused(response: &Response) -> Refusal {
    Refusal::Answered {
        status: response.status(),
        warning: warning_of(response.headers()),
    }
}

impl Application for UeClient {
    type Input = UeInput;
    type Output = UeOutput;

    fn on_sip(&mut self, context: &mut Context<'_>, event: Output) {
        let result = match event {
            Output::Incoming(incoming) => self.on_request(context, &incoming),
            Output::Response(answer) => self.on_answer(context, &answer),
            Output::Failed { handle, .. } => {
                self.on_failed(context, handle);
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

    fn on_input(&mut self, context: &mut Context<'_>, input: UeInput) {
        match input {
            UeInput::User(user) => self.take_user(context, *user),
            UeInput::Register(authorisation) => self.register(context, authorisation),
            UeInput::Publish => self.publish(context),
            UeInput::AnswerMode(mode) => self.set_answer_mode(context, mode),
            UeInput::WatchSettings => self.watch_settings(context),
            UeInput::MulticastFloor(group, packet) => {
                self.on_multicast_floor(context, &group, &packet);
            }
            UeInput::WatchGroups(groups) => self.watch_groups(context, &groups),
            UeInput::Affiliate(groups) => self.affiliate(context, groups),
            UeInput::ServiceConfiguration(document) => {
                self.settings.protection =
                    Protection::of_flags(document.confidentiality, document.integrity);
            }
            UeInput::WatchAffiliationsOf(user) => self.watch_affiliations_of(context, &user),
            UeInput::AffiliateOther(user, client, groups) => {
                self.affiliate_other(context, user, client, groups);
            }
            UeInput::ProposeAffiliations(user, command) => {
                self.propose_affiliations(context, &user, &command);
            }
            UeInput::Position(position) => {
                self.reporter.on_position(position);
                self.send_reports(context);
            }
            UeInput::AskLocation(user) => self.ask_location(context, &user),
            UeInput::GroupKeys(document) => self.on_group_keys(context, &document),
            UeInput::CallGroup(group) => self.call_group(context, group),
            UeInput::CallUser(user, commencement) => self.call_user(context, user, commencement),
            UeInput::Accept(number) => self.accept(context, number),
            UeInput::HangUp(number) => self.hang_up(context, number),
            UeInput::Ptt(number, button) => self.on_button(context, number, button),
            UeInput::Speech(number, payload) => self.send_speech(context, number, &payload),
            UeInput::LogOffFromMcptt => self.log_off_from_mcptt(context),
            UeInput::LogOff => self.log_off(context),
            UeInput::Media(packet) => self.on_media(context, &packet),
        }
    }

    fn on_timeout(&mut self, context: &mut Context<'_>) {
        self.refresh_registration(context);
        self.on_authorisation_timeouts(context);
        self.on_call_timeouts(context);
        self.on_watch_timeouts(context);
        self.reporter.on_timeout(context.now);
        self.send_reports(context);
    }

    fn poll(&mut self) -> Option<UeOutput> {
        self.outputs.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        let calls = self.calls.values().filter_map(Call::deadline).min();
        [
            calls,
            self.registration.refresh_at(),
            self.authorisation.deadline(),
            self.watches.deadline(),
            self.reporter.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
