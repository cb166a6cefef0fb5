//! A sans-IO application on top of an [`Endpoint`], and the [`Node`] that runs both.
//!
//! ```text
//!   rim ── SIP octets ──► Endpoint ── events ──► Application ── Output ──► rim (media, stores, people)
//!                            ▲                        │
//!                            └── send, respond, bye ──┘
//! ```
//!
//! Everything happens inside the call that brought the input: an application never waits.

use crate::endpoint::{Answer, Endpoint, EndpointError, Incoming, Input, Output, Transmit};
use crate::message::Response;
use roger_base::{Instant, Random, UnixTime};
use std::collections::VecDeque;

/// What an application is lent while it works.
pub struct Context<'a> {
    /// Monotonic time, for timers.
    pub now: Instant,
    /// Wall clock, for keys and tokens.
    pub utc: UnixTime,
    /// Randomness.
    pub random: &'a mut dyn Random,
    /// The SIP element below.
    pub endpoint: &'a mut Endpoint,
}

/// Answers a request; that a dialog comes of it is of no interest.
///
/// # Errors
/// As [`Endpoint::respond`].
pub fn answer(
    context: &mut Context<'_>,
    incoming: &Incoming,
    response: Response,
) -> Result<(), EndpointError> {
    context
        .endpoint
        .respond(context.now, context.random, incoming.transaction, response)
        .map(|_| ())
}

/// Ends the dialog of a 2xx to an INVITE that was given up: acknowledged, then BYE (RFC 3261 9.1). Any other
/// response needs nothing.
///
/// # Errors
/// As [`Endpoint::bye`].
pub fn end_unwanted(context: &mut Context<'_>, answer: &Answer) -> Result<(), EndpointError> {
    let Some(dialog) = answer
        .dialog
        .filter(|_| answer.response.status().is_success())
    else {
        return Ok(());
    };
    // A success to a BYE or a NOTIFY has no INVITE to acknowledge.
    let (now, random) = (context.now, &mut *context.random);
    if context.endpoint.ack(now, random, dialog, None).is_ok() {
        context.endpoint.bye(now, random, dialog)?;
    }
    Ok(())
}

/// A service or a UE on a SIP element.
pub trait Application {
    /// What reaches it besides SIP: packets, commands.
    type Input;
    /// What it wants done besides SIP.
    type Output;

    /// Takes a SIP event; never [`Output::Transmit`].
    fn on_sip(&mut self, context: &mut Context<'_>, event: Output);

    /// Takes another input.
    fn on_input(&mut self, context: &mut Context<'_>, input: Self::Input);

    /// Fires what is due.
    fn on_timeout(&mut self, context: &mut Context<'_>);

    /// The next thing to do, until `None`.
    fn poll(&mut self) -> Option<Self::Output>;

    /// When [`Application::on_timeout`] is due.
    fn deadline(&self) -> Option<Instant>;
}

/// What a node wants the rim to do.
#[derive(Debug)]
pub enum NodeOutput<O> {
    /// Send SIP octets.
    Transmit(Transmit),
    /// Do what the application asks.
    Application(O),
}

/// The clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    /// Monotonic time.
    pub now: Instant,
    /// Wall clock.
    pub utc: UnixTime,
}

/// An endpoint and its application, run together.
pub struct Node<A: Application> {
    application: A,
    endpoint: Endpoint,
    outputs: VecDeque<NodeOutput<A::Output>>,
}

impl<A: Application> Node<A> {
    /// Joins the two.
    #[must_use]
    pub const fn new(application: A, endpoint: Endpoint) -> Self {
        Self {
            application,
            endpoint,
            outputs: VecDeque::new(),
        }
    }

    /// The application, to look at.
    #[must_use]
    pub const fn application(&self) -> &A {
        &self.application
    }

    /// The application, for what it does apart from SIP, inputs and timers.
    pub const fn application_mut(&mut self) -> &mut A {
        &mut self.application
    }

    /// The endpoint, for the rim that learns its addresses when it binds.
    pub const fn endpoint_mut(&mut self) -> &mut Endpoint {
        &mut self.endpoint
    }

    /// Takes SIP in.
    ///
    /// # Errors
    /// As [`Endpoint::handle`]: for the log, the node goes on.
    pub fn handle(
        &mut self,
        clocks: Clocks,
        random: &mut dyn Random,
        input: Input<'_>,
    ) -> Result<(), EndpointError> {
        let result = self.endpoint.handle(clocks.now, random, input);
        self.run(clocks, random);
        result
    }

    /// Takes another input in.
    pub fn input(&mut self, clocks: Clocks, random: &mut dyn Random, input: A::Input) {
        self.with_context(clocks, random, |application, context| {
            application.on_input(context, input)
        });
        self.run(clocks, random);
    }

    /// Fires every timer that is due.
    pub fn handle_timeout(&mut self, clocks: Clocks, random: &mut dyn Random) {
        self.endpoint.handle_timeout(clocks.now, random);
        if self
            .application
            .deadline()
            .is_some_and(|at| at <= clocks.now)
        {
            self.with_context(clocks, random, |application, context| {
                application.on_timeout(context)
            });
        }
        self.run(clocks, random);
    }

    /// The next thing to do, until `None`.
    pub fn poll(&mut self) -> Option<NodeOutput<A::Output>> {
        self.outputs.pop_front()
    }

    /// When [`Node::handle_timeout`] is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let below = self.endpoint.deadline().map(|(at, _)| at);
        [below, self.application.deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    fn with_context(
        &mut self,
        clocks: Clocks,
        random: &mut dyn Random,
        act: impl FnOnce(&mut A, &mut Context<'_>),
    ) {
        let mut context = Context {
            now: clocks.now,
            utc: clocks.utc,
            random,
            endpoint: &mut self.endpoint,
        };
        act(&mut self.application, &mut context);
    }

    /// Hands the endpoint's events to the application until both are quiet.
    fn run(&mut self, clocks: Clocks, random: &mut dyn Random) {
        while let Some(event) = self.endpoint.poll() {
            match event {
                Output::Transmit(transmit) => {
                    self.outputs.push_back(NodeOutput::Transmit(transmit))
                }
                event => self.with_context(clocks, random, |application, context| {
                    application.on_sip(context, event);
                }),
            }
        }
        while let Some(output) = self.application.poll() {
            self.outputs.push_back(NodeOutput::Application(output));
        }
    }
}
