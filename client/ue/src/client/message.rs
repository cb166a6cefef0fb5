//! MESSAGE from and to the participating function: where users are (TS 24.379 cl. 13.3), and proposals of affiliations
//! (cl. 9.2.1.4, 9.2.1.5).

use super::authorisation::{MakeError, Remedy};
use super::call::CallKeys;
use super::{CallNumber, Purpose, Refusal, UeClient, UeEvent, refused, reply};
use roger_base::McpttId;
use roger_call::answer::{asserted_identity, plain, refusal};
use roger_call::body::Body;
use roger_call::request::finish;
use roger_call::warning::WarningCode;
use roger_documents::Document;
use roger_documents::affiliation_command::AffiliationCommand;
use roger_documents::location_info::{
    LocationInfo, LocationReport, LocationRequest, SignallingEvent,
};
use roger_documents::mcptt_info::{McpttInfo, RequestUri};
use roger_sip::application::Context;
use roger_sip::endpoint::{EndpointError, Incoming};
use roger_sip::message::{Method, Request, Response, StatusCode};
use tracing::info;

/// What a MESSAGE of the participating function was taken for.
enum Taken {
    Yes,
    UnknownBody,
}

impl UeClient {
    // Received ------------------------------------------------------------------------------------------------

    /// A MESSAGE without a key message in it.
    pub(super) fn on_participating_message(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        // Only the participating function has anything to say here; others may not pretend, whatever is switched off.
        let from_server = asserted_identity(request.headers())
            .is_some_and(|identity| identity.as_str() == self.settings.participating.as_str());
        if !from_server {
            return reply(context, incoming, plain(request, StatusCode::FORBIDDEN));
        }
        let response = match self.take_message(context, request) {
            Ok(Taken::Yes) => plain(request, StatusCode::OK),
            Ok(Taken::UnknownBody) => plain(request, StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Err(error) => {
                info!(%error, "a MESSAGE was refused");
                if error.names_unknown_key() {
                    self.renew_key(context);
                }
                self.message_refusal(request, &error)
            }
        };
        reply(context, incoming, response)?;
        self.send_reports(context);
        Ok(())
    }

    fn message_refusal(&self, request: &Request, error: &MakeError) -> Response {
        let warning = match error {
            MakeError::Body(error) => error.warning(),
            MakeError::Protection(error) => error.warning(),
            _ => WarningCode::UNABLE_TO_DECRYPT,
        };
        let (status, host) = (StatusCode::FORBIDDEN, &self.settings.sip_domain);
        refusal(request, status, warning, host)
    }

    fn take_message(
        &mut self,
        context: &Context<'_>,
        request: &Request,
    ) -> Result<Taken, MakeError> {
        let body = self.open(request)?;
        let info: Option<McpttInfo> = body.document()?;
        let by = info.and_then(|info| info.calling_user_id);
        if let Some(location) = body.document::<LocationInfo>()? {
            self.take_location(context, location, by);
            return Ok(Taken::Yes);
        }
        let command: Option<AffiliationCommand> = body.document()?;
        match (command, by) {
            (Some(command), Some(by)) => {
                self.tell(UeEvent::AffiliationProposed { by, command });
                Ok(Taken::Yes)
            }
            _ => Ok(Taken::UnknownBody),
        }
    }

    fn take_location(&mut self, context: &Context<'_>, info: LocationInfo, by: Option<McpttId>) {
        match info {
            LocationInfo::Configuration(configuration) => {
                self.reporter.configure(context.now, configuration);
            }
            LocationInfo::Request(request) => self.reporter.on_request(request.id),
            LocationInfo::Report(report) => {
                if let Some(user) = by {
                    self.tell(UeEvent::LocationOf(user, report));
                }
            }
        }
    }

    // Sent ----------------------------------------------------------------------------------------------------

    /// A call has begun, which may trigger a report.
    pub(super) fn report_call(&mut self, context: &mut Context<'_>, number: CallNumber) {
        let Some(call) = self.calls.get(&number) else {
            return;
        };
        self.reporter.on_event(match call.keys {
            CallKeys::Group { .. } => SignallingEvent::GroupCall,
            CallKeys::Private { .. } => SignallingEvent::PrivateCall,
        });
        self.send_reports(context);
    }

    /// Sends the reports that are due; what cannot be sent is lost, a later one tells more.
    pub(super) fn send_reports(&mut self, context: &mut Context<'_>) {
        if self.csk.is_none() && self.is_protected() {
            return;
        }
        while let Some(report) = self.reporter.poll(context.now) {
            if let Err(error) = self.send_report(context, report) {
                let reason = Refusal::Local(error.to_string());
                self.tell(UeEvent::LocationNotReported(reason));
            }
        }
    }

    fn send_report(
        &mut self,
        context: &mut Context<'_>,
        report: LocationReport,
    ) -> Result<(), MakeError> {
        let user = self.user.as_ref().ok_or(MakeError::NoUser)?;
        let user = user.mcptt_id.clone();
        let document = LocationInfo::Report(report);
        self.send_message(context, &user, &document, Purpose::Report)
    }

    /// Asks where another user is.
    pub(super) fn ask_location(&mut self, context: &mut Context<'_>, user: &McpttId) {
        let document = LocationInfo::Request(LocationRequest::default());
        if let Err(error) = self.send_message(context, user, &document, Purpose::AskLocation) {
            self.tell(UeEvent::NoLocation(Refusal::Local(error.to_string())));
        }
    }

    /// Proposes affiliations to another user (negotiated mode).
    pub(super) fn propose_affiliations(
        &mut self,
        context: &mut Context<'_>,
        user: &McpttId,
        command: &AffiliationCommand,
    ) {
        if let Err(error) = self.send_message(context, user, command, Purpose::Propose) {
            self.tell(UeEvent::NotProposed(Refusal::Local(error.to_string())));
        }
    }

    fn send_message<D: Document>(
        &mut self,
        context: &mut Context<'_>,
        about: &McpttId,
        document: &D,
        purpose: Purpose,
    ) -> Result<(), MakeError> {
        let info = McpttInfo {
            request_uri: Some(RequestUri::from(about)),
            ..McpttInfo::default()
        };
        let body = Body::new().with_document(&info).with_document(document);
        let body = self.protect(context, body)?;
        let builder = self.request(context, Method::Message)?;
        let request = finish(builder, &body, context.random)?;
        let (now, core) = (context.now, self.settings.core);
        let handle = context
            .endpoint
            .send_request(now, context.random, request, core)?;
        self.requests.insert(handle, purpose);
        Ok(())
    }

    pub(super) fn on_message_answer(
        &mut self,
        context: &mut Context<'_>,
        purpose: Purpose,
        response: &Response,
    ) {
        if !response.status().is_final() {
            return;
        }
        if response.status().is_success() {
            if purpose == Purpose::Report {
                self.tell(UeEvent::LocationReported);
            }
            return;
        }
        let refusal = refused(response);
        let remedy = Remedy::of(&refusal);
        self.message_failed(purpose, refusal);
        self.apply(context, remedy);
    }

    pub(super) fn message_failed(&mut self, purpose: Purpose, refusal: Refusal) {
        match purpose {
            Purpose::AskLocation => self.tell(UeEvent::NoLocation(refusal)),
            Purpose::Propose => self.tell(UeEvent::NotProposed(refusal)),
            _ => self.tell(UeEvent::LocationNotReported(refusal)),
        }
    }
}
