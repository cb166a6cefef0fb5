//! Third-party REGISTER from the SIP core (TS 24.379 cl. 7.3.2; TS 24.229 cl. 5.4.1.7).
//!
//! Its body is the complete REGISTER of the UE. A failing service authorisation is answered 403 to the core and does
//! not end the registration there.

use super::{ParticipatingFunction, answer};
use roger_base::Impu;
use roger_call::answer::plain;
use roger_call::body::Body;
use roger_call::feature::media_type;
use roger_sip::application::Context;
use roger_sip::endpoint::{EndpointError, Incoming};
use roger_sip::header::{Contacts, NameAddr};
use roger_sip::message::{HeaderName, Limits, Message, Method, Request, StatusCode};
use std::collections::{BTreeMap, BTreeSet};
use tracing::info;

/// Feature tag of a Contact that makes a registration one of MCPTT.
const MCPTT_TAG: &str = "+g.3gpp.mcptt";
/// Contacts remembered of one identity.
const MAX_CONTACTS: usize = 16;

/// Which contacts of an identity registered for MCPTT: another UE of the same identity that has nothing to do with
/// MCPTT does not log the client off.
#[derive(Default)]
pub(super) struct Registrations(BTreeMap<Impu, BTreeSet<String>>);

/// What a UE's REGISTER says about MCPTT.
#[derive(Debug, PartialEq, Eq)]
enum Registration {
    /// The contact of this name is for MCPTT.
    Present(String),
    /// The contacts of these names are not, or are gone.
    Absent(Vec<String>),
    /// All contacts are gone.
    AllGone,
}

impl Registrations {
    fn add(&mut self, impu: &Impu, contact: String) {
        let contacts = self.0.entry(impu.clone()).or_default();
        if contacts.len() < MAX_CONTACTS {
            contacts.insert(contact);
        }
    }

    /// Removes contacts; true when none is left that registered for MCPTT.
    fn remove(&mut self, impu: &Impu, gone: &[String]) -> bool {
        let Some(contacts) = self.0.get_mut(impu) else {
            return true;
        };
        for contact in gone {
            contacts.remove(contact);
        }
        if contacts.is_empty() {
            self.0.remove(impu);
            return true;
        }
        false
    }

    pub(super) fn forget(&mut self, impu: &Impu) {
        self.0.remove(impu);
    }
}

impl ParticipatingFunction {
    pub(super) fn on_register(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        let impu = request
            .headers()
            .to()
            .ok()
            .and_then(|to| Impu::new(to.uri.to_string()).ok());
        let (Some(impu), Ok(expires)) = (impu, request.headers().seconds(HeaderName::EXPIRES))
        else {
            return answer(context, incoming, plain(request, StatusCode::BAD_REQUEST));
        };
        if expires == Some(0) {
            self.registrations.forget(&impu);
            self.unbind(context, &impu);
            return answer(context, incoming, plain(request, StatusCode::OK));
        }
        match inner_register(request) {
            None => answer(context, incoming, plain(request, StatusCode::OK)),
            Some(inner) => self.on_inner_register(context, incoming, &impu, &inner),
        }
    }

    fn on_inner_register(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        impu: &Impu,
        inner: &Request,
    ) -> Result<(), EndpointError> {
        let ok = plain(&incoming.request, StatusCode::OK);
        match registration(inner) {
            Registration::AllGone => {
                self.registrations.forget(impu);
                self.unbind(context, impu);
                return answer(context, incoming, ok);
            }
            Registration::Absent(gone) => {
                if self.registrations.remove(impu, &gone) {
                    self.unbind(context, impu);
                }
                return answer(context, incoming, ok);
            }
            Registration::Present(contact) => self.registrations.add(impu, contact),
        }
        let body = match Body::of(inner.headers(), inner.body()) {
            Ok(body) => body,
            Err(error) => {
                info!(%impu, %error, "body of a REGISTER refused");
                return self.refuse(context, incoming, error.warning());
            }
        };
        let asks = [media_type::MIKEY, media_type::MCPTT_INFO];
        if asks.iter().all(|asked| body.part(asked).is_none()) {
            info!(%impu, "registered, limited service");
            return answer(context, incoming, ok);
        }
        if self.repeats_csk(impu, &body, context.utc) {
            return answer(context, incoming, ok);
        }
        match self.authorise_and_bind(context, impu, &body) {
            Ok(()) => answer(context, incoming, ok),
            Err(error) => self.refuse_binding(context, incoming, impu, &error),
        }
    }
}

/// The REGISTER of the UE inside the body, when there is one that can be read.
fn inner_register(request: &Request) -> Option<Request> {
    let body = Body::of(request.headers(), request.body()).ok()?;
    let octets = body.octets(media_type::MESSAGE_SIP)?;
    match Message::parse_datagram(octets, &Limits::default()).ok()? {
        Message::Request(inner) if *inner.method() == Method::Register => Some(inner),
        _ => None,
    }
}

fn registration(inner: &Request) -> Registration {
    let headers = inner.headers();
    let default = headers.seconds(HeaderName::EXPIRES).ok().flatten();
    let contacts = match headers.contacts() {
        Ok(Contacts::All) => return Registration::AllGone,
        Ok(Contacts::List(contacts)) => contacts,
        Err(_) => Vec::new(),
    };
    let alive = |contact: &&NameAddr| contact.expires().or(default) != Some(0);
    let mcptt = |contact: &&NameAddr| contact.has_feature(MCPTT_TAG);
    match contacts.iter().filter(alive).find(mcptt) {
        Some(contact) => Registration::Present(name_of(contact)),
        None => Registration::Absent(contacts.iter().map(name_of).collect()),
    }
}

/// What tells one UE from another: its instance, else its address.
fn name_of(contact: &NameAddr) -> String {
    contact
        .instance()
        .unwrap_or_else(|| contact.uri.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use roger_sip::uri::Uri;

    fn register(contacts: &[&str], expires: Option<&str>) -> Request {
        let uri = Uri::parse(b"sip:ims.example.org").unwrap();
        let mut builder = Request::builder(Method::Register, uri)
            .header(HeaderName::FROM, "<sip:u@ims.example.org>;tag=1")
            .header(HeaderName::TO, "<sip:u@ims.example.org>")
            .header(HeaderName::CALL_ID, "1")
            .header(HeaderName::CSEQ, "1");
        for contact in contacts {
            builder = builder.header(HeaderName::CONTACT, contact);
        }
        if let Some(expires) = expires {
            builder = builder.header(HeaderName::EXPIRES, expires);
        }
        builder.build().unwrap()
    }

    #[test]
    fn a_contact_with_the_tag_is_present_unless_it_expires_at_once() {
        let tagged = "<sip:u@10.0.0.1>;+sip.instance=\"<urn:uuid:1>\";+g.3gpp.mcptt";
        let gone = format!("{tagged};expires=0");
        let named = "urn:uuid:1".to_owned();
        assert_eq!(
            registration(&register(&[tagged], None)),
            Registration::Present(named.clone())
        );
        for (contact, expires) in [
            (tagged, Some("0")),
            (gone.as_str(), Some("60")),
            (
                "<sip:u@10.0.0.1>;+sip.instance=\"<urn:uuid:1>\"",
                Some("60"),
            ),
        ] {
            assert_eq!(
                registration(&register(&[contact], expires)),
                Registration::Absent(vec![named.clone()])
            );
        }
        assert_eq!(
            registration(&register(&["*"], Some("0"))),
            Registration::AllGone
        );
    }

    #[test]
    fn another_ue_of_the_identity_does_not_count() {
        let impu = Impu::new("sip:u@ims.example.org").unwrap();
        let mut registrations = Registrations::default();
        registrations.add(&impu, "urn:uuid:1".to_owned());
        assert!(!registrations.remove(&impu, &["urn:uuid:2".to_owned()]));
        assert!(registrations.remove(&impu, &["urn:uuid:1".to_owned()]));
        assert!(registrations.remove(&impu, &[]));
    }
}
