//! IMS registration with digest authentication (TS 24.379 cl. 7.2.1, RFC 3261 cl. 10, 22).
//!
//! Registration waits for no log-in. Token and CSK ride along only when they are at hand.

use super::authorisation::come_again;
use super::{Authorisation, Purpose, UeClient, UeEvent, refused};
use core::time::Duration;
use roger_base::{Instant, SecretBytes};
use roger_call::body::Body;
use roger_call::feature::CONTACT_PARAMETERS;
use roger_call::request::RequestError;
use roger_sip::application::Context;
use roger_sip::digest::DigestClient;
use roger_sip::endpoint::{EndpointError, ident};
use roger_sip::header::NameAddr;
use roger_sip::message::{HeaderName, Method, Request, Response, StatusCode};
use roger_sip::uri::Uri;
use tracing::warn;

/// Part of the life of a registration after which it is refreshed.
const REFRESH_NUMERATOR: u32 = 4;
const REFRESH_DENOMINATOR: u32 = 5;

/// A registrar that grants less is not asked again in a loop.
const LEAST_LIFE: Duration = Duration::from_secs(5);

pub(super) struct RegistrationState {
    digest: DigestClient,
    call_id: Option<String>,
    cseq: u32,
    sent: Option<Request>,
    leaving: bool,
    /// The Contact says that this UE is there for MCPTT.
    for_mcptt: bool,
    refresh_at: Option<Instant>,
}

impl RegistrationState {
    pub(super) fn new(username: &str, password: SecretBytes) -> Self {
        let digest = DigestClient::new(username, password);
        Self {
            digest,
            call_id: None,
            cseq: 0,
            sent: None,
            leaving: false,
            for_mcptt: true,
            refresh_at: None,
        }
    }

    pub(super) const fn refresh_at(&self) -> Option<Instant> {
        self.refresh_at
    }
}

impl UeClient {
    /// Registers for MCPTT.
    pub(super) fn register(&mut self, context: &mut Context<'_>, authorisation: Authorisation) {
        self.registration.for_mcptt = true;
        self.send_registration(context, authorisation);
    }

    /// Stays registered, but not for MCPTT (TS 24.379 cl. 7.1): a REGISTER without its feature tags.
    pub(super) fn register_without_mcptt(&mut self, context: &mut Context<'_>) {
        self.registration.for_mcptt = false;
        self.send_registration(context, Authorisation::None);
    }

    fn send_registration(&mut self, context: &mut Context<'_>, authorisation: Authorisation) {
        self.registration.leaving = false;
        let life = u32::try_from(self.settings.registration_life.as_secs()).unwrap_or(u32::MAX);
        let body = match authorisation {
            Authorisation::None => Ok(Body::new()),
            // Registration waits for no token.
            Authorisation::InRegister if self.is_token_refused() => Ok(Body::new()),
            Authorisation::InRegister => self.authorising_body(context, None),
        };
        let sent = match body {
            Ok(body) => self
                .send_register(context, life, &body)
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = sent {
            self.tell(UeEvent::NotRegistered(super::Refusal::Local(error)));
        }
    }

    /// De-registration.
    pub(super) fn deregister(&mut self, context: &mut Context<'_>) {
        self.registration.leaving = true;
        self.registration.refresh_at = None;
        if let Err(error) = self.send_register(context, 0, &Body::new()) {
            warn!(%error, "de-registration could not be sent");
        }
    }

    pub(super) fn refresh_registration(&mut self, context: &mut Context<'_>) {
        if self
            .registration
            .refresh_at
            .is_some_and(|at| at <= context.now)
        {
            self.registration.refresh_at = None;
            self.send_registration(context, Authorisation::None);
        }
    }

    fn send_register(
        &mut self,
        context: &mut Context<'_>,
        expires: u32,
        body: &Body,
    ) -> Result<(), RegisterError> {
        let request = self.register_request(context, expires, body)?;
        self.send_authorised(context, request)
    }

    fn register_request(
        &mut self,
        context: &mut Context<'_>,
        expires: u32,
        body: &Body,
    ) -> Result<Request, RegisterError> {
        let settings = &self.settings;
        let (impu, client) = (settings.impu.as_str(), settings.client_id.as_str());
        let call_id = match &self.registration.call_id {
            Some(call_id) => call_id.clone(),
            None => ident::call_id(context.random)?,
        };
        self.registration.call_id = Some(call_id.clone());
        self.registration.cseq += 1;
        let tag = ident::tag(context.random)?;
        let tags = match self.registration.for_mcptt {
            true => CONTACT_PARAMETERS,
            false => "",
        };
        let contact = format!(
            "<sip:{}@{}>;+sip.instance=\"<{client}>\"{tags}",
            ident::tag(context.random)?,
            settings.contact
        );
        let registrar = Uri::parse(format!("sip:{}", settings.sip_domain).as_bytes())
            .map_err(RequestError::from)?;
        let builder = Request::builder(Method::Register, registrar)
            .header(HeaderName::FROM, format!("<{impu}>;tag={tag}"))
            .header(HeaderName::TO, format!("<{impu}>"))
            .header(HeaderName::CALL_ID, call_id)
            .header(HeaderName::CSEQ, self.registration.cseq.to_string())
            .header(HeaderName::CONTACT, contact)
            .header(HeaderName::EXPIRES, expires.to_string())
            .header(HeaderName::SUPPORTED, "path, gruu");
        Ok(roger_call::request::finish(builder, body, context.random)?)
    }

    fn send_authorised(
        &mut self,
        context: &mut Context<'_>,
        mut request: Request,
    ) -> Result<(), RegisterError> {
        self.registration
            .digest
            .authorise(&mut request, context.random)?;
        let (now, core) = (context.now, self.settings.core);
        let handle = context
            .endpoint
            .send_request(now, context.random, request.clone(), core)?;
        self.registration.sent = Some(request);
        self.requests.insert(handle, Purpose::Register);
        Ok(())
    }

    pub(super) fn on_register_answer(
        &mut self,
        context: &mut Context<'_>,
        response: &Response,
    ) -> Result<(), EndpointError> {
        let status = response.status();
        if status.is_provisional() {
            return Ok(());
        }
        if status == StatusCode::UNAUTHORIZED {
            if let Err(error) = self.answer_challenge(context, response) {
                self.tell(UeEvent::NotRegistered(super::Refusal::Local(
                    error.to_string(),
                )));
            }
            return Ok(());
        }
        if !status.is_success() {
            self.forget_attempt();
            if !self.registration.leaving {
                self.registration.refresh_at = come_again(context.now, response);
            }
            self.tell(UeEvent::NotRegistered(refused(response)));
            return Ok(());
        }
        if !self.registration.leaving {
            self.plan_refresh(context, response);
            self.tell(UeEvent::Registered);
        }
        Ok(())
    }

    fn answer_challenge(
        &mut self,
        context: &mut Context<'_>,
        response: &Response,
    ) -> Result<(), RegisterError> {
        let Some(mut request) = self.registration.sent.take() else {
            return Ok(());
        };
        self.registration.digest.learn(response, &request)?;
        self.registration.cseq += 1;
        let cseq = format!("{} REGISTER", self.registration.cseq);
        request
            .headers_mut()
            .set(HeaderName::CSEQ, cseq)
            .map_err(EndpointError::from)?;
        self.send_authorised(context, request)
    }

    fn plan_refresh(&mut self, context: &Context<'_>, response: &Response) {
        let instance = self.settings.client_id.as_str();
        let life = granted_life(response, instance).max(LEAST_LIFE);
        self.registration.refresh_at =
            Some(context.now + life * REFRESH_NUMERATOR / REFRESH_DENOMINATOR);
    }
}

/// How long the registrar keeps this UE. Its answer names the contacts of every UE of the identity (RFC 3261 cl. 10.2.4):
/// where none is known for this one's, the shortest counts.
fn granted_life(response: &Response, instance: &str) -> Duration {
    let headers = response.headers();
    let contacts = headers.addresses(HeaderName::CONTACT).unwrap_or_default();
    let mut own = contacts
        .iter()
        .filter(|contact| contact.instance().as_deref() == Some(instance));
    let own = own.find_map(NameAddr::expires);
    let shortest = || contacts.iter().filter_map(NameAddr::expires).min();
    let header = || headers.seconds(HeaderName::EXPIRES).ok().flatten();
    let seconds = own.or_else(shortest).or_else(header).unwrap_or(3600);
    Duration::from_secs(u64::from(seconds))
}

/// Why a REGISTER was not sent.
#[derive(Debug, thiserror::Error)]
enum RegisterError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Random(#[from] roger_base::RandomError),
    #[error("the SIP core's challenge: {0}")]
    Digest(#[from] roger_sip::digest::ClientError),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(contacts: &[&str], expires: Option<&str>) -> Response {
        let uri = Uri::parse(b"sip:ims.example.org").unwrap();
        let request = Request::builder(Method::Register, uri)
            .header(HeaderName::FROM, "<sip:u@ims.example.org>;tag=1")
            .header(HeaderName::TO, "<sip:u@ims.example.org>")
            .header(HeaderName::CALL_ID, "1")
            .header(HeaderName::CSEQ, "1");
        let mut response = Response::to(&request.build().unwrap(), StatusCode::OK);
        let headers = response.headers_mut();
        for contact in contacts {
            headers.push(HeaderName::CONTACT, contact).unwrap();
        }
        if let Some(expires) = expires {
            headers.push(HeaderName::EXPIRES, expires).unwrap();
        }
        response
    }

    #[test]
    fn the_life_is_that_of_the_own_contact() {
        let phone = "<sip:u@10.0.0.2>;+sip.instance=\"<urn:uuid:2>\";expires=600000";
        let own = "<sip:u@10.0.0.1>;+sip.instance=\"<urn:uuid:1>\";expires=3600";
        let plain = "<sip:u@10.0.0.1>;expires=1800";
        let cases = [
            (vec![phone, own], None, 3_600),
            (vec![own, phone], None, 3_600),
            (vec![phone, plain], None, 1_800),
            (vec![phone], Some("60"), 600_000),
            (vec!["<sip:u@10.0.0.1>"], Some("60"), 60),
            (vec![], None, 3_600),
        ];
        for (contacts, expires, seconds) in cases {
            let life = granted_life(&answer(&contacts, expires), "urn:uuid:1");
            assert_eq!(life.as_secs(), seconds, "{contacts:?} {expires:?}");
        }
    }
}
