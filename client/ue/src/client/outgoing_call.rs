//! Calling a group or a user (TS 24.379 cl. 10.1.1.2.1, 11.1.1.2.1).

use super::authorisation::{MakeError, Remedy};
use super::call::{Call, CallKeys, CallState};
use super::rtp_source::RtpSource;
use super::{
    CallNumber, Commencement, FloorControlProtection, Purpose, Refusal, UeClient, UeEvent, refused,
};
use roger_base::{GroupId, McpttId};
use roger_call::body::{Body, Part};
use roger_call::feature::media_type;
use roger_call::request::finish;
use roger_call::sdp::{
    Agreement, Direction, FloorParameters, KeyManagement, Offer, Origin, SessionDescription, agree,
};
use roger_documents::mcptt_info::{McpttInfo, RequestUri, SessionType};
use roger_documents::resource_lists::ResourceLists;
use roger_floor::Ssrc;
use roger_floor::participant::{
    Answer as FloorAnswer, FloorParticipant, ImplicitRequest, Input, ParticipantConfig,
};
use roger_keys::{CallSide, Pck};
use roger_media::{AddressRule, FloorLeg, FloorProtection, Pair, RemoteAddress};
use roger_mikey::CreatePrivateCallKey;
use roger_mikey::create::{CreateOptions, Hiding};
use roger_sip::application::Context;
use roger_sip::endpoint::{Answer, DialogId, EndpointError, RequestHandle};
use roger_sip::message::{HeaderName, Method, Response, StatusCode};
use roger_srtp::{GroupReceiver, Profile, ReceiverContext, SenderContext, SrtpError};
use std::net::SocketAddr;

/// Payload type that our offers give to AMR-WB (TS 24.379).
const PAYLOAD_TYPE: u8 = 96;

/// What distinguishes one call from another when it is placed.
struct Placing {
    keys: CallKeys,
    key_management: Option<KeyManagement>,
    documents: Body,
    commencement: Option<Commencement>,
}

impl UeClient {
    /// Calls a group; the call is a floor request (`mc_implicit_request`), so the button counts as pressed.
    pub(super) fn call_group(&mut self, context: &mut Context<'_>, group: GroupId) {
        let number = self.next_number();
        let made = self.make_group_call(context, number, &group);
        self.on_made(context, number, made);
    }

    /// Calls a user with a fresh PCK.
    pub(super) fn call_user(
        &mut self,
        context: &mut Context<'_>,
        user: McpttId,
        commencement: Commencement,
    ) {
        let number = self.next_number();
        let made = self.make_private_call(context, number, &user, commencement);
        self.on_made(context, number, made);
    }

    pub(super) fn next_number(&mut self) -> CallNumber {
        let number = CallNumber(self.next_call);
        self.next_call += 1;
        number
    }

    fn on_made(
        &mut self,
        context: &mut Context<'_>,
        number: CallNumber,
        made: Result<(), MakeError>,
    ) {
        match made {
            Ok(()) => {
                let input = Input::InviteSent(ImplicitRequest::Sent);
                self.with_call(context, number, |call, bench| {
                    call.floor_input(bench, input)
                });
            }
            Err(error) => self.tell(UeEvent::CallFailed(
                number,
                Refusal::Local(error.to_string()),
            )),
        }
    }

    fn make_group_call(
        &mut self,
        context: &mut Context<'_>,
        number: CallNumber,
        group: &GroupId,
    ) -> Result<(), MakeError> {
        let group_as_uri = RequestUri::from(group);
        let info = McpttInfo {
            session_type: Some(SessionType::Prearranged),
            request_uri: Some(group_as_uri),
            client_id: Some(self.settings.client_id.clone()),
            ..McpttInfo::default()
        };
        let keys = Self::group_keys_of_call(group.clone())?;
        let placing = Placing {
            keys,
            key_management: None,
            documents: Body::new().with_document(&info),
            commencement: None,
        };
        self.place_call(context, number, placing)
    }

    pub(super) fn group_keys_of_call(group: GroupId) -> Result<CallKeys, SrtpError> {
        Ok(CallKeys::Group {
            group,
            receiver: GroupReceiver::new(Profile::GROUP)?,
            sender: None,
        })
    }

    fn make_private_call(
        &mut self,
        context: &mut Context<'_>,
        number: CallNumber,
        callee: &McpttId,
        commencement: Commencement,
    ) -> Result<(), MakeError> {
        let (pck, message) = self.new_pck(context, callee)?;
        let keys = private_keys(&pck, CallSide::Initiator)?;
        let info = McpttInfo {
            session_type: Some(SessionType::Private),
            client_id: Some(self.settings.client_id.clone()),
            ..McpttInfo::default()
        };
        let callee_list = ResourceLists {
            uris: vec![callee.as_str().to_owned()],
        };
        let placing = Placing {
            keys,
            key_management: Some(KeyManagement::from_message(&message)),
            documents: Body::new().with_document(&info).with_document(&callee_list),
            commencement: Some(commencement),
        };
        self.place_call(context, number, placing)
    }

    /// A fresh PCK and the I_MESSAGE that brings it to the callee (TS 33.180 cl. 5.6).
    fn new_pck(
        &self,
        context: &mut Context<'_>,
        callee: &McpttId,
    ) -> Result<(Pck, Vec<u8>), MakeError> {
        let user = self.user.as_ref().ok_or(MakeError::NoUser)?;
        let now = context.utc.to_ntp();
        let current = |set: &&roger_ibc::UserKeySet| {
            set.period_number == set.domain.key_period.number_at(now)
        };
        let caller = user
            .key_sets
            .iter()
            .find(current)
            .ok_or(MakeError::NoKeySet)?;
        let pck = Pck::random(context.random)?;
        let message = CreatePrivateCallKey {
            pck: &pck,
            caller,
            callee,
            callee_domain: &user.kms,
            parameters: None,
            now,
            options: CreateOptions {
                hiding: self.hiding(Hiding::Both),
                ..CreateOptions::PLAIN
            },
        }
        .build(context.random)?;
        Ok((pck, message))
    }

    fn place_call(
        &mut self,
        context: &mut Context<'_>,
        number: CallNumber,
        placing: Placing,
    ) -> Result<(), MakeError> {
        if self.csk.is_none() && self.settings.floor_protection == FloorControlProtection::On {
            return Err(MakeError::NoCsk);
        }
        let pair = self.ports.open()?;
        let offer = offer(context, pair, placing.key_management)?;
        let sdp = Part::new(media_type::SDP, offer.clone());
        let body = placing.documents.with(sdp);
        let sent = self.send_invite(context, number, body, placing.commencement);
        let handle = match sent {
            Ok(handle) => handle,
            Err(error) => {
                self.ports.close(pair.id);
                return Err(error);
            }
        };
        let source = RtpSource::random(PAYLOAD_TYPE, context.random)?;
        let mut call = Call::new(
            pair,
            CallState::Calling(handle),
            offer,
            placing.keys,
            source,
        );
        call.floor = Some(floor_participant(context)?);
        self.calls.insert(number, call);
        self.pairs.insert(pair.id, number);
        Ok(())
    }

    fn send_invite(
        &mut self,
        context: &mut Context<'_>,
        number: CallNumber,
        body: Body,
        commencement: Option<Commencement>,
    ) -> Result<RequestHandle, MakeError> {
        let body = self.protect(context, body)?;
        let mut builder = self
            .request(context, Method::Invite)?
            .header(HeaderName::CONTACT, self.contact(context)?)
            .header(HeaderName::SUPPORTED, "tdialog, norefersub");
        if let Some(commencement) = commencement {
            let mode = match commencement {
                Commencement::Automatic => "Auto",
                Commencement::Manual => "Manual",
            };
            builder = builder.header(HeaderName::ANSWER_MODE, mode);
        }
        let request = finish(builder, &body, context.random)?;
        let (now, core) = (context.now, self.settings.core);
        let handle = context
            .endpoint
            .send_request(now, context.random, request, core)?;
        self.requests.insert(handle, Purpose::Invite(number));
        Ok(handle)
    }

    // Answers -----------------------------------------------------------------------------------------------

    pub(super) fn on_invite_answer(
        &mut self,
        context: &mut Context<'_>,
        number: CallNumber,
        answer: &Answer,
    ) -> Result<(), EndpointError> {
        let status = answer.response.status();
        if status == StatusCode::RINGING {
            self.tell(UeEvent::Ringing(number));
        }
        if status.is_provisional() {
            return Ok(());
        }
        let Some(dialog) = answer.dialog.filter(|_| status.is_success()) else {
            let refusal = refused(&answer.response);
            let remedy = Remedy::of(&refusal);
            self.fail_call(context, number, refusal);
            self.apply(context, remedy);
            return Ok(());
        };
        context
            .endpoint
            .ack(context.now, context.random, dialog, None)?;
        match self.on_call_accepted(context, number, dialog, &answer.response) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.fail_call(context, number, Refusal::Local(error.to_string()));
                context
                    .endpoint
                    .bye(context.now, context.random, dialog)
                    .map(|_| ())
            }
        }
    }

    fn on_call_accepted(
        &mut self,
        context: &mut Context<'_>,
        number: CallNumber,
        dialog: DialogId,
        response: &Response,
    ) -> Result<(), MakeError> {
        let body = Body::of(response.headers(), response.body())?;
        let answer = SessionDescription::parse(body.octets(media_type::SDP).unwrap_or_default())?;
        let protection = self.floor_protection()?;
        let call = self.calls.get_mut(&number).ok_or(MakeError::NoUser)?;
        let agreement = agree(&SessionDescription::parse(&call.offer)?, &answer)?;
        call.connect(dialog, &answer, &protection);
        self.dialogs.insert(dialog, number);
        self.tell(UeEvent::CallEstablished(number));
        self.report_call(context, number);
        let input = Input::CallAnswered(floor_answer(&agreement));
        self.with_call(context, number, |call, bench| {
            call.floor_input(bench, input);
            call.look_at_early_messages(bench);
        });
        Ok(())
    }

    pub(super) fn fail_call(
        &mut self,
        context: &mut Context<'_>,
        number: CallNumber,
        refusal: Refusal,
    ) {
        if self.drop_call(context, number).is_some() {
            self.tell(UeEvent::CallFailed(number, refusal));
        }
    }

    pub(super) fn floor_protection(&self) -> Result<FloorProtection, MakeError> {
        match (self.settings.floor_protection, &self.csk) {
            (FloorControlProtection::On, Some(csk)) => Ok(FloorProtection::Key(csk.csk.id())),
            (FloorControlProtection::On, None) => Err(MakeError::NoCsk),
            (FloorControlProtection::Off, _) => Ok(FloorProtection::Clear),
        }
    }
}

impl Call {
    /// Takes the addresses of the other side; the dialog is established.
    pub(super) fn connect(
        &mut self,
        dialog: DialogId,
        remote: &SessionDescription,
        protection: &FloorProtection,
    ) {
        self.state = CallState::Connected(dialog);
        self.remote_rtp = remote
            .audio
            .as_ref()
            .map(|audio| SocketAddr::new(audio.address, audio.port));
        match &remote.floor {
            Some(channel) => {
                let address = SocketAddr::new(channel.address, channel.port);
                let address = RemoteAddress::new(address, AddressRule::Pinned);
                self.floor_leg = Some(FloorLeg::new(address, protection));
            }
            None => self.floor = None,
        }
    }
}

pub(super) fn floor_participant(
    context: &mut Context<'_>,
) -> Result<FloorParticipant, roger_base::RandomError> {
    let mut octets = [0; 4];
    context.random.fill(&mut octets)?;
    Ok(FloorParticipant::new(ParticipantConfig::new(Ssrc(
        u32::from_be_bytes(octets),
    ))))
}

/// SRTP of a private call seen from one side: send with one's own role, receive with the other
/// (TS 33.180 cl. 7.4.1).
pub(super) fn private_keys(pck: &Pck, side: CallSide) -> Result<CallKeys, SrtpError> {
    let mki = roger_srtp::Mki::from(pck.id());
    let sender = SenderContext::new(Profile::PRIVATE, mki.clone(), &pck.media_key(side).into())?;
    let mut receiver = ReceiverContext::new(Profile::PRIVATE);
    receiver.add_key(mki, &pck.media_key(side.peer()).into())?;
    Ok(CallKeys::Private {
        sender: Box::new(sender),
        receiver: Box::new(receiver),
    })
}

fn offer(
    context: &mut Context<'_>,
    pair: Pair,
    key_management: Option<KeyManagement>,
) -> Result<Vec<u8>, roger_base::RandomError> {
    let floor = FloorParameters {
        granted: true,
        implicit_request: true,
        ..FloorParameters::default()
    };
    let offer = Offer {
        origin: Origin::random(context.random)?,
        address: pair.rtp.ip(),
        audio_port: pair.rtp.port(),
        rtcp_port: pair.rtp.port().saturating_add(1),
        direction: Direction::SendReceive,
        floor: Some((pair.floor.port(), floor)),
        key_management,
    };
    Ok(offer.write())
}

const fn floor_answer(agreement: &Agreement) -> FloorAnswer {
    match &agreement.floor {
        Some(floor) if floor.granted => FloorAnswer::Granted,
        Some(floor) if floor.implicit_request => FloorAnswer::Accepted,
        _ => FloorAnswer::NotAccepted,
    }
}
