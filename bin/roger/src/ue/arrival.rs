//! From the log-in to the affiliation. A step that fails says which hop, which identity and which key.

use super::events::Events;
use super::news::{News, name_of};
use super::password::{Password, PasswordSource};
use super::screen::Screen;
use super::state::Account;
use core::time::Duration;
use roger_base::{GroupId, McpttId};
use roger_documents::affiliation::AffiliationStatus;
use roger_sip::endpoint::Target;
use roger_ue::client::{Authorisation, GroupKeyState, Refusal, UeEvent, UeInput};
use roger_ue::shell::{GroupDocumentError, KeyProvisioningError, Ue, UeConfig, UeError};
use std::sync::Arc;
use thiserror::Error;

/// Longest wait for the answer to one step.
const PATIENCE: Duration = Duration::from_secs(15);

/// Requests to the KMS carry the time in seconds: two of one user in the same second are the same, and the KMS takes
/// the second one for a replay.
const NEXT_KMS_REQUEST: Duration = Duration::from_millis(1_100);

/// Why a user is not on the air.
#[derive(Debug, Error)]
pub(super) enum ArrivalError {
    #[error(
        "{user} cannot use {address} on this machine: {error} (another `roger ue --user {user}` may run)"
    )]
    Start {
        user: String,
        address: String,
        error: UeError,
    },
    #[error(
        "log-in of {user} at the IdM server {server}: {}; the password came from {source_of_password}",
        cause(error)
    )]
    LogIn {
        user: String,
        server: String,
        source_of_password: PasswordSource,
        error: UeError,
    },
    #[error(
        "the IdM server {server} logged {user} in as {got}, which is another user than {wanted}"
    )]
    OtherUser {
        user: String,
        server: String,
        got: McpttId,
        wanted: McpttId,
    },
    #[error(
        "user keys (SSK, RSK, PVT) of {user} from the KMS {server}: {}",
        cause(error)
    )]
    Keys {
        user: McpttId,
        server: String,
        error: UeError,
    },
    #[error("registration of {impu} at the SIP core {core}: {why}")]
    Register {
        impu: String,
        core: String,
        why: Why,
    },
    #[error(
        "service authorisation of {user} at the MCPTT server {server}, with the access token and a CSK for {mdsi}: {why}"
    )]
    Authorise {
        user: McpttId,
        server: String,
        mdsi: String,
        why: Why,
    },
    #[error(
        "subscription of {user} at the group management server {server}, under a CSK of its own: {why}"
    )]
    Watch {
        user: McpttId,
        server: String,
        why: Why,
    },
    #[error(
        "group document of {group} from the group management server, asked for by {user}: {error}"
    )]
    GroupDocument {
        user: McpttId,
        group: GroupId,
        error: GroupDocumentError,
    },
    #[error(
        "group key (GMK) of {group} for {user}, signed by the group management server {server}: {why}"
    )]
    GroupKey {
        user: McpttId,
        group: GroupId,
        server: String,
        why: Why,
    },
    #[error("affiliation of {user} to {group} at the MCPTT server {server}: {why}")]
    Affiliate {
        user: McpttId,
        group: GroupId,
        server: String,
        why: Why,
    },
}

/// Why a step did not come to its end.
#[derive(Debug, Error)]
pub(super) enum Why {
    #[error("refused: {0}")]
    Refused(Refusal),
    #[error("refused by this UE: {0}")]
    RefusedHere(String),
    #[error("no answer for {} s", PATIENCE.as_secs())]
    Late,
    #[error("the UE has stopped")]
    Stopped,
    #[error("it was answered that the user is {0}")]
    Status(&'static str),
}

/// Whether the KMS may have refused a request for being the same as another one.
const fn may_be_a_replay(error: &UeError) -> bool {
    matches!(
        error,
        UeError::Keys(KeyProvisioningError::DeniedByKms { status: 400, .. })
    )
}

/// What went wrong, without the name of the step: the step is named already.
fn cause(error: &UeError) -> String {
    match error {
        UeError::Login(error) => error.to_string(),
        UeError::Keys(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// A user on the air.
pub(super) struct OnAir {
    pub(super) ue: Arc<Ue>,
    pub(super) events: Events,
    pub(super) user: McpttId,
}

/// Names of the other ends of every hop, for messages.
struct Hops {
    idm: String,
    kms: String,
    core: String,
    impu: String,
    server: String,
    mdsi: String,
    group_management: String,
}

impl Hops {
    fn of(config: &UeConfig) -> Self {
        let settings = &config.settings;
        Self {
            idm: config.idm.party.issuer.as_str().to_owned(),
            kms: config.kms.base_url.clone(),
            core: match settings.core {
                Target::Address { peer, .. } | Target::Server { peer, .. } => peer.to_string(),
                Target::Flow(_) => "of this connection".to_owned(),
            },
            impu: settings.impu.as_str().to_owned(),
            server: settings.participating.as_str().to_owned(),
            mdsi: settings.mdsi.as_str().to_owned(),
            group_management: settings.group_management.as_str().to_owned(),
        }
    }
}

/// One user on her way to the air.
pub(super) struct Arrival<'s> {
    screen: &'s Screen,
    hops: Hops,
    login: String,
    ue: Arc<Ue>,
    events: Events,
}

impl<'s> Arrival<'s> {
    /// Binds the sockets of the UE.
    pub(super) async fn start(
        account: &Account,
        config: UeConfig,
        screen: &'s Screen,
    ) -> Result<Self, ArrivalError> {
        let (hops, login) = (Hops::of(&config), account.profile.login.clone());
        let started = Ue::start(config).await;
        let (ue, events) = started.map_err(|error| ArrivalError::Start {
            user: login.clone(),
            address: account.sip.to_string(),
            error,
        })?;
        Ok(Self {
            screen,
            hops,
            login,
            ue: Arc::new(ue),
            events: Events::new(events),
        })
    }

    /// Goes all the way; `group` is absent for a user who wants private calls only.
    pub(super) async fn go(
        mut self,
        wanted: &McpttId,
        password: &Password,
        group: Option<&GroupId>,
    ) -> Result<OnAir, ArrivalError> {
        let user = self.log_in(wanted, password).await?;
        self.fetch_keys(&user).await?;
        if let Some(group) = group {
            self.read_group(&user, group).await?;
        }
        self.register().await?;
        self.authorise(&user).await?;
        if let Some(group) = group {
            self.take_group_key(&user, group).await?;
            self.affiliate(&user, group).await?;
        }
        Ok(OnAir {
            ue: self.ue,
            events: self.events,
            user,
        })
    }

    fn tell(&self, step: &'static str, detail: String) {
        self.screen.tell(&News::Step { step, detail });
    }

    async fn log_in(&self, wanted: &McpttId, password: &Password) -> Result<McpttId, ArrivalError> {
        let logged_in = self.ue.log_in(&self.login, password.text()).await;
        let server = || self.hops.idm.clone();
        let user = logged_in.map_err(|error| ArrivalError::LogIn {
            user: self.login.clone(),
            server: server(),
            source_of_password: password.source(),
            error,
        })?;
        if user != *wanted {
            return Err(ArrivalError::OtherUser {
                user: self.login.clone(),
                server: server(),
                got: user,
                wanted: wanted.clone(),
            });
        }
        self.tell(
            "log-in",
            format!("{user} at the IdM server {}", self.hops.idm),
        );
        Ok(user)
    }

    async fn fetch_keys(&self, user: &McpttId) -> Result<(), ArrivalError> {
        let mut fetched = self.ue.fetch_keys().await;
        if fetched.as_ref().is_err_and(may_be_a_replay) {
            tokio::time::sleep(NEXT_KMS_REQUEST).await;
            fetched = self.ue.fetch_keys().await;
        }
        fetched.map_err(|error| ArrivalError::Keys {
            user: user.clone(),
            server: self.hops.kms.clone(),
            error,
        })?;
        let detail = format!(
            "user key set from the KMS {}, unwrapped and checked",
            self.hops.kms
        );
        self.tell("keys", detail);
        Ok(())
    }

    /// The document tells a group that does not exist from one that the user is no member of; the refusals of the
    /// later steps do not.
    async fn read_group(&self, user: &McpttId, group: &GroupId) -> Result<(), ArrivalError> {
        let document = self.ue.group_document(group).await;
        let document = document.map_err(|error| ArrivalError::GroupDocument {
            user: user.clone(),
            group: group.clone(),
            error,
        })?;
        let name = document.display_name.unwrap_or_else(|| group.to_string());
        let detail = format!("{name:?}, {} members", document.members.len());
        self.tell("group document", detail);
        Ok(())
    }

    async fn register(&mut self) -> Result<(), ArrivalError> {
        self.ue.input(UeInput::Register(Authorisation::InRegister));
        let registered = self.wait(|event| match event {
            UeEvent::Registered => Some(Ok(())),
            UeEvent::NotRegistered(refusal) => Some(Err(Why::Refused(refusal.clone()))),
            _ => None,
        });
        registered.await.map_err(|why| ArrivalError::Register {
            impu: self.hops.impu.clone(),
            core: self.hops.core.clone(),
            why,
        })?;
        let detail = format!("{} at the SIP core {}", self.hops.impu, self.hops.core);
        self.tell("registration", detail);
        Ok(())
    }

    async fn authorise(&mut self, user: &McpttId) -> Result<(), ArrivalError> {
        self.ue.input(UeInput::Publish);
        let authorised = self.wait(|event| match event {
            UeEvent::Authorised => Some(Ok(())),
            UeEvent::NotAuthorised(refusal) => Some(Err(Why::Refused(refusal.clone()))),
            _ => None,
        });
        authorised.await.map_err(|why| ArrivalError::Authorise {
            user: user.clone(),
            server: self.hops.server.clone(),
            mdsi: self.hops.mdsi.clone(),
            why,
        })?;
        let key = self
            .ue
            .look(|client| client.client_server_key().map(|bound| bound.csk.id()));
        let key = key.map_or_else(String::new, |id| format!(", CSK {id}"));
        let detail = format!(
            "{} at the MCPTT server {}{key}",
            name_of(user),
            self.hops.server
        );
        self.tell("service authorisation", detail);
        Ok(())
    }

    async fn take_group_key(
        &mut self,
        user: &McpttId,
        group: &GroupId,
    ) -> Result<(), ArrivalError> {
        let server = self.hops.group_management.clone();
        self.ue.input(UeInput::WatchGroups(vec![group.clone()]));
        let watching = self.wait(|event| match event {
            UeEvent::Watching => Some(Ok(())),
            UeEvent::NotWatching(refusal) => Some(Err(Why::Refused(refusal.clone()))),
            _ => None,
        });
        watching.await.map_err(|why| ArrivalError::Watch {
            user: user.clone(),
            server: server.clone(),
            why,
        })?;
        let key = self.wait(|event| match event {
            UeEvent::GroupKey {
                gmk_id,
                groups,
                state: GroupKeyState::Valid,
            } if groups.contains(group) => Some(Ok(*gmk_id)),
            UeEvent::GroupKeyRefused(reason) => Some(Err(Why::RefusedHere(reason.clone()))),
            _ => None,
        });
        let key = key.await.map_err(|why| ArrivalError::GroupKey {
            user: user.clone(),
            group: group.clone(),
            server: server.clone(),
            why,
        })?;
        self.tell(
            "group key",
            format!("GMK {key} of {group}, signed by {server}"),
        );
        Ok(())
    }

    async fn affiliate(&mut self, user: &McpttId, group: &GroupId) -> Result<(), ArrivalError> {
        self.ue.input(UeInput::Affiliate(vec![group.clone()]));
        let affiliated = self.wait(|event| match event {
            UeEvent::Affiliation(of, AffiliationStatus::Affiliated) if of == group => Some(Ok(())),
            UeEvent::Affiliation(of, AffiliationStatus::Deaffiliated) if of == group => {
                Some(Err(Why::Status("not affiliated")))
            }
            UeEvent::NotAffiliated(refusal) => Some(Err(Why::Refused(refusal.clone()))),
            _ => None,
        });
        affiliated.await.map_err(|why| ArrivalError::Affiliate {
            user: user.clone(),
            group: group.clone(),
            server: self.hops.server.clone(),
            why,
        })?;
        self.tell("affiliation", format!("{} to {group}", name_of(user)));
        Ok(())
    }

    async fn wait<T>(
        &mut self,
        wanted: impl FnMut(&UeEvent) -> Option<Result<T, Why>>,
    ) -> Result<T, Why> {
        match tokio::time::timeout(PATIENCE, self.events.find(wanted)).await {
            Ok(Some(found)) => found,
            Ok(None) => Err(Why::Stopped),
            Err(_) => Err(Why::Late),
        }
    }
}
