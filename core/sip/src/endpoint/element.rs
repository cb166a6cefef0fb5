//! What a rim needs of any SIP element: an [`Endpoint`], a [`Node`], or a server built around one.

use super::{Endpoint, EndpointError, Flow, Input, Output, Transmit, Transport};
use crate::application::{Application, Clocks, Node, NodeOutput};
use crate::message::{HeaderName, Response, StatusCode};
use crate::overload::Standing;
use core::time::Duration;
use roger_base::{Instant, Random};
use std::net::SocketAddr;

/// Something that comes out of an element.
#[derive(Debug)]
pub enum Polled<Event> {
    /// For the network.
    Transmit(Transmit),
    /// For the user.
    Event(Event),
}

/// What a rim does with an event that its full queue cannot take.
#[derive(Debug)]
pub enum Overflow<Event> {
    /// It is refused or may be lost.
    Gone,
    /// It must be kept; there are at most a few of it for each transaction and dialog.
    Keep(Event),
}

/// A sans-IO SIP element that a rim can drive.
pub trait Element: Send + 'static {
    /// What its user hears.
    type Event: Send + 'static;

    /// The rim listens for this transport at this address.
    fn bound(&mut self, transport: Transport, address: SocketAddr);

    /// The rim opens connections of this transport and does not listen for any; `host` stands for us in Via and
    /// Contact.
    fn opens(&mut self, transport: Transport, host: &str);

    /// Takes one input in.
    ///
    /// # Errors
    /// [`EndpointError`], for the log: the element goes on.
    fn handle(
        &mut self,
        clocks: Clocks,
        random: &mut dyn Random,
        input: Input<'_>,
    ) -> Result<(), EndpointError>;

    /// Fires every timer that is due.
    fn handle_timeout(&mut self, clocks: Clocks, random: &mut dyn Random);

    /// The next thing to do, until `None`.
    fn poll(&mut self) -> Option<Polled<Self::Event>>;

    /// When [`Element::handle_timeout`] is due.
    fn deadline(&self) -> Option<Instant>;

    /// The user is too slow: refuses what can be refused.
    fn overflow(
        &mut self,
        clocks: Clocks,
        random: &mut dyn Random,
        event: Self::Event,
    ) -> Overflow<Self::Event>;

    /// What the element has reason to believe about the sender of a message. Peers are known unless the element
    /// serves strangers.
    fn standing(&self, _flow: &Flow) -> Standing {
        Standing::Known
    }

    /// The message handed in next has waited so long.
    fn set_queue_delay(&mut self, _delay: Duration) {}

    /// There was no place for a datagram in the queue before this element: refuses it without any state.
    fn shed(&mut self, _clocks: Clocks, _flow: Flow, _octets: &[u8]) {}
}

impl Element for Endpoint {
    type Event = Output;

    fn bound(&mut self, transport: Transport, address: SocketAddr) {
        self.settings_mut().sent_by.insert(transport, address);
    }

    fn opens(&mut self, transport: Transport, host: &str) {
        self.settings_mut().opens.insert(transport, host.to_owned());
    }

    fn handle(
        &mut self,
        clocks: Clocks,
        random: &mut dyn Random,
        input: Input<'_>,
    ) -> Result<(), EndpointError> {
        Self::handle(self, clocks.now, random, input)
    }

    fn handle_timeout(&mut self, clocks: Clocks, random: &mut dyn Random) {
        Self::handle_timeout(self, clocks.now, random);
    }

    fn poll(&mut self) -> Option<Polled<Output>> {
        Some(match Self::poll(self)? {
            Output::Transmit(transmit) => Polled::Transmit(transmit),
            event => Polled::Event(event),
        })
    }

    fn deadline(&self) -> Option<Instant> {
        Self::deadline(self).map(|(at, _)| at)
    }

    /// A request is answered 503 with Retry-After; a provisional response is lost; all else is kept.
    fn overflow(
        &mut self,
        clocks: Clocks,
        random: &mut dyn Random,
        event: Output,
    ) -> Overflow<Output> {
        match event {
            Output::Incoming(incoming) => {
                let mut response = Response::to(&incoming.request, StatusCode::SERVICE_UNAVAILABLE);
                let seconds = self.settings().retry_after.as_secs().max(1);
                // A response that cannot be sent is as good as one that was lost.
                let _ = response
                    .headers_mut()
                    .set(HeaderName::RETRY_AFTER, seconds.to_string());
                let _ = self.respond(clocks.now, random, incoming.transaction, response);
                self.count_overload();
                Overflow::Gone
            }
            Output::Response(answer) if answer.response.status().is_provisional() => Overflow::Gone,
            Output::FlowClosed { .. } | Output::Transmit(_) => Overflow::Gone,
            kept => Overflow::Keep(kept),
        }
    }

    fn set_queue_delay(&mut self, delay: Duration) {
        Self::set_queue_delay(self, delay);
    }

    fn shed(&mut self, clocks: Clocks, flow: Flow, octets: &[u8]) {
        Self::shed(self, clocks.now, flow, octets);
    }
}

impl<A> Element for Node<A>
where
    A: Application + Send + 'static,
    A::Output: Send + 'static,
{
    type Event = A::Output;

    fn bound(&mut self, transport: Transport, address: SocketAddr) {
        self.endpoint_mut().bound(transport, address);
    }

    fn opens(&mut self, transport: Transport, host: &str) {
        self.endpoint_mut().opens(transport, host);
    }

    fn handle(
        &mut self,
        clocks: Clocks,
        random: &mut dyn Random,
        input: Input<'_>,
    ) -> Result<(), EndpointError> {
        Self::handle(self, clocks, random, input)
    }

    fn handle_timeout(&mut self, clocks: Clocks, random: &mut dyn Random) {
        Self::handle_timeout(self, clocks, random);
    }

    fn poll(&mut self) -> Option<Polled<A::Output>> {
        Some(match Self::poll(self)? {
            NodeOutput::Transmit(transmit) => Polled::Transmit(transmit),
            NodeOutput::Application(output) => Polled::Event(output),
        })
    }

    fn deadline(&self) -> Option<Instant> {
        Self::deadline(self)
    }

    /// What an application wants done is never dropped here; the rim bounds what waits.
    fn overflow(
        &mut self,
        _clocks: Clocks,
        _random: &mut dyn Random,
        event: A::Output,
    ) -> Overflow<A::Output> {
        Overflow::Keep(event)
    }

    fn set_queue_delay(&mut self, delay: Duration) {
        self.endpoint_mut().set_queue_delay(delay);
    }

    fn shed(&mut self, clocks: Clocks, flow: Flow, octets: &[u8]) {
        self.endpoint_mut().shed(clocks.now, flow, octets);
    }
}
