//! The machines of the network: the real services and UEs behind one face.

use roger_base::{GroupId, Instant, Random};
use roger_gms::{GroupServer, GroupServerCredentials, GroupServerInput};
use roger_mcptt::controlling::{ControllingFunction, ControllingInput};
use roger_mcptt::participating::{ParticipatingFunction, ParticipatingInput};
use roger_media::{MediaPacket, MediaTransmit};
use roger_sip::application::{Clocks, Node};
use roger_sip::endpoint::{Element, Endpoint, Input, Output, Polled, Transmit};
use roger_sipcore::{CoreEvent, MemorySubscribers, SipCore};
use roger_ue::client::{UeClient, UeEvent, UeInput, UeOutput};

/// A machine, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostId(pub usize);

/// What comes out of a machine besides packets.
#[derive(Debug)]
pub enum HostEvent {
    /// The SIP core logs.
    Core(CoreEvent),
    /// A group document changed.
    GroupChanged(GroupId),
    /// A UE tells its user.
    Ue(UeEvent),
    /// A bare SIP element that a test drives by hand.
    Bare(Output),
}

pub(crate) enum HostOutput {
    Transmit(Transmit),
    Media(MediaTransmit),
    Event(HostEvent),
}

pub(crate) enum Machine {
    Core(Box<SipCore<MemorySubscribers>>),
    Participating(Box<Node<ParticipatingFunction>>),
    Controlling(Box<Node<ControllingFunction>>),
    Management(Box<Node<GroupServer>>),
    Ue(Box<Node<UeClient>>),
    Bare(Box<Endpoint>),
}

/// What goes into a machine besides SIP.
pub(crate) enum HostInput {
    Media(MediaPacket),
    GroupChanged(GroupId),
    DocumentsChanged,
    Participating(Box<ParticipatingInput>),
    GroupServerCredentials(Box<GroupServerCredentials>),
    Ue(Box<UeInput>),
}

macro_rules! element {
    ($machine:expr, $element:ident => $act:expr) => {
        match $machine {
            Machine::Core($element) => $act,
            Machine::Participating($element) => $act,
            Machine::Controlling($element) => $act,
            Machine::Management($element) => $act,
            Machine::Ue($element) => $act,
            Machine::Bare($element) => $act,
        }
    };
}

impl Machine {
    /// Takes SIP in; an error is what an element says to its log.
    pub(crate) fn sip(
        &mut self,
        clocks: Clocks,
        random: &mut dyn Random,
        input: Input<'_>,
    ) -> Result<(), String> {
        element!(self, element => Element::handle(element.as_mut(), clocks, random, input))
            .map_err(|error| error.to_string())
    }

    pub(crate) fn timeout(&mut self, clocks: Clocks, random: &mut dyn Random) {
        element!(self, element => Element::handle_timeout(element.as_mut(), clocks, random));
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        element!(self, element => Element::deadline(element.as_ref()))
    }

    pub(crate) fn input(&mut self, clocks: Clocks, random: &mut dyn Random, input: HostInput) {
        match (self, input) {
            (Self::Participating(node), HostInput::Media(packet)) => {
                node.input(clocks, random, ParticipatingInput::Media(packet));
            }
            (Self::Participating(node), HostInput::GroupChanged(group)) => {
                node.input(clocks, random, ParticipatingInput::GroupChanged(group));
            }
            (Self::Controlling(node), HostInput::Media(packet)) => {
                node.input(clocks, random, ControllingInput::Media(packet));
            }
            (Self::Controlling(node), HostInput::GroupChanged(group)) => {
                node.input(clocks, random, ControllingInput::GroupChanged(group));
            }
            (Self::Management(node), HostInput::DocumentsChanged) => {
                node.input(clocks, random, GroupServerInput::DocumentsChanged);
            }
            (Self::Participating(node), HostInput::Participating(input)) => {
                node.input(clocks, random, *input);
            }
            (Self::Management(node), HostInput::GroupServerCredentials(credentials)) => {
                node.input(clocks, random, GroupServerInput::Credentials(credentials));
            }
            (Self::Ue(node), HostInput::Media(packet)) => {
                node.input(clocks, random, UeInput::Media(packet));
            }
            (Self::Ue(node), HostInput::Ue(input)) => node.input(clocks, random, *input),
            // Nobody listens there any more.
            (Self::Bare(_), HostInput::Media(_)) => {}
            _ => panic!("this machine takes no such input"),
        }
    }

    pub(crate) fn poll(&mut self) -> Option<HostOutput> {
        Some(match self {
            Self::Core(core) => of(core.poll()?, HostEvent::Core),
            Self::Participating(node) => media(Element::poll(node.as_mut())?),
            Self::Controlling(node) => media(Element::poll(node.as_mut())?),
            Self::Management(node) => of(Element::poll(node.as_mut())?, HostEvent::GroupChanged),
            Self::Ue(node) => match Element::poll(node.as_mut())? {
                Polled::Transmit(transmit) => HostOutput::Transmit(transmit),
                Polled::Event(UeOutput::Media(transmit)) => HostOutput::Media(transmit),
                Polled::Event(UeOutput::Event(event)) => HostOutput::Event(HostEvent::Ue(event)),
            },
            Self::Bare(endpoint) => of(Element::poll(endpoint.as_mut())?, HostEvent::Bare),
        })
    }
}

fn of<E>(polled: Polled<E>, event: impl FnOnce(E) -> HostEvent) -> HostOutput {
    match polled {
        Polled::Transmit(transmit) => HostOutput::Transmit(transmit),
        Polled::Event(happened) => HostOutput::Event(event(happened)),
    }
}

fn media(polled: Polled<MediaTransmit>) -> HostOutput {
    match polled {
        Polled::Transmit(transmit) => HostOutput::Transmit(transmit),
        Polled::Event(transmit) => HostOutput::Media(transmit),
    }
}
