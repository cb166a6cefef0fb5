//! A request that goes on to the next server when one fails (RFC 3263 4.3).
//!
//! The user sees one request: its handle stays, and what a failed server said is not told.

use super::client_state::{Cancel, Client};
use super::event::RequestHandle;
use super::flow::Target;
use super::{Endpoint, EndpointError};
use crate::message::Request;
use crate::transaction::timed::SlotId;
use roger_base::{Instant, Random};

/// Where a request may still go.
#[derive(Debug)]
pub(super) struct FailOver {
    /// The transaction that the user knows, when it is not this one.
    handle: Option<SlotId>,
    /// The request without Via.
    request: Request,
    /// The next one last.
    left: Vec<Target>,
}

impl Endpoint {
    /// Sends a request to the first of several servers, as RFC 3263 orders them; to the next when it cannot be
    /// sent, gets no answer, or is answered 503. Each one gets a transaction of its own, with the time of one.
    ///
    /// # Errors
    /// As [`Endpoint::send_request`], for the last server, and [`EndpointError::LocalNoRoute`] when there is none.
    pub fn send_request_to(
        &mut self,
        now: Instant,
        random: &mut dyn Random,
        request: Request,
        targets: &[Target],
    ) -> Result<RequestHandle, EndpointError> {
        let mut left: Vec<Target> = targets.iter().rev().copied().collect();
        let mut last = EndpointError::LocalNoRoute("any server".to_owned());
        while let Some(target) = left.pop() {
            match self.start_client(now, random, request.clone(), target, None) {
                Ok(id) => {
                    self.keep_for_next(id, None, request, left);
                    return Ok(RequestHandle(id));
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn keep_for_next(
        &mut self,
        id: SlotId,
        handle: Option<SlotId>,
        request: Request,
        left: Vec<Target>,
    ) {
        if handle.is_none() && left.is_empty() {
            return;
        }
        let fail_over = FailOver {
            handle,
            request,
            left,
        };
        self.clients.update(id, |client| {
            client.fail_over = Some(Box::new(fail_over));
        });
    }

    /// Starts over with the next server; `false` when there is none, or nobody wants an answer any more.
    pub(super) fn goes_on(&mut self, now: Instant, random: &mut dyn Random, id: SlotId) -> bool {
        let taken = self.clients.update(id, Client::take_fail_over).flatten();
        let Some(fail_over) = taken else {
            return false;
        };
        let FailOver {
            handle,
            request,
            mut left,
        } = *fail_over;
        let known = handle.unwrap_or(id);
        while let Some(target) = left.pop() {
            let started = self.start_client(now, random, request.clone(), target, None);
            if let Ok(next) = started {
                self.keep_for_next(next, Some(known), request, left);
                self.moved.insert(known, next);
                return true;
            }
        }
        self.keep_for_next(id, handle, request, left);
        false
    }

    /// The transaction that a handle of the user stands for now.
    pub(super) fn current(&self, handle: RequestHandle) -> SlotId {
        self.moved.get(&handle.0).copied().unwrap_or(handle.0)
    }

    /// The handle that the user has.
    pub(super) fn known_handle(&self, id: SlotId) -> RequestHandle {
        let fail_over = self
            .clients
            .get(id)
            .and_then(|client| client.fail_over.as_ref());
        RequestHandle(fail_over.and_then(|kept| kept.handle).unwrap_or(id))
    }

    pub(super) fn forget_move(&mut self, id: SlotId, client: &Client) {
        let handle = client.fail_over.as_ref().and_then(|kept| kept.handle);
        if let Some(handle) = handle
            && self.moved.get(&handle) == Some(&id)
        {
            self.moved.remove(&handle);
        }
    }
}

impl Client {
    /// A request that was cancelled, or that has made dialogs, ends with the server it is at.
    fn take_fail_over(&mut self) -> Option<Box<FailOver>> {
        let may = self.cancel == Cancel::No && self.early.is_empty() && self.call.is_none();
        let has_next = |kept: &mut Box<FailOver>| may && !kept.left.is_empty();
        self.fail_over.take_if(has_next)
    }
}
