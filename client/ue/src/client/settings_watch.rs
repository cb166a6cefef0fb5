//! Watching the service settings that the server holds of this client (TS 24.379 cl. 7.2.4; RFC 6665).

use super::affiliation_watch::ends_subscription;
use super::authorisation::{MakeError, Remedy};
use super::{Purpose, Refusal, UeClient, UeEvent, refused, reply};
use roger_call::answer::plain;
use roger_sip::application::Context;
use roger_sip::endpoint::{Answer, DialogId, EndpointError, Incoming};
use roger_sip::header::SubscriptionState;
use roger_sip::message::StatusCode;
use roger_sip::subscription::EndReason;
use tracing::info;

impl UeClient {
    pub(super) fn watch_settings(&mut self, context: &mut Context<'_>) {
        if let Err(error) = self.subscribe_to_settings(context) {
            let reason = Refusal::Local(error.to_string());
            self.tell(UeEvent::NotWatchingSettings(reason));
        }
    }

    fn subscribe_to_settings(&mut self, context: &mut Context<'_>) -> Result<(), MakeError> {
        let user = self.user.as_ref().ok_or(MakeError::NoUser)?;
        let user = user.mcptt_id.clone();
        let (package, accepted) = ("poc-settings", "application/poc-settings+xml");
        self.subscribe(context, &user, package, accepted, Purpose::WatchSettings)?;
        Ok(())
    }

    pub(super) fn on_watch_settings_answer(&mut self, context: &mut Context<'_>, answer: &Answer) {
        let status = answer.response.status();
        if status.is_success() {
            self.settings_dialog = answer.dialog.or(self.settings_dialog);
        } else if status.is_final() {
            let refusal = refused(&answer.response);
            let remedy = Remedy::of(&refusal);
            self.tell(UeEvent::NotWatchingSettings(refusal));
            self.apply(context, remedy);
        }
    }

    pub(super) fn on_settings_notify(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        dialog: DialogId,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        if self.user.is_none() {
            // The last word of a subscription that ended with the log-off.
            let gone = plain(request, StatusCode::CALL_DOES_NOT_EXIST);
            return reply(context, incoming, gone);
        }
        reply(context, incoming, plain(request, StatusCode::OK))?;
        self.settings_dialog = Some(dialog);
        if !request.body().is_empty() {
            match self.open(request).and_then(|body| Ok(body.required()?)) {
                Ok(settings) => self.tell(UeEvent::Settings(settings)),
                Err(error) => info!(%error, "a notification of settings could not be read"),
            }
        }
        if ends_subscription(request) {
            self.settings_dialog = None;
            self.on_settings_end(&end_reason(incoming));
        }
        Ok(())
    }

    /// The server does not tell the settings any more; `rejected` says that the authorisation is withdrawn.
    fn on_settings_end(&mut self, reason: &EndReason) {
        let text = format!("the server ended it: {}", reason.as_str());
        self.tell(UeEvent::NotWatchingSettings(Refusal::Local(text)));
        if *reason == EndReason::Rejected && !self.is_token_refused() {
            self.on_withdrawn();
        }
    }

    pub(super) fn stop_watching_settings(&mut self, context: &mut Context<'_>) {
        let Some(dialog) = self.settings_dialog.take() else {
            return;
        };
        // The server ends it with the log-off; its last NOTIFY is answered without this dialog being known.
        context.endpoint.forget_dialog(dialog);
    }
}

fn end_reason(incoming: &Incoming) -> EndReason {
    let state = incoming.request.headers().subscription_state();
    let state = state.ok().flatten();
    EndReason::parse(state.as_ref().and_then(SubscriptionState::reason))
}
