//! Every input that is kept in `fuzz/seeds` runs through its target: what a fuzzer found once is
//! not found twice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::collapsible_if,
    unused_attributes,
    missing_docs
)]

extern crate roger_testkit_corpus as libfuzzer_sys;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/audio_amrwb_payload.rs"]
mod audio_amrwb_payload;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/audio_wav.rs"]
mod audio_wav;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/audit_log.rs"]
mod audit_log;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/call_body.rs"]
mod call_body;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/call_sdp.rs"]
mod call_sdp;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/documents_affiliation_command.rs"]
mod documents_affiliation_command;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/documents_gktp.rs"]
mod documents_gktp;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/documents_group.rs"]
mod documents_group;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/documents_kms.rs"]
mod documents_kms;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/documents_kms_lookup.rs"]
mod documents_kms_lookup;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/documents_krr_list.rs"]
mod documents_krr_list;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/documents_location.rs"]
mod documents_location;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/documents_mcptt_info.rs"]
mod documents_mcptt_info;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/documents_pidf.rs"]
mod documents_pidf;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/documents_poc_settings.rs"]
mod documents_poc_settings;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/documents_resource_lists.rs"]
mod documents_resource_lists;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/documents_service_config.rs"]
mod documents_service_config;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/documents_xcap.rs"]
mod documents_xcap;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/floor_message.rs"]
mod floor_message;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/hsm_sealed_file.rs"]
mod hsm_sealed_file;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/ibc_eccsi_signature.rs"]
mod ibc_eccsi_signature;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/ibc_sakke_data.rs"]
mod ibc_sakke_data;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/kms_directory.rs"]
mod kms_directory;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/mikey_input.rs"]
mod mikey_input;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/mikey_key_parameters.rs"]
mod mikey_key_parameters;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/mikey_message.rs"]
mod mikey_message;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/oidc_access_token.rs"]
mod oidc_access_token;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/oidc_authorize.rs"]
mod oidc_authorize;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/oidc_jwk_set.rs"]
mod oidc_jwk_set;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/oidc_jws.rs"]
mod oidc_jws;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/sip_endpoint.rs"]
mod sip_endpoint;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/sip_locate.rs"]
mod sip_locate;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/sip_message.rs"]
mod sip_message;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/sip_multipart.rs"]
mod sip_multipart;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/sip_stream.rs"]
mod sip_stream;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/sip_uri.rs"]
mod sip_uri;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/sipcore_request.rs"]
mod sipcore_request;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/srtp_rtp_header.rs"]
mod srtp_rtp_header;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/srtp_srtcp_unprotect.rs"]
mod srtp_srtcp_unprotect;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/srtp_srtp_unprotect.rs"]
mod srtp_srtp_unprotect;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/xml_protected_document.rs"]
mod xml_protected_document;
#[rustfmt::skip]
#[path = "../../../fuzz/fuzz_targets/xml_signed_body.rs"]
mod xml_signed_body;

type Target = fn(&[u8]);

const TARGETS: &[(&str, Target)] = &[
    ("audio_amrwb_payload", audio_amrwb_payload::run),
    ("audio_wav", audio_wav::run),
    ("audit_log", audit_log::run),
    ("call_body", call_body::run),
    ("call_sdp", call_sdp::run),
    (
        "documents_affiliation_command",
        documents_affiliation_command::run,
    ),
    ("documents_gktp", documents_gktp::run),
    ("documents_group", documents_group::run),
    ("documents_kms", documents_kms::run),
    ("documents_kms_lookup", documents_kms_lookup::run),
    ("documents_krr_list", documents_krr_list::run),
    ("documents_location", documents_location::run),
    ("documents_mcptt_info", documents_mcptt_info::run),
    ("documents_pidf", documents_pidf::run),
    ("documents_poc_settings", documents_poc_settings::run),
    ("documents_resource_lists", documents_resource_lists::run),
    ("documents_service_config", documents_service_config::run),
    ("documents_xcap", documents_xcap::run),
    ("floor_message", floor_message::run),
    ("hsm_sealed_file", hsm_sealed_file::run),
    ("ibc_eccsi_signature", ibc_eccsi_signature::run),
    ("ibc_sakke_data", ibc_sakke_data::run),
    ("kms_directory", kms_directory::run),
    ("mikey_input", mikey_input::run),
    ("mikey_key_parameters", mikey_key_parameters::run),
    ("mikey_message", mikey_message::run),
    ("oidc_access_token", oidc_access_token::run),
    ("oidc_authorize", oidc_authorize::run),
    ("oidc_jwk_set", oidc_jwk_set::run),
    ("oidc_jws", oidc_jws::run),
    ("sip_endpoint", sip_endpoint::run),
    ("sip_locate", sip_locate::run),
    ("sip_message", sip_message::run),
    ("sip_multipart", sip_multipart::run),
    ("sip_stream", sip_stream::run),
    ("sip_uri", sip_uri::run),
    ("sipcore_request", sipcore_request::run),
    ("srtp_rtp_header", srtp_rtp_header::run),
    ("srtp_srtcp_unprotect", srtp_srtcp_unprotect::run),
    ("srtp_srtp_unprotect", srtp_srtp_unprotect::run),
    ("xml_protected_document", xml_protected_document::run),
    ("xml_signed_body", xml_signed_body::run),
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz")
        .join(name)
}

/// Inputs by target.
fn inputs() -> BTreeMap<String, Vec<PathBuf>> {
    let mut found = BTreeMap::new();
    for target in fs::read_dir(folder("seeds")).unwrap() {
        let target = target.unwrap().path();
        let name = target.file_name().unwrap().to_str().unwrap().to_owned();
        let files = fs::read_dir(&target).unwrap();
        found.insert(name, files.map(|file| file.unwrap().path()).collect());
    }
    found
}

#[test]
fn every_kept_input_passes_its_target() {
    let mut ran = 0;
    for (name, files) in inputs() {
        let target = TARGETS.iter().find(|(known, _)| *known == name);
        let (_, run) = target.unwrap_or_else(|| panic!("a corpus of nobody: {name}"));
        for file in files {
            let input = fs::read(&file).unwrap();
            let outcome = std::panic::catch_unwind(|| run(&input));
            assert!(outcome.is_ok(), "{}", file.display());
            ran += 1;
        }
    }
    assert!(ran >= 90, "only {ran} inputs");
}

#[test]
fn every_target_is_replayed() {
    let files = fs::read_dir(folder("fuzz_targets")).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort_unstable();
    let known: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(known, names);
}

/// The decoders that stand between the SIP core and everything else have a corpus of their own.
#[test]
fn the_decoders_of_signalling_have_a_corpus() {
    let inputs = inputs();
    for name in [
        "call_body",
        "sip_multipart",
        "documents_mcptt_info",
        "xml_signed_body",
        "xml_protected_document",
        "documents_pidf",
        "documents_affiliation_command",
        "documents_location",
        "documents_service_config",
        "mikey_message",
    ] {
        let kept = inputs.get(name).map_or(0, Vec::len);
        assert!(kept >= 5, "{name} has {kept} inputs");
    }
}
