//! REGISTER (RFC 3261 10.3).

use crate::core::{Moment, SipCore};
use crate::event::CoreEvent;
use crate::location::{Binding, Registration, after, canonical};
use crate::outbound::{SUPPORTED, Way, reg_id};
use crate::settings::Authentication;
use crate::subscriber::{Subscriber, SubscriberRepository};
use roger_sip::digest::{Denied, Freshness, Ha1};
use roger_sip::endpoint::{Incoming, ident};
use roger_sip::header::{Contacts, NameAddr};
use roger_sip::message::{HeaderName, Request, Response, StatusCode};
use roger_sip::uri::Uri;

/// Why a REGISTER is not carried out.
enum Refusal {
    /// For good, maybe with a header.
    Status(StatusCode, Option<(HeaderName<'static>, String)>),
    /// Until credentials come.
    Challenge(Freshness),
}

impl From<StatusCode> for Refusal {
    fn from(status: StatusCode) -> Self {
        Self::Status(status, None)
    }
}

/// Whether a REGISTER changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changed {
    Yes,
    No,
}

/// What a REGISTER asks for, all checked.
enum Wish {
    /// No Contact: tell what is registered.
    Query,
    /// `Contact: *` with Expires 0.
    RemoveAll,
    /// These contacts with their life in seconds, 0 for removal.
    Contacts(Vec<(NameAddr, u32)>),
}

impl<R: SubscriberRepository> SipCore<R> {
    pub(crate) fn register(&mut self, moment: &mut Moment<'_>, incoming: &Incoming) {
        let request = &incoming.request;
        let identity = request
            .headers()
            .to()
            .map(|to| canonical(&to.uri))
            .unwrap_or_default();
        let done = self.try_register(moment, incoming, &identity);
        let (registration, changed) = match done {
            Ok(done) => done,
            Err(refusal) => return self.refuse_registration(moment, incoming, identity, refusal),
        };
        self.confirm_registration(moment, incoming, &identity, &registration);
        if changed == Changed::No {
            return;
        }
        let lives = registration
            .bindings
            .iter()
            .map(|binding| binding.seconds_left(moment.now));
        self.tell(match lives.max() {
            Some(expires) => CoreEvent::Registered {
                identity: identity.clone(),
                expires,
            },
            None => CoreEvent::Deregistered {
                identity: identity.clone(),
            },
        });
        self.tell_application_servers(moment, &identity, registration, Some(request));
    }

    /// Carries the REGISTER out; the registration as it is then.
    fn try_register(
        &mut self,
        moment: &mut Moment<'_>,
        incoming: &Incoming,
        identity: &str,
    ) -> Result<(Registration, Changed), Refusal> {
        let request = &incoming.request;
        check_require(request)?;
        let subscriber = self.authenticate(moment, request, identity)?;
        if !owns(&subscriber, identity) {
            return Err(StatusCode::FORBIDDEN.into());
        }
        let wish = self.read_wish(request)?;
        self.check_room(identity, &wish)?;
        self.check_contacts(&wish)?;
        let way = self.read_way(incoming)?;
        check_flow_numbers(&wish, &way)?;
        let changed = if matches!(wish, Wish::Query) {
            Changed::No
        } else {
            Changed::Yes
        };
        let registration = self.carry_out(moment, incoming, identity, &subscriber, (wish, way))?;
        Ok((registration, changed))
    }

    /// A contact at the address of a server would draw the server's requests to the UE.
    fn check_contacts(&self, wish: &Wish) -> Result<(), Refusal> {
        let Wish::Contacts(contacts) = wish else {
            return Ok(());
        };
        for (contact, _) in contacts {
            let target = self.endpoint.resolve(&contact.uri);
            let server = target.is_some_and(|target| self.is_trusted_address(target.peer()));
            if server || self.is_self(&contact.uri) {
                tracing::warn!("a Contact at the address of a trusted server was refused");
                return Err(StatusCode::FORBIDDEN.into());
            }
        }
        Ok(())
    }

    fn authenticate(
        &mut self,
        moment: &mut Moment<'_>,
        request: &Request,
        identity: &str,
    ) -> Result<Subscriber, Refusal> {
        if self.settings.authentication == Authentication::None {
            let found = self.subscribers.by_identity(identity);
            return found.ok_or_else(|| StatusCode::NOT_FOUND.into());
        }
        let (digest, subscribers) = (&mut self.digest, &self.subscribers);
        let realm = self.settings.domain.as_str();
        let checked = digest.check(moment.now, request, |user, algorithm| {
            let subscriber = subscribers.by_username(user)?;
            Some(Ha1::from_password(
                algorithm,
                user,
                realm,
                &subscriber.password,
            ))
        });
        match checked {
            Ok(proved) => subscribers
                .by_username(&proved.user)
                .ok_or_else(|| StatusCode::FORBIDDEN.into()),
            Err(Denied::NoCredentials) => Err(Refusal::Challenge(Freshness::First)),
            Err(Denied::Stale) => Err(Refusal::Challenge(Freshness::Stale)),
            Err(Denied::Wrong) => Err(StatusCode::FORBIDDEN.into()),
            Err(_) => Err(StatusCode::BAD_REQUEST.into()),
        }
    }

    fn read_wish(&self, request: &Request) -> Result<Wish, Refusal> {
        let headers = request.headers();
        let expires = headers
            .seconds(HeaderName::EXPIRES)
            .map_err(|_| StatusCode::BAD_REQUEST)?;
        match headers.contacts().map_err(|_| StatusCode::BAD_REQUEST)? {
            Contacts::All if expires == Some(0) => Ok(Wish::RemoveAll),
            Contacts::All => Err(StatusCode::BAD_REQUEST.into()),
            Contacts::List(addresses) if addresses.is_empty() => Ok(Wish::Query),
            Contacts::List(addresses) => {
                let lives = addresses.into_iter().map(|contact| {
                    let asked = contact
                        .expires()
                        .or(expires)
                        .unwrap_or(self.settings.default_expires);
                    self.life(asked).map(|life| (contact, life))
                });
                Ok(Wish::Contacts(lives.collect::<Result<_, _>>()?))
            }
        }
    }

    /// The life granted for one asked: 423 below the minimum (10.3 step 7).
    fn life(&self, asked: u32) -> Result<u32, Refusal> {
        if asked > 0 && asked < self.settings.min_expires {
            let header = (
                HeaderName::MIN_EXPIRES,
                self.settings.min_expires.to_string(),
            );
            return Err(Refusal::Status(
                StatusCode::INTERVAL_TOO_BRIEF,
                Some(header),
            ));
        }
        Ok(asked.min(self.settings.max_expires))
    }

    fn check_room(&self, identity: &str, wish: &Wish) -> Result<(), Refusal> {
        let Wish::Contacts(contacts) = wish else {
            return Ok(());
        };
        let known = self.locations.get(identity);
        let full = self.locations.len() >= self.settings.max_registrations;
        if contacts.len() > self.settings.max_contacts || known.is_none() && full {
            return Err(StatusCode::SERVICE_UNAVAILABLE.into());
        }
        Ok(())
    }

    fn carry_out(
        &mut self,
        moment: &mut Moment<'_>,
        incoming: &Incoming,
        identity: &str,
        subscriber: &Subscriber,
        (wish, way): (Wish, Way),
    ) -> Result<Registration, Refusal> {
        let headers = incoming.request.headers();
        let call_id = headers
            .call_id()
            .map_err(|_| StatusCode::BAD_REQUEST)?
            .to_owned();
        let cseq = headers.cseq().map_err(|_| StatusCode::BAD_REQUEST)?.number;
        let known = self.locations.get(identity);
        if known.is_some_and(|known| is_out_of_order(known, &wish, &call_id, cseq)) {
            return Err(StatusCode::SERVER_INTERNAL_ERROR.into());
        }
        let contacts = match wish {
            Wish::Query => return Ok(known.cloned().unwrap_or_default()),
            Wish::RemoveAll => {
                return Ok(self
                    .locations
                    .update(identity, |known| known.bindings.clear()));
            }
            Wish::Contacts(contacts) => contacts,
        };
        let fresh = ident::call_id(moment.random).map_err(|_| StatusCode::SERVER_INTERNAL_ERROR)?;
        let (now, limit) = (moment.now, self.settings.max_contacts);
        let identities = subscriber
            .identities
            .iter()
            .map(|identity| identity.as_str().to_owned());
        let identities: Vec<String> = identities.collect();
        Ok(self.locations.update(identity, |registration| {
            registration.identities = identities;
            if registration.third_party.call_id.is_empty() {
                registration.third_party.call_id = fresh;
            }
            for (contact, life) in contacts {
                let mut contact = contact;
                contact.params.remove("expires");
                let reg_id = way.outbound.then(|| reg_id(&contact).ok().flatten());
                let binding = Binding {
                    contact,
                    flow: way.flow,
                    path: way.path.clone(),
                    reg_id: reg_id.flatten(),
                    expiry: after(now, life),
                    call_id: call_id.clone(),
                    cseq,
                };
                registration
                    .bindings
                    .retain(|known| !is_same_contact(known, &binding));
                if life > 0 {
                    registration.bindings.insert(0, binding);
                }
            }
            registration.bindings.truncate(limit);
        }))
    }

    fn confirm_registration(
        &mut self,
        moment: &mut Moment<'_>,
        incoming: &Incoming,
        identity: &str,
        registration: &Registration,
    ) {
        let mut response = Response::to(&incoming.request, StatusCode::OK);
        let headers = response.headers_mut();
        for binding in &registration.bindings {
            let left = binding.seconds_left(moment.now);
            let contact = self.show_contact(&incoming.request, identity, binding, left);
            let _ = headers.push(HeaderName::CONTACT, contact.to_string());
        }
        if !registration.bindings.is_empty() {
            let uris = registration
                .identities
                .iter()
                .map(|identity| format!("<{identity}>"));
            let _ = headers.push(
                HeaderName::P_ASSOCIATED_URI,
                uris.collect::<Vec<_>>().join(", "),
            );
        }
        if !registration.bindings.is_empty() {
            self.describe_way(incoming, response.headers_mut());
        }
        self.send_response(moment, incoming.transaction, response);
    }

    fn refuse_registration(
        &mut self,
        moment: &mut Moment<'_>,
        incoming: &Incoming,
        identity: String,
        refusal: Refusal,
    ) {
        let (status, header) = match refusal {
            Refusal::Challenge(freshness) => return self.challenge(moment, incoming, freshness),
            Refusal::Status(status, header) => (status, header),
        };
        let mut response = Response::to(&incoming.request, status);
        if let Some((name, value)) = header {
            let _ = response.headers_mut().push(name, value);
        }
        self.send_refusal(moment, (incoming.transaction, &incoming.flow), response);
        self.tell(CoreEvent::RegistrationRefused { identity, status });
    }

    /// A challenge is no refusal; nobody is told.
    fn challenge(&mut self, moment: &mut Moment<'_>, incoming: &Incoming, freshness: Freshness) {
        let made = self
            .digest
            .challenge(moment.now, &incoming.request, freshness, moment.random);
        match made {
            Ok(response) => {
                self.send_refusal(moment, (incoming.transaction, &incoming.flow), response)
            }
            Err(_) => self.answer(moment, incoming, StatusCode::SERVER_INTERNAL_ERROR),
        }
    }
}

/// Extensions that are required and not served (10.3 step 2).
fn check_require(request: &Request) -> Result<(), Refusal> {
    let mut unknown = request.headers().tokens(HeaderName::REQUIRE);
    unknown.retain(|token| {
        !SUPPORTED
            .iter()
            .any(|known| token.eq_ignore_ascii_case(known))
    });
    if unknown.is_empty() {
        return Ok(());
    }
    let header = (HeaderName::UNSUPPORTED, unknown.join(", "));
    Err(Refusal::Status(StatusCode::BAD_EXTENSION, Some(header)))
}

/// One REGISTER registers one flow (RFC 5626 6).
fn check_flow_numbers(wish: &Wish, way: &Way) -> Result<(), Refusal> {
    let Wish::Contacts(contacts) = wish else {
        return Ok(());
    };
    if !way.outbound {
        return Ok(());
    }
    let mut numbered = 0;
    for (contact, life) in contacts {
        if reg_id(contact)?.is_some() && *life > 0 {
            numbered += 1;
        }
    }
    if numbered > 1 {
        return Err(StatusCode::BAD_REQUEST.into());
    }
    Ok(())
}

fn owns(subscriber: &Subscriber, identity: &str) -> bool {
    subscriber.identities.iter().any(|own| {
        own.as_str() == identity
            || Uri::parse(own.as_str().as_bytes()).is_ok_and(|own| canonical(&own) == identity)
    })
}

/// The same Call-ID must not go back in `CSeq` (10.3 step 7).
fn is_out_of_order(known: &Registration, wish: &Wish, call_id: &str, cseq: u32) -> bool {
    !matches!(wish, Wish::Query)
        && known
            .bindings
            .iter()
            .any(|binding| binding.call_id == call_id && cseq <= binding.cseq)
}

/// The same URI, or the same device, and of a device with several flows the same flow (RFC 5626 6).
fn is_same_contact(known: &Binding, new: &Binding) -> bool {
    let device = new.contact.instance();
    if known.reg_id.is_some() && new.reg_id.is_some() && known.contact.instance() == device {
        return known.reg_id == new.reg_id;
    }
    (device.is_some() && known.contact.instance() == device)
        || known.contact.uri.is_equivalent(&new.contact.uri)
}
