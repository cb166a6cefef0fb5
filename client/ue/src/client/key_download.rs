//! Keys that servers send in a MESSAGE (TS 33.180 cl. 5.8; TS 24.481; TS 33.179 cl. 9.4), and floor control under
//! those for multicast.
//!
//! | key | only from | what becomes of it |
//! |---|---|---|
//! | CSK | the server to which this client uploaded one: the MDSI | it replaces the one in use |
//! | MuSiK | the MDSI | floor control of its groups by multicast |
//! | GMK, MKFC | the group management server | key store; floor control by multicast without MuSiK |
//!
//! A revoked key is dropped; when it was the CSK in use, a fresh one is uploaded.

use super::call::MediaError;
use super::{ServerKey, UeClient, UeEvent, reply};
use roger_base::{GroupId, KeyId, KeyIdError, PurposeTag, UnixTime};
use roger_call::answer::{plain, refusal};
use roger_call::body::Body;
use roger_call::feature::media_type;
use roger_call::service_authorisation::BoundCsk;
use roger_call::warning::WarningCode;
use roger_floor::{FloorMessage, Profile as FloorProfile};
use roger_keys::signalling::XmlKeyMode;
use roger_keys::{Csk, KeyMaterial, Mkfc, Musik};
use roger_media::Discard;
use roger_mikey::{
    Carriage, Context as MikeyContext, DecodeError, Message, OpenError, Sender, Verified,
};
use roger_sip::application::Context;
use roger_sip::endpoint::{EndpointError, Incoming};
use roger_sip::message::StatusCode;
use roger_srtp::{FloorContext, SrtpError};
use thiserror::Error;
use tracing::info;

/// Why a key of a server was not taken.
#[derive(Debug, Error)]
enum KeyError {
    #[error("there is no user yet")]
    NoUser,
    #[error("this client has no CSK that could be replaced")]
    NoCsk,
    #[error("the key id is in use for another key")]
    KeyIdInUse,
    #[error("the key is not valid before {}", .0.0)]
    NotYet(UnixTime),
    #[error("the key names no group")]
    NoGroup,
    #[error("a server does not send keys of this kind")]
    Purpose,
    #[error(transparent)]
    Read(#[from] DecodeError),
    #[error(transparent)]
    Mikey(#[from] OpenError),
    #[error(transparent)]
    KeyId(#[from] KeyIdError),
    #[error(transparent)]
    Srtp(#[from] SrtpError),
    #[error(transparent)]
    Multicast(#[from] Discard),
}

/// What a verified message asks for.
enum Told {
    Key(ServerKey),
    /// The CSK in use is revoked.
    NeedsCsk(KeyId),
}

impl UeClient {
    pub(super) fn on_message(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        let body = Body::of(request.headers(), request.body()).ok();
        let message = body
            .as_ref()
            .and_then(|body| body.octets(media_type::MIKEY));
        let Some(message) = message else {
            return self.on_participating_message(context, incoming);
        };
        match purpose(message) {
            Ok(PurposeTag::Gmk) => {
                let taken = self.take_key(context, message, Carriage::Live, None);
                self.answer_key(context, incoming, taken)
            }
            purpose => {
                let told = purpose.and_then(|purpose| self.server_key(context, message, purpose));
                self.on_server_key(context, incoming, told)
            }
        }
    }

    fn on_server_key(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        told: Result<Told, KeyError>,
    ) -> Result<(), EndpointError> {
        self.answer_key(context, incoming, told.is_ok())?;
        match told {
            Ok(Told::Key(key)) => self.tell(UeEvent::ServerKey(key)),
            Ok(Told::NeedsCsk(id)) => {
                self.tell(UeEvent::ServerKey(ServerKey::Revoked(id)));
                self.upload_fresh_csk(context);
            }
            Err(error) => {
                info!(%error, "a key of a server was refused");
                self.tell(UeEvent::ServerKeyRefused(error.to_string()));
            }
        }
        Ok(())
    }

    /// 200, or 488 with Warning 136.
    fn answer_key(
        &self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        taken: bool,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        if taken {
            return reply(context, incoming, plain(request, StatusCode::OK));
        }
        let (status, warning) = (
            StatusCode::NOT_ACCEPTABLE_HERE,
            WarningCode::MIKEY_AUTHENTICATION_FAILED,
        );
        let answer = refusal(request, status, warning, &self.settings.sip_domain);
        reply(context, incoming, answer)
    }

    /// Verifies a message and takes or drops its key.
    fn server_key(
        &mut self,
        context: &Context<'_>,
        message: &[u8],
        purpose: PurposeTag,
    ) -> Result<Told, KeyError> {
        let verified = match self.open_server_key(context, message, purpose) {
            Ok(verified) => verified,
            // The last check of a message that is otherwise good.
            Err(KeyError::Mikey(OpenError::PeerRevoked(id))) => return Ok(self.revoked(id)),
            Err(error) => return Err(error),
        };
        let activation = verified
            .parameters
            .as_ref()
            .and_then(|parameters| parameters.activation);
        if let Some(activation) = activation.filter(|at| *at > context.utc) {
            return Err(KeyError::NotYet(activation));
        }
        match purpose {
            PurposeTag::Csk => self.replace_csk(context, verified, message),
            PurposeTag::Musik => {
                let musik = Musik::try_from(verified.key.clone())?;
                self.take_multicast_key(FloorContext::for_musik(&musik)?, &verified)
            }
            PurposeTag::Mkfc => {
                let mkfc = Mkfc::try_from(verified.key.clone())?;
                self.take_multicast_key(FloorContext::for_mkfc(&mkfc)?, &verified)
            }
            _ => Err(KeyError::Purpose),
        }
    }

    fn open_server_key(
        &mut self,
        context: &Context<'_>,
        message: &[u8],
        purpose: PurposeTag,
    ) -> Result<Verified<KeyMaterial>, KeyError> {
        let user = self.user.as_ref().ok_or(KeyError::NoUser)?;
        // Never a user, and of the two servers only the one that makes such keys.
        let sender = match purpose {
            PurposeTag::Csk | PurposeTag::Musik => self.settings.mdsi.as_str(),
            PurposeTag::Mkfc => self.settings.group_management.as_str(),
            _ => return Err(KeyError::Purpose),
        };
        let mikey = MikeyContext {
            key_sets: &user.key_sets,
            domains: core::slice::from_ref(&user.kms),
            sender: Sender::OneOf(&[sender]),
            carriage: Carriage::Live,
            now: context.utc.to_ntp(),
        };
        Ok(self.receiver.open_key(message, &mikey, &[purpose])?)
    }

    fn replace_csk(
        &mut self,
        context: &Context<'_>,
        verified: Verified<KeyMaterial>,
        message: &[u8],
    ) -> Result<Told, KeyError> {
        let held = self.csk.as_ref().ok_or(KeyError::NoCsk)?;
        let owner = held.owner.clone();
        let csk = Csk::try_from(verified.key)?;
        let id = csk.id();
        if held.csk.id() == id || self.holds_other_key(id) {
            return Err(KeyError::KeyIdInUse);
        }
        let csk = BoundCsk::new(csk, owner, message.to_vec(), XmlKeyMode::Derived);
        self.bind(context.now, csk)?;
        Ok(Told::Key(ServerKey::Csk(id)))
    }

    fn holds_other_key(&self, id: KeyId) -> bool {
        let mut others = self.authorisation.other_keys();
        others.any(|other| other.csk.id() == id)
    }

    fn take_multicast_key(
        &mut self,
        floor: FloorContext,
        verified: &Verified<KeyMaterial>,
    ) -> Result<Told, KeyError> {
        let parameters = verified.parameters.as_ref();
        let groups = parameters.and_then(|parameters| parameters.groups.clone());
        let groups = groups.filter(|groups| !groups.is_empty());
        let groups = groups.ok_or(KeyError::NoGroup)?;
        let expiry = parameters.and_then(|parameters| parameters.expiry);
        self.multicast_keys.add(floor, &groups, expiry)?;
        Ok(Told::Key(ServerKey::Multicast(verified.key.id(), groups)))
    }

    /// Key and key id must not be used any more (TS 33.180 cl. 5.2.4).
    fn revoked(&mut self, id: KeyId) -> Told {
        self.multicast_keys.revoke(id);
        if self.drop_csk(id) {
            Told::NeedsCsk(id)
        } else {
            Told::Key(ServerKey::Revoked(id))
        }
    }

    // Multicast ---------------------------------------------------------------------------------------------

    /// A datagram that the server sent to all clients of a group at once. Which key protects it is a matter of the
    /// group: the MuSiK when there is one, otherwise the MKFC (TS 24.380 cl. 13.1).
    pub(super) fn on_multicast_floor(
        &mut self,
        context: &mut Context<'_>,
        group: &GroupId,
        packet: &[u8],
    ) {
        if let Err(error) = self.take_multicast_floor(context, group, packet) {
            let dropped = UeEvent::MulticastDropped(group.clone(), error.to_string());
            self.tell(dropped);
        }
    }

    fn take_multicast_floor(
        &mut self,
        context: &mut Context<'_>,
        group: &GroupId,
        packet: &[u8],
    ) -> Result<(), MediaError> {
        let message = self.multicast_keys.receive(group, packet, context.utc)?;
        let message = FloorMessage::decode(&message, &FloorProfile::default())?;
        let call = self.calls.iter().find(|(_, call)| call.is_of(group));
        let number = call.map(|(number, _)| *number);
        let number = number.ok_or(MediaError::NoCall)?;
        self.with_call(context, number, |call, bench| {
            call.floor_input(bench, roger_floor::participant::Input::Floor(message));
        });
        Ok(())
    }
}

/// What the key of a message is for, before anything is verified.
fn purpose(message: &[u8]) -> Result<PurposeTag, KeyError> {
    Ok(Message::decode(message)?.body.header.csb_id.purpose()?)
}
