//! A user on the air: events of the UE, keys, and what was planned, one after the other.

mod command;
mod display;
mod floor;

use super::UeCommandError;
use super::arrival::OnAir;
use super::calls::{CallStage, Calls};
use super::events::Events;
use super::keep::Keep;
use super::keyboard::{Key, Keyboard};
use super::lines::Lines;
use super::news::{News, name_of, party_name};
use super::place::Place;
use super::plan::{ATTEMPTS, NEXT_CALL, Plan, Planned, Sooner};
use super::screen::{Audience, Screen};
use super::state::servers_ended;
use super::talking::{Recording, TalkError, Talking};
use crate::stop::Stop;
use core::time::Duration;
use roger_base::{GroupId, McpttId};
use roger_call::warning::WarningCode;
use roger_floor::participant::NoRequest;
use roger_ue::client::{
    Button, CallNumber, CallParty, Commencement, GroupKeyState, Refusal, UeEvent, UeInput,
};
use roger_ue::shell::{Speech, Ue};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

/// How often the status line is drawn.
const TICK: Duration = Duration::from_millis(200);
/// Time for the last requests to leave before the sockets are closed.
const FAREWELL: Duration = Duration::from_millis(300);

/// What a user wants on the air.
pub(super) struct Wishes {
    /// Group of the button.
    pub(super) group: Option<GroupId>,
    /// User to be called.
    pub(super) callee: Option<McpttId>,
    /// The recording is said without a button.
    pub(super) say: Say,
    /// When to leave.
    pub(super) stay: Option<Duration>,
    /// Where the UE is.
    pub(super) place: Option<Place>,
    /// State file of the servers: when they end, so does the session.
    pub(super) servers: PathBuf,
}

/// Whether the recording is said without a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Say {
    Once,
    ByButton,
}

/// What a UE of this program talks and listens with.
pub(super) struct Kit {
    pub(super) codec: Option<Speech>,
    pub(super) recording: Option<Recording>,
    pub(super) keep: Option<Keep>,
    pub(super) keyboard: Option<Keyboard>,
    pub(super) lines: Option<Lines>,
}

/// Why the session ended.
enum End {
    /// The user, a signal, or the end of the time.
    Wanted,
    /// What was planned cannot come about.
    PlanFailed,
    /// The UE has stopped.
    UeStopped,
    /// The servers have ended.
    ServersEnded,
}

/// A user on the air.
pub(super) struct Session<'s> {
    ue: Arc<Ue>,
    events: Events,
    screen: &'s mut Screen,
    wishes: Wishes,
    kit: Kit,
    calls: Calls,
    /// With whom the call is that is being placed.
    placing: Option<CallParty>,
    button: Button,
    /// The line that is being typed.
    typed: Option<String>,
    talking: Option<Talking>,
    planned: Planned,
    until: Option<Instant>,
    dropped: BTreeMap<String, usize>,
    servers: JoinHandle<()>,
}

/// What comes next.
enum Next {
    Event(Option<UeEvent>),
    Key(Key),
    TalkEnded(Result<(), TalkError>),
    Due,
    Signal,
    ServersEnded,
}

impl<'s> Session<'s> {
    pub(super) fn new(air: OnAir, wishes: Wishes, kit: Kit, screen: &'s mut Screen) -> Self {
        let now = Instant::now();
        let planned = match (&wishes.callee, wishes.say) {
            (Some(_), _) => Planned::call(now),
            (None, Say::Once) => Planned::say(now),
            (None, Say::ByButton) => Planned::nothing(),
        };
        Self {
            ue: air.ue,
            events: air.events,
            screen,
            until: wishes.stay.map(|stay| now + stay),
            servers: tokio::spawn(servers_ended(wishes.servers.clone())),
            wishes,
            kit,
            calls: Calls::default(),
            placing: None,
            button: Button::Released,
            typed: None,
            talking: None,
            planned,
            dropped: BTreeMap::new(),
        }
    }

    /// Stays on the air until the end.
    ///
    /// # Errors
    /// [`UeCommandError`] when what was planned did not come about.
    pub(super) async fn run(mut self, stop: &mut Stop) -> Result<(), UeCommandError> {
        if let Some(place) = self.wishes.place.take() {
            self.be_at(place);
        }
        let end = loop {
            self.show_status();
            if self.kit.keyboard.as_ref().is_some_and(Keyboard::is_gone) {
                break End::Wanted;
            }
            if self.planned.plan == Plan::Failed && self.kit.keyboard.is_none() {
                break End::PlanFailed;
            }
            match self.next(stop).await {
                Next::Event(Some(event)) => self.on_event(event),
                Next::Event(None) => break End::UeStopped,
                Next::Key(Key::Quit) | Next::Signal => break End::Wanted,
                Next::ServersEnded => break End::ServersEnded,
                Next::Key(key) => self.on_key(key),
                Next::TalkEnded(result) => self.on_talk_ended(&result),
                Next::Due if self.until.is_some_and(|until| until <= Instant::now()) => {
                    break End::Wanted;
                }
                Next::Due => self.on_due(),
            }
        };
        let kept = self.planned.is_kept();
        self.leave().await;
        match end {
            End::UeStopped => Err(UeCommandError::Stopped),
            End::ServersEnded => Err(UeCommandError::ServersEnded),
            End::PlanFailed => Err(UeCommandError::NotSaid),
            End::Wanted if !kept => Err(UeCommandError::NotSaid),
            End::Wanted => Ok(()),
        }
    }

    async fn next(&mut self, stop: &mut Stop) -> Next {
        let tick = (self.screen.audience() == Audience::Person).then(|| Instant::now() + TICK);
        let due = [self.planned.due(), self.calls.settles(), self.until, tick];
        let due = due.into_iter().flatten().min();
        let talking = &mut self.talking;
        let (keyboard, lines) = (&mut self.kit.keyboard, &mut self.kit.lines);
        tokio::select! {
            biased;
            _ = stop.next() => Next::Signal,
            _ = &mut self.servers => Next::ServersEnded,
            Some(key) = async { Some(keyboard.as_mut()?.next().await) } => Next::Key(key),
            Some(result) = async { Some(talking.as_mut()?.end().await) } => Next::TalkEnded(result),
            event = self.events.next() => Next::Event(event),
            Some(line) = async { Some(lines.as_mut()?.next().await) } => Next::Key(Key::Line(line)),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => Next::Due,
        }
    }

    // Events ------------------------------------------------------------------------------------------------

    fn on_event(&mut self, event: UeEvent) {
        match event {
            UeEvent::IncomingCall {
                call,
                party,
                caller,
                rings,
            } => {
                self.on_called(call, party, &caller, rings);
            }
            UeEvent::Ringing(_) => {
                let party = self.placing.as_ref().map(party_name).unwrap_or_default();
                self.screen.tell(&News::Ringing { party });
            }
            UeEvent::CallEstablished(call) => self.on_established(call),
            UeEvent::CallFailed(_, refusal) => self.on_call_failed(&refusal),
            UeEvent::CallEnded(call) => self.on_call_ended(call),
            UeEvent::MayTalk(call) => self.on_may_talk(call),
            UeEvent::MustStop(call, reason) => self.on_must_stop(call, &reason),
            UeEvent::FloorDenied(call, cause) => self.on_denied(call, cause),
            UeEvent::NoFloorRequest(call, reason) => {
                self.on_denied(call, no_request(reason).to_owned());
            }
            UeEvent::SomebodyTalks(call, talker) => {
                let now = Instant::now();
                if let Some(who) = self.calls.begin_burst(call, talker.mcptt_id.as_ref(), now) {
                    let party = self.calls.party(call);
                    self.screen.tell(&News::Talks { party, who });
                }
            }
            UeEvent::FloorIdle(call) => {
                let now = Instant::now();
                self.calls.end_burst(call, now);
                self.planned.on_idle(now);
            }
            UeEvent::Speech(call, heard) => self.calls.hear(call, heard.ssrc, Instant::now()),
            UeEvent::Dropped(call, reason) => self.on_dropped(call, reason),
            other => self.on_service_event(&other),
        }
    }

    /// What happens besides calls.
    fn on_service_event(&self, event: &UeEvent) {
        let reason = match event {
            UeEvent::GroupKey { gmk_id, state, .. } => {
                let state = match state {
                    GroupKeyState::Valid => "is in use",
                    GroupKeyState::Revoked => "was revoked",
                };
                let key = format!("GMK {gmk_id}");
                return self.screen.tell(&News::GroupKey { key, state });
            }
            UeEvent::GroupKeyRefused(reason) => {
                format!("a group key message, by this UE: {reason}")
            }
            UeEvent::ServerKeyRefused(reason) => {
                format!("a key of the MCPTT server, by this UE: {reason}")
            }
            UeEvent::NotRegistered(why) => format!("the registration, by the SIP core: {why}"),
            UeEvent::NotAuthorised(why) => format!("the user, by the MCPTT server: {why}"),
            UeEvent::NotWatching(why) => {
                format!("the subscription, by the group management server: {why}")
            }
            UeEvent::NotAffiliated(why) => format!("the affiliation, by the MCPTT server: {why}"),
            UeEvent::LocationReported => return self.screen.tell(&News::LocationReported),
            UeEvent::LocationNotReported(why) => {
                format!("the location report, by the MCPTT server: {why}")
            }
            _ => return,
        };
        self.screen.tell(&News::Refused { reason });
    }

    fn on_called(&mut self, call: CallNumber, party: CallParty, caller: &McpttId, rings: bool) {
        self.screen.tell(&News::Called {
            party: party_name(&party),
            caller: name_of(caller),
            rings,
        });
        let stage = match rings {
            true => CallStage::Ringing,
            false => CallStage::Answering,
        };
        self.calls.add(call, party, stage);
        if rings && self.kit.keyboard.is_none() {
            // Nobody is there to answer.
            self.ue.input(UeInput::HangUp(call));
        }
    }

    fn on_established(&mut self, call: CallNumber) {
        if self.calls.get(call).is_none() {
            let Some(party) = self.placing.take() else {
                return;
            };
            self.calls.add(call, party, CallStage::Answering);
        }
        self.calls.establish(call);
        let party = self.calls.party(call);
        self.screen.tell(&News::Established { party });
        if self.is_wanted(call) {
            self.planned.joined(Instant::now());
        }
    }

    /// Whether a call is the one that the recording is for.
    fn is_wanted(&self, call: CallNumber) -> bool {
        let party = self.calls.get(call).map(|call| &call.party);
        party.is_some() && party == self.wanted_party().as_ref()
    }

    fn wanted_party(&self) -> Option<CallParty> {
        let callee = self.wishes.callee.clone().map(CallParty::User);
        callee.or_else(|| self.wishes.group.clone().map(CallParty::Group))
    }

    fn on_call_failed(&mut self, refusal: &Refusal) {
        let party = self.placing.take();
        self.button = Button::Released;
        self.screen.tell(&News::CallFailed {
            party: party.as_ref().map(party_name).unwrap_or_default(),
            reason: match refusal {
                Refusal::Answered { .. } => format!("the MCPTT server answered {refusal}"),
                other => other.to_string(),
            },
        });
        if self.planned.plan != Plan::Asked {
            return;
        }
        if nobody_there(refusal) {
            self.ask_again(NEXT_CALL, Sooner::No, "when others may have come");
        } else {
            self.planned.plan = Plan::Failed;
        }
    }

    fn on_call_ended(&mut self, call: CallNumber) {
        let party = self.calls.party(call);
        if self.calls.remove(call, Instant::now()).is_none() {
            return;
        }
        if let Some(talking) = self.talking.as_ref().filter(|talking| talking.call == call) {
            talking.stop();
        }
        self.screen.tell(&News::Ended { party });
    }

    fn on_dropped(&mut self, call: CallNumber, reason: String) {
        let count = self.dropped.entry(reason.clone()).or_default();
        *count += 1;
        if *count == 1 {
            let reason = format!("{}: {reason}", self.calls.party(call));
            self.screen.tell(&News::Dropped { reason });
        }
    }

    // Wishes ------------------------------------------------------------------------------------------------

    fn on_due(&mut self) {
        let now = Instant::now();
        for over in self.calls.take_settled(now) {
            self.on_burst_over(&over);
        }
        if self.planned.due().is_some_and(|due| due <= now) {
            self.ask();
        }
    }

    /// Asks for the floor in the call that there is, or calls.
    fn ask(&mut self) {
        self.planned.asked();
        let wanted = self.wanted_party();
        let running = self
            .calls
            .active()
            .filter(|(_, call)| Some(&call.party) == wanted.as_ref())
            .map(|(number, _)| number);
        match running {
            Some(call) => self.ue.input(UeInput::Ptt(call, Button::Pressed)),
            None => self.place(wanted),
        }
    }

    fn ask_again(&mut self, pause: Duration, sooner: Sooner, when: &str) {
        let next = self.planned.refused(Instant::now() + pause, sooner);
        if let Some(attempt) = next {
            let (of, when) = (ATTEMPTS, when.to_owned());
            self.screen.tell(&News::Again { attempt, of, when });
        }
    }

    /// Places a call; it asks for the floor at once.
    fn place(&mut self, party: Option<CallParty>) {
        let Some(party) = party else {
            return;
        };
        self.screen.tell(&News::Calling {
            party: party_name(&party),
        });
        self.ue.input(match party.clone() {
            CallParty::Group(group) => UeInput::CallGroup(group),
            CallParty::User(user) => UeInput::CallUser(user, Commencement::Automatic),
        });
        self.placing = Some(party);
    }

    fn on_key(&mut self, key: Key) {
        match (key, self.button) {
            (Key::Press | Key::Toggle, Button::Released) => self.press(),
            (Key::Release | Key::Toggle, Button::Pressed) => self.release(),
            (Key::Accept, _) => {
                if let Some(call) = self.calls.ringing() {
                    self.ue.input(UeInput::Accept(call));
                }
            }
            (Key::HangUp, _) => {
                let active = self.calls.active().map(|(number, _)| number);
                if let Some(call) = self.calls.ringing().or(active) {
                    self.ue.input(UeInput::HangUp(call));
                }
            }
            (Key::Typing(text), _) => self.typed = Some(text),
            (Key::GivenUp, _) => self.typed = None,
            (Key::Line(line), _) => self.on_line(&line),
            (Key::Press | Key::Release | Key::Quit, _) => {}
        }
    }

    fn press(&mut self) {
        // The recording of --say holds the button, or a call is on its way.
        if self.talking.is_some() || self.planned.plan == Plan::Asked || self.placing.is_some() {
            return;
        }
        self.button = Button::Pressed;
        match self.calls.active().map(|(number, _)| number) {
            Some(call) => self.ue.input(UeInput::Ptt(call, Button::Pressed)),
            None => self.place(self.wanted_party()),
        }
    }

    fn release(&mut self) {
        self.button = Button::Released;
        match (&self.talking, self.calls.active()) {
            (Some(talking), _) => talking.stop(),
            (None, Some((call, _))) => self.ue.input(UeInput::Ptt(call, Button::Released)),
            (None, None) => {}
        }
    }

    async fn leave(mut self) {
        self.servers.abort();
        if let Some(mut talking) = self.talking.take() {
            talking.stop();
            let _ = talking.end().await;
            self.ue.input(UeInput::Ptt(talking.call, Button::Released));
        }
        for call in self.calls.numbers() {
            self.calls.end_burst(call, Instant::now());
            self.ue.input(UeInput::HangUp(call));
        }
        for over in self.calls.take_over() {
            self.on_burst_over(&over);
        }
        self.ue.log_off().await;
        sleep(FAREWELL).await;
        self.ue.stop();
        let dropped = self.dropped.values().sum();
        self.screen.tell(&News::Left { dropped });
    }
}

/// Why a press of the button asked for nothing.
const fn no_request(reason: NoRequest) -> &'static str {
    match reason {
        NoRequest::NotPermitted => "the server permits no request now",
        NoRequest::NoCall => "there is no call yet",
    }
}

/// Whether a call failed since nobody else was there yet.
fn nobody_there(refusal: &Refusal) -> bool {
    let warning = match refusal {
        Refusal::Answered { warning, .. } => *warning,
        _ => None,
    };
    warning == Some(WarningCode::CALL_ABANDONED)
}
