//! `roger admin client`: applications that log users in.

use crate::answer::Answer;
use crate::session::{Deed, Session, now};
use crate::{AdminError, Common, moment};
use clap::{Args, Subcommand, ValueEnum};
use roger_adapter_http::OsRandom;
use roger_base::UnixTime;
use roger_oidc::provider::{
    ApplicationType, Client, ClientDetails, ClientKind, ClientRegistry as _, ClientRepository as _,
    ConsentPolicy, GrantOwner, GrantRepository as _, RegistrationPermit,
};
use roger_oidc::{ClientSecret, InitialAccessToken, OauthClientId, RedirectUri, ScopeSet};
use roger_serve::plug::Ask;
use serde_json::json;

/// Commands about clients.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Adds a client.
    Add(Add),
    /// Shows all clients.
    List,
    /// Removes a client: its tokens end at once.
    Remove {
        /// `client_id`.
        id: String,
    },
    /// Makes an initial access token, with which clients register themselves (RFC 7591), and shows it once.
    Permit {
        /// How many may register with it.
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        uses: u32,
        /// How long it is good.
        #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=366))]
        days: u32,
    },
}

/// How a client proves itself.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// An app on a device: no secret, PKCE.
    Public,
    /// A server with a secret.
    Confidential,
    /// A server that asks about tokens, and gets none.
    ResourceServer,
}

/// Arguments of `client add`.
#[derive(Args)]
pub(crate) struct Add {
    /// `client_id`.
    id: String,
    /// Name for the log-in page.
    #[arg(long)]
    name: String,
    /// How it proves itself; a secret is shown once.
    #[arg(long, value_enum, default_value = "public")]
    kind: Kind,
    /// Where the answer may go.
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Where the browser may go after a log-out.
    #[arg(long = "post-logout-uri", value_name = "URI")]
    post_logout_uris: Vec<String>,
    /// What it may ask for, separated by spaces; without it, every scope of MCPTT.
    #[arg(long, value_name = "SCOPES")]
    scopes: Option<String>,
    /// A site on a web server, not an app.
    #[arg(long)]
    web: bool,
    /// Ask users before it gets anything.
    #[arg(long)]
    ask_consent: bool,
}

pub(crate) fn run(command: &Command, common: &Common, ask: Ask<'_>) -> Result<Answer, AdminError> {
    let session = Session::open(common, ask)?;
    match command {
        Command::Add(order) => order.run(&session),
        Command::List => list(&session),
        Command::Remove { id } => remove(&session, id),
        Command::Permit { uses, days } => permit(&session, *uses, *days),
    }
}

impl Add {
    fn run(&self, session: &Session) -> Result<Answer, AdminError> {
        let id = OauthClientId::new(self.id.as_str()).map_err(AdminError::refused)?;
        if session.store.client(&id)?.is_some() {
            return Err(AdminError::refused(format!("{} is there already", self.id)));
        }
        let secret = match self.kind {
            Kind::Public => None,
            Kind::Confidential | Kind::ResourceServer => Some(ClientSecret::random(&mut OsRandom)?),
        };
        let client = self.client(id, secret.as_ref())?;
        session.act(&Deed::new("client add", [&self.id]), || {
            Ok(session.store.put_client(&client)?)
        })?;
        let shown = secret.as_ref().map(ClientSecret::expose);
        let text = match shown {
            None => format!("{} is added", self.id),
            Some(secret) => format!(
                "{} is added. Its secret, shown this once: {secret}",
                self.id
            ),
        };
        Ok(Answer::new(
            text,
            json!({ "client_id": self.id, "client_secret": shown }),
        ))
    }

    fn client(
        &self,
        id: OauthClientId,
        secret: Option<&ClientSecret>,
    ) -> Result<Client, AdminError> {
        let kind = match (self.kind, secret.map(ClientSecret::digest)) {
            (Kind::Confidential, Some(secret)) => ClientKind::Confidential { secret },
            (Kind::ResourceServer, Some(secret)) => ClientKind::ResourceServer { secret },
            _ => ClientKind::Public,
        };
        if self.redirect_uris.is_empty() && self.kind != Kind::ResourceServer {
            return Err(AdminError::refused(
                "--redirect-uri is missing: where may the answer go?",
            ));
        }
        let scopes = self.scopes.as_deref().map(ScopeSet::parse).transpose();
        let scopes = scopes.map_err(AdminError::refused)?;
        Ok(Client {
            id,
            name: self.name.clone(),
            kind,
            redirect_uris: uris(&self.redirect_uris)?,
            scopes: scopes.unwrap_or_else(ScopeSet::every_mcptt_scope),
            details: ClientDetails {
                consent: match self.ask_consent {
                    true => ConsentPolicy::Ask,
                    false => ConsentPolicy::Implied,
                },
                application: match self.web {
                    true => ApplicationType::Web,
                    false => ApplicationType::Native,
                },
                post_logout_redirect_uris: uris(&self.post_logout_uris)?,
                registration_token: None,
            },
        })
    }
}

fn uris(texts: &[String]) -> Result<Vec<RedirectUri>, AdminError> {
    let uris = texts.iter().map(|uri| RedirectUri::new(uri.as_str()));
    uris.collect::<Result<_, _>>().map_err(AdminError::refused)
}

fn list(session: &Session) -> Result<Answer, AdminError> {
    let mut rows = Vec::new();
    for id in session.store.client_ids()? {
        let Some(client) = session.store.client(&id)? else {
            continue;
        };
        let kind = match client.kind {
            ClientKind::Public => "public",
            ClientKind::Confidential { .. } => "confidential",
            ClientKind::ResourceServer { .. } => "resource-server",
        };
        let itself = client.details.registration_token.is_some();
        let uris: Vec<_> = client
            .redirect_uris
            .iter()
            .map(RedirectUri::as_str)
            .collect();
        rows.push([
            id.as_str().to_owned(),
            client.name,
            kind.to_owned(),
            if itself { "itself" } else { "operator" }.to_owned(),
            uris.join(" "),
        ]);
    }
    let heading = [
        "client_id",
        "name",
        "kind",
        "registered_by",
        "redirect_uris",
    ];
    Ok(Answer::list(heading, rows))
}

fn remove(session: &Session, id: &str) -> Result<Answer, AdminError> {
    let client = OauthClientId::new(id).map_err(AdminError::refused)?;
    if session.store.client(&client)?.is_none() {
        return Err(AdminError::refused(format!("there is no client {id}")));
    }
    if session
        .config
        .idm
        .iter()
        .flat_map(|idm| &idm.clients)
        .any(|known| known.id == id)
    {
        return Err(AdminError::refused(format!(
            "{id} is in the configuration, which would bring it back: remove it there first"
        )));
    }
    session.act(&Deed::new("client remove", [id]), || {
        session.store.remove_client(&client)?;
        Ok(session
            .store
            .revoke_grants_of(&GrantOwner::Client(client))?)
    })?;
    Ok(Answer::new(
        format!("{id} is removed"),
        json!({ "removed": id }),
    ))
}

fn permit(session: &Session, uses: u32, days: u32) -> Result<Answer, AdminError> {
    let token = InitialAccessToken::random(&mut OsRandom)?;
    let lifetime = u64::from(days).saturating_mul(86_400);
    let permit = RegistrationPermit {
        uses,
        expires_at: UnixTime(now().0.saturating_add(lifetime)),
    };
    let whom = [format!("{uses} registrations within {days} days")];
    session.act(&Deed::new("client permit", whom), || {
        Ok(session.store.put_permit(&token.digest(), &permit)?)
    })?;
    let (until, shown) = (moment::written(Some(permit.expires_at)), token.expose());
    let text =
        format!("Initial access token, shown this once, for {uses} clients until {until}: {shown}");
    let json = json!({ "initial_access_token": shown, "uses": uses, "expires_at": until });
    Ok(Answer::new(text, json))
}
