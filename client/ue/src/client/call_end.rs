//! The end of a call, by whomever it comes (TS 24.379 cl. 6.2.5, TS 24.380 cl. 6.2.6).

use super::call::{Call, CallState};
use super::{CallNumber, UeClient, UeEvent};
use roger_floor::participant::Input;
use roger_sip::application::Context;
use roger_sip::endpoint::DialogId;

impl UeClient {
    pub(super) fn on_dialog_ended(&mut self, context: &mut Context<'_>, dialog: DialogId) {
        let Some(number) = self.dialogs.remove(&dialog) else {
            return;
        };
        self.drop_call(context, number);
        self.tell(UeEvent::CallEnded(number));
    }

    /// Ends a call, or refuses one that rings.
    pub(super) fn hang_up(&mut self, context: &mut Context<'_>, number: CallNumber) {
        let Some(call) = self.drop_call(context, number) else {
            return;
        };
        let ended = match call.state {
            CallState::Connected(dialog) => {
                self.dialogs.remove(&dialog);
                context
                    .endpoint
                    .bye(context.now, context.random, dialog)
                    .map(|_| ())
            }
            CallState::Calling(handle) => {
                self.requests.remove(&handle);
                context.endpoint.cancel(context.now, handle)
            }
            CallState::Ringing {
                transaction,
                request,
            } => {
                self.transactions.remove(&transaction);
                let declined = self.declined(&request);
                context
                    .endpoint
                    .respond(context.now, context.random, transaction, declined)
                    .map(|_| ())
            }
        };
        if let Err(error) = ended {
            tracing::warn!(%error, "the other side could not be told that the call is over");
        }
        self.tell(UeEvent::CallEnded(number));
    }

    /// Forgets a call; its keys are erased with it.
    pub(super) fn drop_call(
        &mut self,
        context: &mut Context<'_>,
        number: CallNumber,
    ) -> Option<Call> {
        self.with_call(context, number, |call, bench| {
            call.floor_input(bench, Input::ReleaseCall);
            call.floor_input(bench, Input::CallReleased);
        });
        let call = self.calls.remove(&number)?;
        self.pairs.remove(&call.pair.id);
        self.ports.close(call.pair.id);
        Some(call)
    }
}
