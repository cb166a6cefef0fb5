//! A message as a list of typed fields.

use crate::Error;
use crate::field::set::TypedField;

/// The first field of a type; absent is not an error.
pub(crate) fn find<F, T: TypedField<F>>(fields: &[F]) -> Option<T> {
    fields.iter().find_map(T::take)
}

/// The first field of a type, which the message must have.
pub(crate) fn require<F, T: TypedField<F>>(
    fields: &[F],
    message: &'static str,
) -> Result<T, Error> {
    find(fields).ok_or(Error::PeerFieldMissing {
        message,
        field: T::NAME,
    })
}

/// Defines a message: `required` fields must be there, `default` ones stand for their default value when absent,
/// `optional` ones may be absent, `queued` is the repeated group of an off-network grant.
macro_rules! message {
    ($(#[$doc:meta])* $name:ident = $text:literal {
        $($(#[$fdoc:meta])* $presence:ident $field:ident : $type:ty,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $($(#[$fdoc])* pub $field: message!(@type $presence $type),)*
        }

        impl $name {
            #[allow(unused_variables)]
            pub(crate) fn from_fields(fields: &[Field]) -> Result<Self, Error> {
                Ok(Self { $($field: message!(@take $presence fields $text),)* })
            }

            #[allow(unused_mut)]
            pub(crate) fn to_fields(&self) -> Vec<Field> {
                let mut fields = Vec::new();
                $(message!(@put $presence fields self.$field);)*
                fields
            }
        }
    };
    (@type required $type:ty) => { $type };
    (@type default $type:ty) => { $type };
    (@type optional $type:ty) => { Option<$type> };
    (@type queued $type:ty) => { Vec<$type> };
    (@take required $fields:ident $text:literal) => { $crate::message::macros::require($fields, $text)? };
    (@take default $fields:ident $text:literal) => { $crate::message::macros::find($fields).unwrap_or_default() };
    (@take optional $fields:ident $text:literal) => { $crate::message::macros::find($fields) };
    (@take queued $fields:ident $text:literal) => { $crate::message::queueing::queued_participants($fields) };
    (@put required $fields:ident $value:expr) => { $fields.extend([$crate::field::set::TypedField::give($value.clone())]) };
    (@put default $fields:ident $value:expr) => { $fields.extend([$crate::field::set::TypedField::give($value.clone())]) };
    (@put optional $fields:ident $value:expr) => { $fields.extend($value.clone().map($crate::field::set::TypedField::give)) };
    (@put queued $fields:ident $value:expr) => { $fields.extend($value.iter().flat_map(|queued| queued.to_fields())) };
}
pub(crate) use message;

/// Defines the message of an application and the enum of its bodies; `Field` in scope is the application's field set.
macro_rules! application {
    ($(#[$mdoc:meta])* $message:ident, $(#[$bdoc:meta])* $bodies:ident; $($type:literal $name:ident,)*) => {
        $(#[$bdoc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum $bodies {
            $($name($name),)*
        }

        impl $bodies {
            fn read(message_type: u8, fields: &[Field]) -> Result<Self, Error> {
                match message_type {
                    $($type => $name::from_fields(fields).map(Self::$name),)*
                    other => Err(Error::PeerSubtype(other)),
                }
            }

            fn to_fields(&self) -> Vec<Field> {
                match self {
                    $(Self::$name(body) => body.to_fields(),)*
                }
            }

            /// The message type, 0 to 15.
            #[must_use]
            pub const fn message_type(&self) -> u8 {
                match self {
                    $(Self::$name(_) => $type,)*
                }
            }

            /// Name in the standard.
            #[must_use]
            pub fn name(&self) -> &'static str {
                let subtype = Subtype::new(self.message_type(), AckRequest::NotRequested);
                message_name(subtype, &Profile::default()).map_or("unassigned", |(name, _)| name)
            }
        }

        $(
            impl From<$name> for $bodies {
                fn from(body: $name) -> Self {
                    Self::$name(body)
                }
            }
        )*

        $(#[$mdoc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $message {
            /// SSRC of the header: of the sending participant or server, or the number that the receiver asked for
            /// with `mc_floor_ssrc` (TS 24.380 cl. 8.1.2).
            pub ssrc: Ssrc,
            /// The acknowledgement bit.
            pub ack: AckRequest,
            /// What it says.
            pub body: $bodies,
        }

        impl $message {
            /// A message without the acknowledgement bit.
            #[must_use]
            pub fn new(ssrc: Ssrc, body: impl Into<$bodies>) -> Self {
                Self { ssrc, ack: AckRequest::NotRequested, body: body.into() }
            }

            /// The same message with the acknowledgement bit as told.
            #[must_use]
            pub fn with_ack(mut self, ack: AckRequest) -> Self {
                self.ack = ack;
                self
            }

            /// Reads a datagram that holds exactly one message.
            ///
            /// # Errors
            /// `Peer…`: not a message, a wrong field, a missing field, or octets behind the message.
            pub fn decode(octets: &[u8], profile: &Profile) -> Result<Self, Error> {
                Self::try_from(&Packet::<Field>::decode(octets, profile)?)
            }

            /// The octets, fields in the order of the struct.
            ///
            /// # Errors
            /// `Local…` when a value is too long, or the acknowledgement bit does not exist for the message.
            pub fn encode(&self) -> Result<Vec<u8>, Error> {
                self.to_packet().encode()
            }

            /// The message as a list of fields.
            #[must_use]
            pub fn to_packet(&self) -> Packet<Field> {
                let subtype = Subtype::new(self.body.message_type(), self.ack);
                Packet { subtype, ssrc: self.ssrc, fields: self.body.to_fields() }
            }
        }

        impl TryFrom<&Packet<Field>> for $message {
            type Error = Error;

            fn try_from(packet: &Packet<Field>) -> Result<Self, Error> {
                let body = $bodies::read(packet.subtype.message_type(), &packet.fields)?;
                Ok(Self { ssrc: packet.ssrc, ack: packet.subtype.ack(), body })
            }
        }
    };
}
pub(crate) use application;
