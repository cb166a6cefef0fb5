//! Members who receive, and messages that differ in one thing from those of the vectors.

use crate::support::*;
use roger_base::PurposeTag;
use roger_ibc::{KmsDomain, UserKeySet};
use roger_mikey::create::Envelope;
use roger_mikey::payload::{Payload, Role};
use roger_mikey::{
    Body, Carriage, Context, CreateOptions, KeyParameters, OpenError, Receiver, Sender,
};

pub(crate) const GMK: &str = "GMK, GENERIC-ID";

pub(crate) struct Member {
    pub key_sets: Vec<UserKeySet>,
    pub domains: Vec<KmsDomain>,
}

impl Member {
    pub(crate) fn user_1() -> Self {
        Self {
            key_sets: vec![key_set(USER_1)],
            domains: Vec::new(),
        }
    }

    pub(crate) fn user_2() -> Self {
        Self {
            key_sets: vec![key_set(USER_2)],
            domains: Vec::new(),
        }
    }

    pub(crate) fn context<'a>(&'a self, senders: &'a [&'a str]) -> Context<'a> {
        Context {
            key_sets: &self.key_sets,
            domains: &self.domains,
            sender: Sender::OneOf(senders),
            carriage: Carriage::Live,
            now: NOW,
        }
    }

    pub(crate) fn gmk_error(&self, octets: &[u8]) -> OpenError {
        let context = self.context(&[GMS]);
        Receiver::default()
            .open_gmk(octets, &context, None)
            .err()
            .unwrap()
    }

    pub(crate) fn pck_error(&self, octets: &[u8]) -> OpenError {
        let context = self.context(&[USER_1]);
        Receiver::default()
            .open_pck(octets, &context)
            .err()
            .unwrap()
    }
}

/// The GMK message of the vectors with a change, signed again by the GMS.
pub(crate) fn gmk_with(change: impl FnOnce(&mut Body)) -> Vec<u8> {
    altered(GMK, &key_set(GMS), change)
}

pub(crate) fn pck_with(change: impl FnOnce(&mut Body)) -> Vec<u8> {
    altered("PCK", &key_set(USER_1), change)
}

pub(crate) fn identity(body: &mut Body, role: Role) -> &mut Vec<u8> {
    let found = body.payloads.iter_mut().find_map(|payload| match payload {
        Payload::Identity(identity) if identity.role == role => Some(&mut identity.data),
        _ => None,
    });
    found.unwrap()
}

/// A GMK message built with these parameters.
pub(crate) fn gmk_saying(parameters: &KeyParameters) -> Vec<u8> {
    let material = material(vector(GMK));
    let envelope = Envelope {
        key: &material,
        csb_id: material.id(),
        signer: &key_set(GMS),
        receiver: USER_1,
        receiver_domain: domain(),
        sessions: Vec::new(),
        parameters: Some(parameters),
        now: NOW,
        options: CreateOptions::PLAIN,
    };
    envelope
        .build(&mut Script::new(&[&Script::iv(), &Script::j()]))
        .unwrap()
}

pub(crate) fn parameters() -> KeyParameters {
    KeyParameters {
        groups: Some(vec![group()]),
        ..KeyParameters::new(PurposeTag::Gmk)
    }
}
