//! An application's table of fields.

use super::UnknownField;

/// One typed field of a message: how a message finds it among all fields of its application.
pub(crate) trait TypedField<F>: Sized {
    /// Name in the standard.
    const NAME: &'static str;
    fn take(field: &F) -> Option<Self>;
    fn give(self) -> F;
}

/// What is kept of a field that is not in the table.
pub(crate) fn unknown(raw: &crate::RawField<'_>) -> UnknownField {
    UnknownField {
        id: raw.id,
        value: raw.value.to_vec(),
    }
}

/// Defines the enum of an application's fields. `names` are the application names, the one that is sent first;
/// `messages` is the message table; `ids` maps the id received to the id of the table.
macro_rules! field_set {
    ($(#[$edoc:meta])* $set:ident, names: [$sent:literal $(, $also:literal)*], messages: $messages:path, ids: $ids:path;
     $($(#[$doc:meta])* $id:literal $name:ident : $type:ty = $text:literal, $clause:literal;)*) => {
        $(#[$edoc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $set {
            $($(#[$doc])* $name($type),)*
            /// A field with an id that is not in the table.
            Unknown($crate::field::UnknownField),
        }

        impl $crate::wire::FieldSet for $set {
            const NAME: [u8; 4] = *$sent;

            fn accepts_name(name: [u8; 4]) -> bool {
                name == *$sent $(|| name == *$also)*
            }

            fn message(
                subtype: $crate::Subtype,
                profile: &$crate::Profile,
            ) -> Option<(&'static str, &'static str)> {
                $messages(subtype, profile)
            }

            fn from_raw(raw: &$crate::RawField<'_>, profile: &$crate::Profile) -> Result<Self, $crate::Error> {
                match $ids(raw, profile) {
                    $($id => <$type as $crate::field::value::FieldValue>::read_field(raw)
                        .map(Self::$name)
                        .map_err(|problem| $crate::Error::PeerField { field: $text, clause: $clause, problem }),)*
                    _ => Ok(Self::Unknown($crate::field::set::unknown(raw))),
                }
            }

            fn id(&self) -> u8 {
                match self {
                    $(Self::$name(_) => $id,)*
                    Self::Unknown(field) => field.id,
                }
            }

            fn value(&self) -> Result<Vec<u8>, $crate::Error> {
                let mut out = Vec::new();
                match self {
                    $(Self::$name(value) => $crate::field::value::FieldValue::write(value, &mut out)?,)*
                    Self::Unknown(field) => out.extend_from_slice(&field.value),
                }
                Ok(out)
            }

            fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $text,)*
                    Self::Unknown(_) => "unknown field",
                }
            }

            fn clause(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $clause,)*
                    Self::Unknown(_) => "8.1.4",
                }
            }

            fn meaning(&self) -> String {
                match self {
                    $(Self::$name(value) => value.to_string(),)*
                    Self::Unknown(field) => format!("field {}, {} octets, ignored", field.id, field.value.len()),
                }
            }
        }

        $(
            impl From<$type> for $set {
                fn from(value: $type) -> Self {
                    Self::$name(value)
                }
            }

            impl $crate::field::set::TypedField<$set> for $type {
                const NAME: &'static str = $text;

                fn take(field: &$set) -> Option<Self> {
                    match field {
                        $set::$name(value) => Some(value.clone()),
                        _ => None,
                    }
                }

                fn give(self) -> $set {
                    $set::$name(self)
                }
            }
        )*
    };
}
pub(crate) use field_set;
