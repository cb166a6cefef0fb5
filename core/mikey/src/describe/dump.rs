//! Collects the fields as the decoder reads them.

use super::{Line, Origin, Section, meaning};
use crate::Field;
use crate::payload::{GeneralExtension, KEY_PARAMETERS, SAKKE_TO_SELF};
use crate::protected_payload::ProtectedPayload;
use crate::wire::{DecodeError, Trace};
use roger_base::NtpTime;

/// A [`Trace`] that makes sections and lines.
pub(super) struct Dump {
    reference: NtpTime,
    origin: Origin,
    sections: Vec<Section>,
    faults: Vec<DecodeError>,
    /// The last octet of the field before: type of a parameter, role of an identity, type of an extension.
    before: Before,
}

/// Fields that decide what a later field means.
#[derive(Default)]
pub(super) struct Before {
    pub(super) role: u8,
    pub(super) parameter: u8,
    pub(super) extension: u8,
}

impl Dump {
    pub(super) fn new(reference: NtpTime, origin: Origin) -> Self {
        let sections = Vec::new();
        Self {
            reference,
            origin,
            sections,
            faults: Vec::new(),
            before: Before::default(),
        }
    }

    /// The sections, and what was wrong inside extensions.
    pub(super) fn finish(self) -> (Vec<Section>, Vec<DecodeError>) {
        (self.sections, self.faults)
    }

    fn remember(&mut self, field: Field, octets: &[u8]) {
        let value = octets.last().copied().unwrap_or_default();
        match field {
            Field::IdentityRole => self.before.role = value,
            Field::ParameterType => self.before.parameter = value,
            Field::ExtensionType => self.before.extension = value,
            _ => {}
        }
    }

    /// Reads what is inside a known extension, as sections of its own.
    fn extension(&mut self, offset: usize, data: &[u8]) {
        let fault = match self.before.extension {
            SAKKE_TO_SELF => GeneralExtension::read_sakke_to_self(data, offset, self).err(),
            KEY_PARAMETERS => ProtectedPayload::decode_traced(data, offset, self).err(),
            _ => None,
        };
        self.faults.extend(fault);
    }
}

impl Trace for Dump {
    fn heading(&mut self, offset: usize, title: &'static str, clause: &'static str) {
        let origin = self.origin;
        self.sections.push(Section {
            title,
            clause,
            offset,
            origin,
            lines: Vec::new(),
        });
    }

    fn field(&mut self, offset: usize, field: Field, octets: &[u8]) {
        self.remember(field, octets);
        let meaning = meaning::of(field, octets, &self.before, self.reference);
        let line = Line {
            offset,
            octets: octets.to_vec(),
            field,
            meaning,
        };
        if let Some(section) = self.sections.last_mut() {
            section.lines.push(line);
        }
        if field == Field::ExtensionData {
            self.extension(offset, octets);
        }
    }
}
