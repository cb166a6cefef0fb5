//! Typed XML documents of an MCPTT system: read from octets that anybody may have written, written the same way
//! each time.
//!
//! Every type here implements [`Document`]: `read` checks the bounds of [`roger_xml::markup`], root and namespace,
//! refuses an element that is there twice where the schema has one, and ignores what it does not know; `write` gives
//! the plain form. [`protected`] adds and removes the protection of a hop around either.

mod duration;
mod error;
mod read;

pub mod affiliation;
pub mod affiliation_command;
pub mod date_time;
pub mod gktp;
pub mod group;
pub mod group_rule;
pub mod kms;
pub mod kms_client;
pub mod location_info;
mod location_info_xml;
pub mod mcptt_info;
mod mcptt_info_xml;
pub mod poc_settings;
pub mod protected;
pub mod resource_lists;
pub mod service_config;
pub mod xcap_diff;
pub mod xcap_path;

pub use error::DocumentError;

/// A document with a media type of its own.
pub trait Document: Sized {
    /// The media type, lower case, without parameters.
    const MEDIA_TYPE: &'static str;

    /// Reads the plain form.
    ///
    /// # Errors
    /// [`DocumentError`] when the document breaks a bound, is not of this type, or has a value that cannot be.
    fn read(octets: &[u8]) -> Result<Self, DocumentError>;

    /// Writes the plain form.
    fn write(&self) -> String;
}
