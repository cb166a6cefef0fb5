//! Third-party REGISTER to application servers (TS 24.229 cl. 5.4.1.7, TS 24.379 cl. 7.3.2).

use crate::core::{Moment, SipCore};
use crate::event::CoreEvent;
use crate::location::Registration;
use crate::settings::ApplicationServer;
use crate::subscriber::SubscriberRepository;
use roger_sip::endpoint::{EndpointError, RequestHandle, ident};
use roger_sip::header::NameAddr;
use roger_sip::message::{HeaderName, Method, Request, StatusCode};
use roger_sip::uri::Uri;
use std::collections::HashMap;

/// Third-party REGISTERs without an answer.
#[derive(Debug, Default)]
pub(crate) struct ThirdParties {
    waiting: HashMap<RequestHandle, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    identity: String,
    server: String,
}

impl<R: SubscriberRepository> SipCore<R> {
    /// Tells every application server whose business the registration is, or was. It is sent after the 200 to
    /// the UE, and nothing that comes back changes the registration (`SESSION_CONTINUED`).
    pub(crate) fn tell_application_servers(
        &mut self,
        moment: &mut Moment<'_>,
        identity: &str,
        registration: Registration,
        original: Option<&Request>,
    ) {
        let servers = self.settings.application_servers.clone();
        let mut third_party = registration.third_party.clone();
        for (index, server) in servers.iter().enumerate() {
            let wanted = registration
                .bindings
                .iter()
                .any(|binding| binding.contact.has_feature(&server.feature_tag));
            if !wanted && !third_party.told.contains(&index) {
                continue;
            }
            if wanted {
                third_party.told.insert(index);
            } else {
                third_party.told.remove(&index);
            }
            third_party.cseq += 1;
            let expires = registration
                .bindings
                .iter()
                .map(|b| b.seconds_left(moment.now))
                .max()
                .unwrap_or(0);
            let told = Told {
                identity,
                expires,
                call_id: &third_party.call_id,
                cseq: third_party.cseq,
            };
            if let Err(error) = self.send_third_party(moment, server, &told, original) {
                tracing::warn!(%error, server = %server.identity, "third-party REGISTER not sent");
            }
        }
        if self.locations.get(identity).is_some() {
            self.locations
                .update(identity, |known| known.third_party = third_party);
        }
    }

    fn send_third_party(
        &mut self,
        moment: &mut Moment<'_>,
        server: &ApplicationServer,
        told: &Told<'_>,
        original: Option<&Request>,
    ) -> Result<(), EndpointError> {
        let missing = || EndpointError::LocalNoRoute(server.identity.to_string());
        let own = self
            .own_uri(server.target.transport())
            .ok_or_else(missing)?;
        let uri = Uri::parse(server.identity.as_str().as_bytes()).map_err(|_| missing())?;
        let own = NameAddr::new(own);
        let from = own.clone().with_tag(&ident::tag(moment.random)?);
        let mut builder = Request::builder(Method::Register, uri)
            .header(HeaderName::FROM, from.to_string())
            .header(HeaderName::TO, format!("<{}>", told.identity))
            .header(HeaderName::CALL_ID, told.call_id)
            .header(HeaderName::CSEQ, told.cseq.to_string())
            .header(HeaderName::CONTACT, own.to_string())
            .header(HeaderName::EXPIRES, told.expires.to_string())
            .header(HeaderName::P_ASSERTED_IDENTITY, own.to_string());
        if let Some(original) = original {
            builder = builder.body("message/sip", original.to_octets());
        }
        let request = builder.build()?;
        let handle =
            self.endpoint
                .send_request(moment.now, moment.random, request, server.target)?;
        let waiting = Waiting {
            identity: told.identity.to_owned(),
            server: server.identity.to_string(),
        };
        self.third_parties.waiting.insert(handle, waiting);
        Ok(())
    }

    /// `true` when the handle was a third-party REGISTER. The registration stands whatever the answer is.
    pub(crate) fn on_third_party_answer(
        &mut self,
        handle: RequestHandle,
        status: Option<StatusCode>,
    ) -> bool {
        if status.is_some_and(StatusCode::is_provisional) {
            return self.third_parties.waiting.contains_key(&handle);
        }
        let Some(Waiting { identity, server }) = self.third_parties.waiting.remove(&handle) else {
            return false;
        };
        self.tell(CoreEvent::ThirdPartyAnswered {
            identity,
            server,
            status,
        });
        true
    }
}

/// What an application server is told.
struct Told<'a> {
    identity: &'a str,
    expires: u32,
    call_id: &'a str,
    cseq: u32,
}
