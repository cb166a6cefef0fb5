//! What becomes of a user who is there.

use super::{Found, find, record};
use crate::answer::Answer;
use crate::session::{Deed, Session};
use crate::{AdminError, passphrase};
use roger_idm::ports::{
    BrowserSessionRepository as _, PasskeyRepository as _, SecondFactorRepository as _,
};
use roger_idm::{User, UserState};
use roger_oidc::provider::{GrantOwner, GrantRepository as _};
use roger_serve::plug::Ask;
use serde_json::json;
use std::path::Path;

pub(super) const fn name(state: UserState) -> &'static str {
    match state {
        UserState::Enabled => "enabled",
        UserState::Disabled => "disabled",
    }
}

pub(super) fn set(session: &Session, login: &str, to: UserState) -> Result<Answer, AdminError> {
    let Found { user, .. } = find(session, login)?;
    let action = match to {
        UserState::Enabled => "user enable",
        UserState::Disabled => "user disable",
    };
    session.act(&Deed::new(action, [&user.mcptt_id]), || {
        session.store.set_user_state(&user.login, to)?;
        match to {
            UserState::Enabled => Ok(()),
            UserState::Disabled => end_everything(session, &user),
        }
    })?;
    Ok(told(&user, name(to)))
}

pub(super) fn password(
    session: &Session,
    login: &str,
    file: Option<&Path>,
    ask: Ask<'_>,
) -> Result<Answer, AdminError> {
    let Found { user, .. } = find(session, login)?;
    let prompt = format!("New password of {login}");
    let chosen = passphrase::chosen(file, &prompt, ask)?;
    let hash = record::hash(&chosen, &user.login)?;
    session.act(&Deed::new("user password", [&user.mcptt_id]), || {
        session.store.set_password(&user.login, &hash)?;
        end_everything(session, &user)
    })?;
    Ok(told(&user, "has another password"))
}

pub(super) fn reset_factor(session: &Session, login: &str) -> Result<Answer, AdminError> {
    let Found { user, .. } = find(session, login)?;
    session.act(&Deed::new("user reset-factor", [&user.mcptt_id]), || {
        session.store.put_second_factor(&user.subject, None)?;
        for passkey in session.store.passkeys_of(&user.subject)? {
            session.store.remove_passkey(&user.subject, &passkey.id)?;
        }
        end_everything(session, &user)
    })?;
    Ok(told(&user, "has no authenticator app and no passkey"))
}

pub(super) fn remove(session: &Session, login: &str) -> Result<Answer, AdminError> {
    let Found { user, .. } = find(session, login)?;
    session.act(&Deed::new("user remove", [&user.mcptt_id]), || {
        // Tokens first: broken off here, the user is there and can be removed again.
        end_everything(session, &user)?;
        Ok(session.store.remove_user(&user)?)
    })?;
    Ok(told(&user, "removed"))
}

/// Ends what the user has: sessions of browsers, refresh tokens, access tokens.
fn end_everything(session: &Session, user: &User) -> Result<(), AdminError> {
    session.store.end_browsers_of(&user.subject)?;
    let owner = GrantOwner::Subject(user.subject.clone());
    Ok(session.store.revoke_grants_of(&owner)?)
}

fn told(user: &User, what: &str) -> Answer {
    let (login, mcptt_id) = (user.login.as_str(), user.mcptt_id.as_str());
    let json = json!({ "login": login, "mcptt_id": mcptt_id, "state": what });
    Answer::new(format!("{login} ({mcptt_id}): {what}"), json)
}
