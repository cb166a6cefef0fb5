//! Third-party REGISTER from the SIP core (TS 24.379 cl. 7.3.2; TS 24.229 cl. 5.4.1.7).
//!
//! Its body is the complete REGISTER of the UE. A failing service authorisation is answered 403 to the core and does
//! not end the registration there.

use super::agenda::Agenda;
use super::{ParticipatingFunction, answer};
use core::time::Duration;
use roger_base::{Impu, Instant};
use roger_call::answer::plain;
use roger_call::body::Body;
use roger_call::feature::media_type;
use roger_sip::application::Context;
use roger_sip::endpoint::{EndpointError, Incoming};
use roger_sip::header::{Contacts, NameAddr};
use roger_sip::message::{HeaderName, Limits, Message, Method, Request, StatusCode};
use std::collections::BTreeMap;
use tracing::info;

/// Feature tag of a Contact that makes a registration one of MCPTT.
const MCPTT_TAG: &str = "+g.3gpp.mcptt";
/// Contacts remembered of one identity.
const MAX_CONTACTS: usize = 16;

/// Which contacts of an identity registered for MCPTT: another UE of the same identity that has nothing to do with
/// MCPTT does not log the client off.
#[derive(Default)]
pub(super) struct Registrations {
    contacts: BTreeMap<Impu, BTreeMap<String, Life>>,
    agenda: Agenda<Impu>,
}

/// How long a contact counts.
#[derive(Debug, Clone, Copy)]
struct Life {
    /// The registration ends.
    end: Instant,
    /// Nothing was heard of it for as long again. One word of the core may be lost without anybody being cut off.
    given_up: Instant,
}

impl Life {
    fn of(seconds: u32, now: Instant) -> Self {
        let life = Duration::from_secs(u64::from(seconds));
        Self {
            end: now + life,
            given_up: now + life + life,
        }
    }
}

/// What a UE's REGISTER says about MCPTT.
#[derive(Debug, PartialEq, Eq)]
enum Registration {
    /// The contact of this name is for MCPTT, for so many seconds when it says so.
    Present(String, Option<u32>),
    /// The contacts of these names are not, or are gone.
    Absent(Vec<String>),
    /// All contacts are gone.
    AllGone,
}

impl Registrations {
    /// A contact registered, or did so again. Of too many the one that ends first makes room.
    fn add(&mut self, impu: &Impu, contact: String, life: Life) {
        let contacts = self.contacts.entry(impu.clone()).or_default();
        if contacts.len() >= MAX_CONTACTS && !contacts.contains_key(&contact) {
            let first = contacts.iter().min_by_key(|(_, life)| life.end);
            if let Some(first) = first.map(|(contact, _)| contact.clone()) {
                contacts.remove(&first);
            }
        }
        contacts.insert(contact, life);
        self.plan(impu);
    }

    /// Removes contacts, and those that ended; true when none is left that registered for MCPTT. A REGISTER without
    /// contacts asks, and changes nothing.
    fn remove(&mut self, impu: &Impu, gone: &[String], now: Instant) -> bool {
        if gone.is_empty() {
            return false;
        }
        let Some(contacts) = self.contacts.get_mut(impu) else {
            return true;
        };
        contacts.retain(|contact, life| life.end > now && !gone.contains(contact));
        let none_left = contacts.is_empty();
        if none_left {
            self.contacts.remove(impu);
        }
        self.plan(impu);
        none_left
    }

    pub(super) fn forget(&mut self, impu: &Impu) {
        self.contacts.remove(impu);
        self.plan(impu);
    }

    fn plan(&mut self, impu: &Impu) {
        let contacts = self.contacts.get(impu).into_iter().flatten();
        let last = contacts.map(|(_, life)| life.given_up).max();
        self.agenda.set(impu, last);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.agenda.next()
    }
}

impl ParticipatingFunction {
    /// A binding lives as long as the registration (TS 24.379 cl. 7): the core that should say its end may be gone.
    pub(super) fn give_up_registrations(&mut self, context: &mut Context<'_>) {
        for impu in self.registrations.agenda.due(context.now) {
            info!(%impu, "the registration ended without a word");
            self.registrations.forget(&impu);
            self.unbind(context, &impu);
        }
    }

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
                if self.registrations.remove(impu, &gone, context.now) {
                    self.unbind(context, impu);
                }
                return answer(context, incoming, ok);
            }
            Registration::Present(contact, asked) => {
                let granted = incoming.request.headers().seconds(HeaderName::EXPIRES);
                // The core says what it granted; a core that does not, granted what was asked for.
                if let Some(seconds) = granted.ok().flatten().max(asked) {
                    let life = Life::of(seconds, context.now);
                    self.registrations.add(impu, contact, life);
                }
            }
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
        Some(contact) => Registration::Present(name_of(contact), contact.expires().or(default)),
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
            Registration::Present(named.clone(), None)
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

    fn at(second: u64) -> Instant {
        Instant::ORIGIN + Duration::from_secs(second)
    }

    fn impu() -> Impu {
        Impu::new("sip:u@ims.example.org").unwrap()
    }

    #[test]
    fn another_ue_of_the_identity_does_not_count() {
        let (impu, now) = (impu(), at(1));
        let mut registrations = Registrations::default();
        registrations.add(&impu, "urn:uuid:1".to_owned(), Life::of(60, at(0)));
        assert!(!registrations.remove(&impu, &["urn:uuid:2".to_owned()], now));
        assert!(registrations.remove(&impu, &["urn:uuid:1".to_owned()], now));
        assert!(registrations.remove(&impu, &["urn:uuid:1".to_owned()], now));
        assert_eq!(registrations.deadline(), None);
    }

    #[test]
    fn a_register_without_contacts_asks_and_changes_nothing() {
        let mut registrations = Registrations::default();
        assert_eq!(
            registration(&register(&[], None)),
            Registration::Absent(Vec::new())
        );
        assert!(!registrations.remove(&impu(), &[], at(1)));
    }

    #[test]
    fn a_contact_that_ended_holds_nothing_back() {
        let mut registrations = Registrations::default();
        registrations.add(&impu(), "sip:u@10.0.0.1:1".to_owned(), Life::of(60, at(0)));
        let second = "sip:u@10.0.0.1:2".to_owned();
        registrations.add(&impu(), second.clone(), Life::of(60, at(50)));
        assert_eq!(registrations.deadline(), Some(at(170)));
        assert!(registrations.remove(&impu(), &[second], at(61)));
    }

    #[test]
    fn of_too_many_contacts_the_newest_are_known() {
        let mut registrations = Registrations::default();
        let contact = |number: u64| format!("sip:u@10.0.0.1:{number}");
        for number in 0..100 {
            registrations.add(&impu(), contact(number), Life::of(600, at(number)));
        }
        let contacts = registrations.contacts.get(&impu()).unwrap();
        assert_eq!(contacts.len(), MAX_CONTACTS);
        let all: Vec<String> = (0..100).map(contact).collect();
        assert!(!registrations.remove(&impu(), &all[..99], at(100)));
        assert!(registrations.remove(&impu(), &all[99..], at(100)));
    }
}
