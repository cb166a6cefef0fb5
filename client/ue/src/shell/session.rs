//! Log-in and keys of the user of a UE, kept fresh while it runs.

use super::config::{IdmAccess, KmsAccess};
use super::{Inner, KeyProvisioning, UeError};
use crate::client::{UeInput, UeUser};
use core::time::Duration;
use roger_adapter_http::{Clock as _, HttpsClient, IdmClient, OsRandom, SystemClock};
use roger_base::{McpttId, SecretBytes};
use roger_ibc::{KmsDomain, UserKeySet};
use roger_oidc::AccessToken;
use roger_oidc::client::Tokens;
use std::sync::Arc;
use tokio::sync::Mutex;

/// A token is refreshed so long before it ends.
const REFRESH_BEFORE: Duration = Duration::from_secs(120);
/// How often a UE looks whether something has to be refreshed.
const LOOK_EVERY: Duration = Duration::from_secs(20);

/// Who is logged in.
#[derive(Default)]
struct State {
    tokens: Option<Tokens>,
    keys: Option<(KmsDomain, Vec<UserKeySet>)>,
    provisioning: Option<KeyProvisioning>,
}

/// Secrets of a session, for a program that proves that they show nowhere.
pub struct SessionSecrets {
    /// Every token held.
    pub tokens: Vec<SecretBytes>,
    /// Parameters of the KMS; absent before the keys were fetched.
    pub domain: Option<KmsDomain>,
    /// Key sets of the user.
    pub key_sets: Vec<UserKeySet>,
}

/// The session of a UE.
pub(super) struct Session {
    idm: IdmClient,
    access: IdmAccess,
    kms: KmsAccess,
    http: HttpsClient,
    state: Mutex<State>,
}

impl Session {
    pub(super) fn new(access: IdmAccess, kms: KmsAccess, http: HttpsClient) -> Self {
        let idm = IdmClient::new(
            http.clone(),
            access.party.clone(),
            access.jwks_url.clone(),
            Arc::new(SystemClock),
        );
        Self {
            idm,
            access,
            kms,
            http,
            state: Mutex::default(),
        }
    }

    pub(super) async fn log_in(&self, username: &str, password: &str) -> Result<McpttId, UeError> {
        let password = SecretBytes::new(password.as_bytes().to_vec());
        let tokens = self
            .idm
            .log_in(&self.access.scopes, username, &password, &mut OsRandom)
            .await?;
        let user = tokens.mcptt_id.clone();
        let mut state = self.state.lock().await;
        // The keys of another user are nothing for this one.
        *state = State {
            tokens: Some(tokens),
            ..State::default()
        };
        Ok(user)
    }

    /// Fetches certificate and key sets; gives the input that hands them to the client.
    pub(super) async fn fetch_keys(&self) -> Result<UeInput, UeError> {
        let mut state = self.state.lock().await;
        let state = &mut *state;
        let tokens = state.tokens.as_ref().ok_or(UeError::LocalNotLoggedIn)?;
        let provisioning = state.provisioning.get_or_insert_with(|| {
            KeyProvisioning::new(
                self.http.clone(),
                self.kms.base_url.clone(),
                tokens.mcptt_id.as_str().to_owned(),
                self.kms.kms_uri.clone(),
                self.kms.keys.clone(),
            )
        });
        let token = Some(&tokens.access_token);
        let domain = provisioning.domain(token).await?;
        let key_sets = provisioning
            .key_sets(tokens.mcptt_id.as_str(), &domain, token)
            .await?;
        state.keys = Some((domain, key_sets));
        user_of(state).ok_or(UeError::LocalNotLoggedIn)
    }

    /// The access token to send now.
    pub(super) async fn access_token(&self) -> Option<AccessToken> {
        let state = self.state.lock().await;
        state
            .tokens
            .as_ref()
            .map(|tokens| tokens.access_token.clone())
    }

    pub(super) async fn secrets(&self) -> Option<SessionSecrets> {
        let state = self.state.lock().await;
        let tokens = state.tokens.as_ref()?;
        let secret = |text: &str| SecretBytes::new(text.as_bytes().to_vec());
        let all = [
            Some(secret(tokens.access_token.expose())),
            tokens.id_token.as_ref().map(|token| secret(token.expose())),
            tokens
                .refresh_token
                .as_ref()
                .map(|token| secret(token.expose())),
        ];
        let (domain, key_sets) = state.keys.clone().unzip();
        Some(SessionSecrets {
            tokens: all.into_iter().flatten().collect(),
            domain,
            key_sets: key_sets.unwrap_or_default(),
        })
    }

    /// Forgets tokens and keys.
    pub(super) async fn forget(&self) {
        *self.state.lock().await = State::default();
    }

    /// Refreshes the tokens when they end soon; gives the input that hands the new ones to the client.
    async fn refresh(&self) -> Option<UeInput> {
        let mut state = self.state.lock().await;
        let due = |tokens: &Tokens| tokens.expires_at <= SystemClock.now() + REFRESH_BEFORE;
        if !state.tokens.as_ref().is_some_and(due) {
            return None;
        }
        let old = state.tokens.take()?;
        match self.idm.refresh(old).await {
            Ok(tokens) => {
                state.tokens = Some(tokens);
                user_of(&state)
            }
            Err(error) => {
                tracing::warn!(%error, "the tokens could not be refreshed; log in again");
                None
            }
        }
    }

    /// Whether keys were fetched and none of them is for now any more.
    async fn keys_have_ended(&self) -> bool {
        let state = self.state.lock().await;
        let Some((domain, key_sets)) = &state.keys else {
            return false;
        };
        let now = domain.key_period.number_at(SystemClock.now().to_ntp());
        !key_sets.iter().any(|set| set.period_number == now)
    }
}

fn user_of(state: &State) -> Option<UeInput> {
    let (tokens, (domain, key_sets)) = (state.tokens.as_ref()?, state.keys.as_ref()?);
    Some(UeInput::User(Box::new(UeUser {
        mcptt_id: tokens.mcptt_id.clone(),
        token: SecretBytes::new(tokens.access_token.expose().as_bytes().to_vec()),
        key_sets: key_sets.clone(),
        kms: domain.clone(),
    })))
}

/// Refreshes tokens before they end, and fetches the keys of the next key period when it has begun.
pub(super) async fn keep_fresh(inner: Arc<Inner>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Some(user) = inner.session.refresh().await {
            inner.input(user);
        }
        if inner.session.keys_have_ended().await {
            match inner.session.fetch_keys().await {
                Ok(user) => inner.input(user),
                Err(error) => tracing::warn!(%error, "the keys of this key period are missing"),
            }
        }
    }
}
