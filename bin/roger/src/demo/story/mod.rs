//! The story: arrival, places, a group call, a private call, a removal, and log-off.

mod arrival;
mod group_call;
mod location;
mod private_call;
mod removal;

use super::StoryError;
use super::burst::SaidBurst;
use super::console::Console;
use super::facts::{Evidence, MemberKeys, Needle, Phase};
use super::player::Player;
use super::together::together;
use crate::capture::Capture;
use crate::demo::voice::Voice;
use crate::system::{
    Addresses, Dispatcher, Person, SipOptions, System, SystemOptions, group_id, name,
    usual_location_reports,
};
use core::time::Duration;
use roger_adapter_http::OsRandom;
use roger_base::{GroupId, McpttId, SecretBytes};
use roger_documents::Document as _;
use roger_documents::gktp::Gktps;
use roger_documents::service_config::ServiceConfiguration;
use roger_documents::xcap_path::DocumentPath;
use roger_keys::Csk;
use std::collections::BTreeSet;

/// From a removal to sending under the new key, and from there to the end of the old one: short, so that a demo is
/// not a matter of minutes.
const GROUP_KEY_DELAYS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(1));

/// Where the story broke off.
pub(super) struct Failed {
    pub(super) step: String,
    pub(super) error: StoryError,
}

/// Everybody and everything on the stage.
pub(super) struct Stage<'a> {
    pub(super) system: System,
    pub(super) capture: Capture,
    pub(super) voice: &'a Voice,
    /// The members, alice first.
    pub(super) members: Vec<Player>,
    /// Registered and authorised, and no member.
    pub(super) mallory: Player,
    pub(super) dispatcher: Dispatcher,
    pub(super) group: GroupId,
    pub(super) bursts: Vec<SaidBurst>,
    pub(super) phases: Vec<Phase>,
    pub(super) secrets: Vec<SecretBytes>,
    pub(super) csks: Vec<Csk>,
    /// Keys that the members held when the first group call was over.
    pub(super) keys_before: Vec<MemberKeys>,
}

impl Stage<'_> {
    /// Member by number; the story needs four, and the command line sees to it.
    pub(super) fn member(&self, number: usize) -> Result<&Player, StoryError> {
        self.members
            .get(number)
            .ok_or_else(|| StoryError::Wrong(format!("there is no member {number}")))
    }

    pub(super) fn member_ids(&self) -> Vec<McpttId> {
        self.members
            .iter()
            .map(|player| player.id().clone())
            .collect()
    }

    /// Everybody with a UE.
    pub(super) fn everybody(&self) -> impl Iterator<Item = &Player> {
        self.members.iter().chain([&self.mallory])
    }

    /// Begins a part of the capture.
    pub(super) fn capture_position(&self) -> usize {
        self.capture.len()
    }

    /// Ends it.
    pub(super) fn end_phase(&mut self, kind: super::facts::PhaseKind, from: usize) {
        let to = self.capture.len();
        self.phases.push(Phase { kind, from, to });
    }
}

/// Runs a step: its line is printed when it is over.
macro_rules! step {
    ($console:expr, $name:expr, $work:expr) => {{
        let begun = $console.begin($name);
        match $work.await {
            Ok((value, detail)) => {
                let detail: String = detail;
                $console.done($name, begun, &detail);
                value
            }
            Err(error) => {
                return Err(Failed {
                    step: $name.to_owned(),
                    error: error.into(),
                });
            }
        }
    }};
}

/// Plays the story and gives what is needed to judge it.
pub(super) async fn play(
    cast: Casting,
    voice: &Voice,
    capture: &Capture,
    console: &mut Console,
) -> Result<Evidence, Failed> {
    let cast = step!(console, "servers", open_stage(cast, capture));
    let mut stage = step!(console, "UEs", raise_curtain(cast, voice, capture));
    step!(console, "IMS registration", arrival::register(&stage));
    step!(console, "log-in", arrival::log_in(&mut stage));
    step!(console, "KMS keys", arrival::fetch_keys(&stage));
    step!(
        console,
        "service authorisation",
        arrival::authorise(&mut stage)
    );
    step!(console, "group key", arrival::distribute_group_key(&stage));
    step!(console, "affiliation", arrival::affiliate(&stage));
    step!(console, "location", location::report(&stage));
    step!(console, "outsider", arrival::outsider(&stage));
    let call = step!(console, "group call", group_call::begin(&stage));
    let mut call = step!(console, "floor denied", group_call::deny(&stage, call));
    step!(
        console,
        "late entry",
        group_call::late_entry(&stage, &mut call)
    );
    step!(console, "talk burst", group_call::end(&mut stage, call));
    step!(console, "private call", private_call::play(&mut stage));
    step!(console, "removal and new key", removal::remove(&stage));
    step!(console, "call under the new key", removal::call(&mut stage));
    let evidence = step!(console, "evidence", collect(&mut stage));
    step!(console, "log-off", arrival::log_off(&stage));
    let packets = stage.capture.packets();
    stage.system.stop().await;
    Ok(Evidence {
        packets,
        ..evidence
    })
}

/// The system with the persons of the story.
struct Cast {
    system: System,
    members: Vec<Person>,
    mallory: Person,
    dispatcher: Person,
}

/// How many members there are, how SIP is set up, and what of it is protected.
#[derive(Debug, Clone)]
pub(super) struct Casting {
    pub(super) users: usize,
    pub(super) sip: SipOptions,
    pub(super) service_configuration: ServiceConfiguration,
}

async fn open_stage(casting: Casting, capture: &Capture) -> Result<(Cast, String), StoryError> {
    let Casting { users, sip, .. } = casting;
    let draw = |name: &str| Person::draw(name, None, &mut OsRandom);
    let members: Result<Vec<Person>, _> = (0..users).map(|number| draw(&name(number))).collect();
    let (members, mallory, dispatcher) = (members?, draw("mallory")?, draw("dispatcher")?);
    let everybody = members.iter().chain([&mallory, &dispatcher]);
    let options = SystemOptions {
        capture: Some(capture.clone()),
        people: everybody.cloned().collect(),
        administrators: BTreeSet::from([dispatcher.mcptt_id.clone()]),
        group_key_delays: Some(GROUP_KEY_DELAYS),
        sip,
        service_configuration: casting.service_configuration,
        location_reports: Some(usual_location_reports()),
    };
    let addresses = Addresses::any(&mut OsRandom).map_err(crate::system::SystemError::from)?;
    let system = System::start(addresses, options).await?;
    let detail = format!(
        "IdM {}, KMS {}, GMS {}, SIP core {} ({}), PF {}, CF {}",
        system.addresses.idm(),
        system.addresses.kms(),
        system.addresses.gms(),
        system.addresses.sip_core(),
        sip.core.name(),
        system.addresses.participating(),
        system.addresses.controlling(),
    );
    let cast = Cast {
        system,
        members,
        mallory,
        dispatcher,
    };
    Ok((cast, detail))
}

async fn raise_curtain<'a>(
    cast: Cast,
    voice: &'a Voice,
    capture: &Capture,
) -> Result<(Stage<'a>, String), StoryError> {
    let mut members = Vec::new();
    for (number, person) in cast.members.iter().enumerate() {
        members.push(Player::start(&cast.system, person, number, capture).await?);
    }
    let number = members.len();
    let mallory = Player::start(&cast.system, &cast.mallory, number, capture).await?;
    let dispatcher = Dispatcher::log_in(&cast.system, &cast.dispatcher).await?;
    let names: Vec<&str> = members.iter().map(Player::name).collect();
    let detail = format!("{}; mallory is no member of the group", names.join(", "));
    let passwords = cast.system.people.iter();
    let passwords = passwords.flat_map(|person| [&person.password, &person.sip_password]);
    let secrets = passwords
        .cloned()
        .chain(dispatcher.secrets().iter().cloned())
        .collect();
    let stage = Stage {
        group: group_id("fire-1")?,
        system: cast.system,
        capture: capture.clone(),
        voice,
        members,
        mallory,
        dispatcher,
        bursts: Vec::new(),
        phases: Vec::new(),
        secrets,
        csks: Vec::new(),
        keys_before: Vec::new(),
    };
    Ok((stage, detail))
}

/// What a member holds now.
pub(super) async fn keys_of(player: &Player) -> Result<MemberKeys, StoryError> {
    let missing = || StoryError::Wrong(format!("{} is not logged in", player.name()));
    let secrets = player.ue.secrets().await.ok_or_else(missing)?;
    Ok(MemberKeys {
        id: player.id().clone(),
        key_sets: secrets.key_sets,
        store: player.ue.look(|client| client.group_keys().clone()),
    })
}

/// Everything that the verdict needs besides the packets, collected before the log-off erases it.
async fn collect(stage: &mut Stage<'_>) -> Result<(Evidence, String), StoryError> {
    let mut keys_after = Vec::new();
    for player in &stage.members {
        keys_after.push(keys_of(player).await?);
    }
    let mallory = keys_of(&stage.mallory).await?;
    let kms = stage
        .mallory
        .ue
        .secrets()
        .await
        .and_then(|secrets| secrets.domain)
        .ok_or_else(|| StoryError::Wrong("the parameters of the KMS are missing".to_owned()))?;
    let group_key_messages = group_key_messages(stage).await?;
    let evidence = Evidence {
        packets: Vec::new(),
        needles: needles(stage)?,
        phases: core::mem::take(&mut stage.phases),
        bursts: core::mem::take(&mut stage.bursts),
        csks: core::mem::take(&mut stage.csks),
        spk: stage.system.spk.clone(),
        servers: stage.system.participating_keys.clone(),
        kms,
        group: stage.group.clone(),
        group_management: stage.system.domain.group_management.clone(),
        keys_before: core::mem::take(&mut stage.keys_before),
        keys_after,
        mallory,
        group_key_messages,
        removed: removal::REMOVED,
    };
    let detail = format!(
        "{} packets, {} secrets and identities to look for, {} CSKs, {} group key messages",
        stage.capture.len(),
        evidence.needles.len(),
        evidence.csks.len(),
        evidence.group_key_messages.len(),
    );
    Ok((evidence, detail))
}

/// The key messages in each member's GKTP document, fetched as the member does.
async fn group_key_messages(stage: &Stage<'_>) -> Result<Vec<(McpttId, Vec<u8>)>, StoryError> {
    let http = stage.system.https_client()?;
    let mut messages = Vec::new();
    for player in &stage.members {
        let Some(token) = player.ue.access_token().await else {
            continue;
        };
        let path = DocumentPath::Transport(player.id().clone());
        let url = format!("{}{path}", stage.system.xcap_root());
        let answer = http.get(&url, Some(&token), &[]).await?;
        if !answer.status.is_success() {
            continue;
        }
        let document = Gktps::read(answer.body.expose())
            .map_err(|error| StoryError::Wrong(error.to_string()))?;
        let keys = document.gmk.keys.into_iter();
        messages.extend(keys.map(|key| (player.id().clone(), key.message)));
    }
    Ok(messages)
}

/// What must not be seen on a SIP hop.
fn needles(stage: &Stage<'_>) -> Result<Vec<Needle>, StoryError> {
    let secrets = stage
        .secrets
        .iter()
        .map(|secret| Needle::secret(secret.expose()));
    let people = stage.system.people.iter();
    let ids = people.flat_map(|person| Needle::identity("MCPTT ID", person.mcptt_id.as_str()));
    let group = Needle::identity("group ID", stage.group.as_str());
    let mut needles: Vec<Needle> = secrets.chain(ids).chain(group).collect();
    for number in 0..stage.members.len() {
        needles.extend(Needle::location(&location::place_of(number)?));
    }
    Ok(needles)
}

/// Runs the same for several players at once and gives the results in their order.
pub(super) async fn for_all<'p, T>(
    players: impl IntoIterator<Item = &'p Player>,
    act: impl AsyncFn(&'p Player) -> Result<T, StoryError>,
) -> Result<Vec<T>, StoryError> {
    let acts = players.into_iter().map(|player| act(player));
    together(acts).await.into_iter().collect()
}
