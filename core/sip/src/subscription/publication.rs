//! PUBLISH: entity tags on both sides (RFC 3903).

use super::refresh_after;
use crate::header::scan;
use crate::message::{BuildError, HeaderName, Request, Response};
use crate::transaction::{
    TimerName, earlier,
    timed::{SlotId, Timed, TimedSet},
};
use core::fmt;
use core::time::Duration;
use roger_base::{Instant, Random, RandomError};
use std::collections::HashMap;
use thiserror::Error;

/// A SIP-ETag: an opaque token.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityTag(Box<str>);

impl EntityTag {
    /// Reads a SIP-ETag or SIP-If-Match value; `None` when it is no token.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        if !scan::is_token(value) {
            return None;
        }
        core::str::from_utf8(value)
            .ok()
            .map(|text| Self(text.into()))
    }

    /// The token.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The publisher's memory of one publication.
#[derive(Debug, Clone, Default)]
pub struct Publication {
    tag: Option<EntityTag>,
    times: Option<Times>,
}

#[derive(Debug, Clone, Copy)]
struct Times {
    expiry: Instant,
    refresh: Option<Instant>,
}

impl Publication {
    /// Nothing published yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts SIP-If-Match into the next PUBLISH when something is published.
    ///
    /// # Errors
    /// [`BuildError::TooLarge`].
    pub fn prepare(&self, request: &mut Request) -> Result<(), BuildError> {
        match &self.tag {
            Some(tag) => request
                .headers_mut()
                .set(HeaderName::SIP_IF_MATCH, tag.as_str()),
            None => Ok(()),
        }
    }

    /// Learns tag and life from the final response. A 412 forgets the tag: publish anew (RFC 3903 4.5).
    pub fn on_response(&mut self, now: Instant, response: &Response) {
        if response.status().as_u16() == 412 {
            *self = Self::new();
            return;
        }
        if !response.status().is_success() {
            return;
        }
        let expires = response
            .headers()
            .get(HeaderName::EXPIRES)
            .and_then(scan::number_u32);
        self.tag = response
            .headers()
            .get(HeaderName::SIP_ETAG)
            .and_then(EntityTag::parse);
        self.times = expires.filter(|seconds| *seconds > 0).map(|seconds| {
            let life = Duration::from_secs(u64::from(seconds));
            Times {
                expiry: now + life,
                refresh: Some(now + refresh_after(life)),
            }
        });
        if expires == Some(0) {
            self.tag = None;
        }
    }

    /// Lets time pass; `true` once when a PUBLISH for a refresh is due.
    pub fn handle(&mut self, now: Instant) -> bool {
        let Some(times) = &mut self.times else {
            return false;
        };
        if times.expiry <= now {
            *self = Self::new();
            return false;
        }
        times.refresh.take_if(|at| *at <= now).is_some()
    }

    /// When the refresh is due, or the publication ends.
    #[must_use]
    pub fn deadline(&self) -> Option<(Instant, TimerName)> {
        let times = self.times?;
        let refresh = times.refresh.map(|at| (at, TimerName::Refresh));
        earlier(Some((times.expiry, TimerName::Expiry)), refresh)
    }

    /// The tag of what is published.
    #[must_use]
    pub const fn tag(&self) -> Option<&EntityTag> {
        self.tag.as_ref()
    }
}

/// What a PUBLISH asks for (RFC 3903 4, table 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishKind {
    /// A body, no SIP-If-Match.
    Initial,
    /// SIP-If-Match, no body, Expires above 0.
    Refresh(EntityTag),
    /// SIP-If-Match and a body.
    Modify(EntityTag),
    /// SIP-If-Match and Expires 0.
    Remove(EntityTag),
}

impl PublishKind {
    /// Reads a PUBLISH. Expires 0 without SIP-If-Match counts as [`PublishKind::Initial`] that expires at once.
    ///
    /// # Errors
    /// [`PublicationError::NoTag`] when SIP-If-Match is no single token, or body and SIP-If-Match both lack.
    pub fn of(request: &Request) -> Result<Self, PublicationError> {
        let expires = request
            .headers()
            .get(HeaderName::EXPIRES)
            .and_then(scan::number_u32);
        let Some(value) = request.headers().get(HeaderName::SIP_IF_MATCH) else {
            let empty = request.body().is_empty() && expires != Some(0);
            return if empty {
                Err(PublicationError::NoTag)
            } else {
                Ok(Self::Initial)
            };
        };
        let tag = EntityTag::parse(value).ok_or(PublicationError::NoTag)?;
        Ok(match expires {
            Some(0) => Self::Remove(tag),
            _ if request.body().is_empty() => Self::Refresh(tag),
            _ => Self::Modify(tag),
        })
    }
}

/// Why a PUBLISH is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PublicationError {
    /// 400: neither a body nor a usable SIP-If-Match.
    #[error("a PUBLISH needs a body or one SIP-If-Match")]
    NoTag,
    /// 412: the tag is not of a living publication.
    #[error("no publication has this entity tag")]
    Unknown,
    /// 503: the table is full.
    #[error("too many publications")]
    Full,
    /// 500: no randomness for a tag.
    #[error("{0}")]
    Random(#[from] RandomError),
}

#[derive(Debug)]
struct Entry<T> {
    tag: EntityTag,
    expiry: Instant,
    value: T,
}

impl<T> Timed for Entry<T> {
    fn next_timer(&self) -> Option<(Instant, TimerName)> {
        Some((self.expiry, TimerName::Expiry))
    }
}

/// The compositor's table of published state, by entity tag; every accepted PUBLISH gives a new tag.
#[derive(Debug)]
pub struct EventStates<T> {
    entries: TimedSet<Entry<T>>,
    tags: HashMap<EntityTag, SlotId>,
}

impl<T> EventStates<T> {
    /// An empty table for at most `limit` publications.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            entries: TimedSet::new(limit),
            tags: HashMap::new(),
        }
    }

    /// Initial publication.
    ///
    /// # Errors
    /// [`PublicationError::Full`], [`PublicationError::Random`].
    pub fn create(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        expires: u32,
        value: T,
    ) -> Result<EntityTag, PublicationError> {
        let tag = fresh_tag(random)?;
        let entry = Entry {
            tag: tag.clone(),
            expiry: after(now, expires),
            value,
        };
        let id = self
            .entries
            .insert(entry)
            .map_err(|_| PublicationError::Full)?;
        self.tags.insert(tag.clone(), id);
        Ok(tag)
    }

    /// Refresh, or modification when `change` changes the value.
    ///
    /// # Errors
    /// [`PublicationError::Unknown`], [`PublicationError::Random`].
    pub fn update(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        tag: &EntityTag,
        expires: u32,
        change: impl FnOnce(&mut T),
    ) -> Result<EntityTag, PublicationError> {
        let id = *self.tags.get(tag).ok_or(PublicationError::Unknown)?;
        let new = fresh_tag(random)?;
        self.entries
            .update(id, |entry| {
                entry.tag = new.clone();
                entry.expiry = after(now, expires);
                change(&mut entry.value);
            })
            .ok_or(PublicationError::Unknown)?;
        self.tags.remove(tag);
        self.tags.insert(new.clone(), id);
        Ok(new)
    }

    /// The value published under a tag.
    #[must_use]
    pub fn get(&self, tag: &EntityTag) -> Option<&T> {
        self.entries
            .get(*self.tags.get(tag)?)
            .map(|entry| &entry.value)
    }

    /// Removes a publication.
    ///
    /// # Errors
    /// [`PublicationError::Unknown`].
    pub fn remove(&mut self, tag: &EntityTag) -> Result<T, PublicationError> {
        let id = self.tags.remove(tag).ok_or(PublicationError::Unknown)?;
        self.entries
            .remove(id)
            .map(|entry| entry.value)
            .ok_or(PublicationError::Unknown)
    }

    /// Removes one publication that has expired; call until `None`.
    pub fn pop_expired(&mut self, now: Instant) -> Option<T> {
        let (id, _) = self.entries.pop_due(now)?;
        let entry = self.entries.remove(id)?;
        self.tags.remove(&entry.tag);
        Some(entry.value)
    }

    /// The next expiry.
    #[must_use]
    pub fn deadline(&self) -> Option<(Instant, TimerName)> {
        self.entries.deadline()
    }

    /// Number of publications.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }
}

fn after(now: Instant, seconds: u32) -> Instant {
    now + Duration::from_secs(u64::from(seconds))
}

fn fresh_tag(random: &mut dyn Random) -> Result<EntityTag, RandomError> {
    Ok(EntityTag(crate::endpoint::ident::fresh(random)?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Method, StatusCode};
    use crate::uri::Uri;
    use roger_testkit::SeededRandom;

    fn at(second: u64) -> Instant {
        Instant::from_origin(Duration::from_secs(second))
    }

    fn publish(headers: &[(HeaderName<'static>, &str)], body: &str) -> Request {
        let uri = Uri::parse(b"sip:pf@h").unwrap();
        let mut builder = Request::builder(Method::Publish, uri)
            .header(HeaderName::FROM, "<sip:a@h>;tag=1")
            .header(HeaderName::TO, "<sip:pf@h>")
            .header(HeaderName::CALL_ID, "c")
            .header(HeaderName::CSEQ, "1");
        for (name, value) in headers {
            builder = builder.header(*name, value);
        }
        if !body.is_empty() {
            builder = builder.body("text/plain", body);
        }
        builder.build().unwrap()
    }

    fn granted(status: StatusCode, tag: &str, expires: &str) -> Response {
        let mut response = Response::to(&publish(&[], "x"), status);
        response
            .headers_mut()
            .push(HeaderName::SIP_ETAG, tag)
            .unwrap();
        response
            .headers_mut()
            .push(HeaderName::EXPIRES, expires)
            .unwrap();
        response
    }

    #[test]
    fn a_publication_is_refreshed_under_its_latest_tag() {
        let mut publication = Publication::new();
        let mut request = publish(&[], "x");
        publication.prepare(&mut request).unwrap();
        assert!(!request.headers().contains(HeaderName::SIP_IF_MATCH));
        publication.on_response(at(0), &granted(StatusCode::OK, "one", "3600"));
        assert_eq!(publication.deadline(), Some((at(3000), TimerName::Refresh)));
        assert!(!publication.handle(at(2999)));
        assert!(publication.handle(at(3000)));
        assert!(!publication.handle(at(3000)), "once");
        publication.prepare(&mut request).unwrap();
        assert_eq!(
            request.headers().get(HeaderName::SIP_IF_MATCH),
            Some(&b"one"[..])
        );
        publication.on_response(at(3001), &granted(StatusCode::OK, "two", "3600"));
        assert_eq!(publication.tag().unwrap().as_str(), "two");
    }

    #[test]
    fn a_412_an_end_and_an_expiry_forget_the_tag() {
        for response in [
            granted(StatusCode::CONDITIONAL_REQUEST_FAILED, "x", "9"),
            granted(StatusCode::OK, "x", "0"),
        ] {
            let mut publication = Publication::new();
            publication.on_response(at(0), &granted(StatusCode::OK, "one", "100"));
            publication.on_response(at(1), &response);
            assert_eq!(publication.tag(), None);
            assert_eq!(publication.deadline(), None);
        }
        let mut publication = Publication::new();
        publication.on_response(at(0), &granted(StatusCode::OK, "one", "100"));
        publication.on_response(at(1), &granted(StatusCode::FORBIDDEN, "x", "9"));
        assert_eq!(
            publication.tag().unwrap().as_str(),
            "one",
            "a refusal leaves the old publication"
        );
        assert!(!publication.handle(at(100)));
        assert_eq!(publication.tag(), None);
    }

    #[test]
    fn what_a_publish_asks_for() {
        let tag = || EntityTag::parse(b"t").unwrap();
        let if_match = (HeaderName::SIP_IF_MATCH, "t");
        let zero = (HeaderName::EXPIRES, "0");
        for (headers, body, expected) in [
            (vec![], "x", Ok(PublishKind::Initial)),
            (vec![if_match], "", Ok(PublishKind::Refresh(tag()))),
            (vec![if_match], "x", Ok(PublishKind::Modify(tag()))),
            (vec![if_match, zero], "", Ok(PublishKind::Remove(tag()))),
            (vec![zero], "", Ok(PublishKind::Initial)),
            (vec![], "", Err(PublicationError::NoTag)),
            (
                vec![(HeaderName::SIP_IF_MATCH, "a b")],
                "x",
                Err(PublicationError::NoTag),
            ),
        ] {
            assert_eq!(
                PublishKind::of(&publish(&headers, body)),
                expected,
                "{headers:?} {body}"
            );
        }
    }

    #[test]
    fn the_compositor_gives_a_new_tag_each_time_and_knows_only_the_last() {
        let mut random = SeededRandom::new(1);
        let mut states = EventStates::new(1);
        let one = states.create(at(0), &mut random, 100, "a").unwrap();
        let full = states.create(at(0), &mut random, 100, "b");
        assert_eq!(full, Err(PublicationError::Full));
        let two = states
            .update(at(10), &mut random, &one, 100, |value| *value = "c")
            .unwrap();
        assert_ne!(one, two);
        assert_eq!((states.get(&one), states.get(&two)), (None, Some(&"c")));
        let stale = states.update(at(10), &mut random, &one, 100, |_| {});
        assert_eq!(stale, Err(PublicationError::Unknown));
        assert_eq!(states.deadline(), Some((at(110), TimerName::Expiry)));
        assert_eq!(states.pop_expired(at(109)), None);
        assert_eq!(states.pop_expired(at(110)), Some("c"));
        assert_eq!(states.remove(&two), Err(PublicationError::Unknown));
        let three = states.create(at(200), &mut random, 100, "d").unwrap();
        assert_eq!(states.remove(&three), Ok("d"));
        assert!(states.is_empty());
    }
}
