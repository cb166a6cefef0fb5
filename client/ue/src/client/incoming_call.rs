//! Being called (TS 24.379 cl. 10.1.1.2.1.2, 11.1.1.2.1.2).
//!
//! The key of a private call is verified before the user hears anything of the call.

use super::authorisation::MakeError;
use super::call::{Call, CallKeys, CallState};
use super::outgoing_call::{floor_participant, private_keys};
use super::rtp_source::RtpSource;
use super::{CallNumber, CallParty, UeClient, UeEvent, reply};
use roger_base::McpttId;
use roger_call::answer::{plain, refusal, warned};
use roger_call::body::{Body, BodyError};
use roger_call::feature::{accepts_mcptt, has_isfocus, media_type};
use roger_call::protection::ProtectionError;
use roger_call::sdp::{
    Direction, FloorParameters, LocalMedia, Origin, SessionDescription, Unusable, answer,
};
use roger_call::warning::WarningCode;
use roger_documents::mcptt_info::{McpttInfo, SessionType};
use roger_floor::participant::Input;
use roger_keys::CallSide;
use roger_media::Pair;
use roger_mikey::{Carriage, Context as MikeyContext, Sender};
use roger_sip::application::Context;
use roger_sip::endpoint::{EndpointError, Incoming, TransactionId};
use roger_sip::message::{HeaderName, Request, Response, StatusCode};
use tracing::info;

/// An INVITE that may become a call.
struct Invitation {
    party: CallParty,
    caller: McpttId,
    keys: CallKeys,
    description: SessionDescription,
    payload_type: u8,
    rings: bool,
}

/// How an INVITE is refused.
struct Refused {
    status: StatusCode,
    warning: Option<WarningCode>,
    /// It came under a key that this client does not have.
    unknown_key: bool,
}

impl Refused {
    const fn with(status: StatusCode) -> Self {
        Self {
            status,
            warning: None,
            unknown_key: false,
        }
    }

    const fn warned(warning: WarningCode) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            warning: Some(warning),
            unknown_key: false,
        }
    }

    /// 488 with Warning 136: the key message of the call is not acceptable.
    const fn key() -> Self {
        Self {
            status: StatusCode::NOT_ACCEPTABLE_HERE,
            warning: Some(WarningCode::MIKEY_AUTHENTICATION_FAILED),
            unknown_key: false,
        }
    }
}

impl From<MakeError> for Refused {
    fn from(error: MakeError) -> Self {
        info!(%error, "an INVITE was refused");
        match error {
            MakeError::Body(error) => Self::warned(error.warning()),
            MakeError::Protection(error) => Self {
                unknown_key: error.names_unknown_key(),
                ..Self::warned(ProtectionError::warning(&error))
            },
            MakeError::NoCsk | MakeError::NoUser => Self::warned(WarningCode::UNABLE_TO_DECRYPT),
            _ => Self::with(StatusCode::SERVER_INTERNAL_ERROR),
        }
    }
}

impl From<BodyError> for Refused {
    fn from(error: BodyError) -> Self {
        MakeError::Body(error).into()
    }
}

impl From<Unusable> for Refused {
    fn from(error: Unusable) -> Self {
        info!(%error, "an offer was refused");
        Self::with(StatusCode::NOT_ACCEPTABLE_HERE)
    }
}

impl UeClient {
    pub(super) fn on_invite(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        let invitation = match self.read_invitation(context, request) {
            Ok(invitation) => invitation,
            Err(refused) => {
                self.refuse_invite(context, incoming, &refused)?;
                if refused.unknown_key {
                    self.renew_key(context);
                }
                return Ok(());
            }
        };
        let Ok(pair) = self.ports.open() else {
            return self.refuse_invite(
                context,
                incoming,
                &Refused::with(StatusCode::SERVER_INTERNAL_ERROR),
            );
        };
        let number = self.next_number();
        let rings = invitation.rings;
        let (party, caller) = (invitation.party.clone(), invitation.caller.clone());
        self.add_called(context, incoming, number, pair, invitation)?;
        self.tell(UeEvent::IncomingCall {
            call: number,
            party,
            caller,
            rings,
        });
        if rings {
            return reply(context, incoming, plain(request, StatusCode::RINGING));
        }
        self.accept(context, number);
        Ok(())
    }

    fn refuse_invite(
        &self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        refused: &Refused,
    ) -> Result<(), EndpointError> {
        let request = &incoming.request;
        let response = match refused.warning {
            Some(warning) => refusal(request, refused.status, warning, &self.settings.sip_domain),
            None => plain(request, refused.status),
        };
        reply(context, incoming, response)
    }

    fn read_invitation(
        &mut self,
        context: &Context<'_>,
        request: &Request,
    ) -> Result<Invitation, Refused> {
        if !accepts_mcptt(request.headers()) {
            return Err(Refused::with(StatusCode::FORBIDDEN));
        }
        if !has_isfocus(request.headers()) {
            return Err(Refused::warned(WarningCode::ISFOCUS_NOT_ASSIGNED));
        }
        let body = self.open(request)?;
        let info: McpttInfo = body.required()?;
        let caller = info
            .calling_user_id
            .clone()
            .ok_or(Refused::warned(WarningCode::INVALID_BODY))?;
        let description =
            SessionDescription::parse(body.octets(media_type::SDP).unwrap_or_default())?;
        let codec = description
            .speech()?
            .codecs
            .iter()
            .find(|codec| codec.amr_wb().is_some());
        let payload_type = codec.ok_or(Unusable::NoCodec)?.payload_type;
        let (party, keys) = self.party_and_keys(context, &info, &caller, &description)?;
        let rings = matches!(party, CallParty::User(_)) && is_manual(request);
        Ok(Invitation {
            party,
            caller,
            keys,
            description,
            payload_type,
            rings,
        })
    }

    fn party_and_keys(
        &mut self,
        context: &Context<'_>,
        info: &McpttInfo,
        caller: &McpttId,
        description: &SessionDescription,
    ) -> Result<(CallParty, CallKeys), Refused> {
        match info.session_type {
            Some(SessionType::Prearranged) => {
                let group = info
                    .calling_group_id
                    .clone()
                    .ok_or(Refused::warned(WarningCode::INVALID_BODY))?;
                let keys = Self::group_keys_of_call(group.clone()).map_err(MakeError::from)?;
                Ok((CallParty::Group(group), keys))
            }
            Some(SessionType::Private) => {
                let keys = self.private_call_keys(context, caller, description)?;
                Ok((CallParty::User(caller.clone()), keys))
            }
            _ => Err(Refused::with(StatusCode::NOT_IMPLEMENTED)),
        }
    }

    /// Verifies the PCK message: its signer has to be the caller whom the network names (TS 33.180 cl. 5.2, Annex E).
    /// Without one the call is refused, never taken unprotected.
    fn private_call_keys(
        &mut self,
        context: &Context<'_>,
        caller: &McpttId,
        description: &SessionDescription,
    ) -> Result<CallKeys, Refused> {
        let key = description
            .speech()?
            .key_management
            .as_ref()
            .ok_or(Refused::key())?;
        let message = key.message()?;
        let user = self.user.as_ref().ok_or(MakeError::NoUser)?;
        let mikey = MikeyContext {
            key_sets: &user.key_sets,
            domains: core::slice::from_ref(&user.kms),
            sender: Sender::OneOf(&[caller.as_str()]),
            carriage: Carriage::Live,
            now: context.utc.to_ntp(),
        };
        let pck = self.receiver.open_pck(&message, &mikey).map_err(|error| {
            info!(%error, "the key of a private call was refused");
            Refused::key()
        })?;
        Ok(private_keys(&pck.key, CallSide::Receiver).map_err(MakeError::from)?)
    }

    fn add_called(
        &mut self,
        context: &mut Context<'_>,
        incoming: &Incoming,
        number: CallNumber,
        pair: Pair,
        invitation: Invitation,
    ) -> Result<(), EndpointError> {
        let transaction = incoming.transaction;
        let request = Box::new(incoming.request.clone());
        let offer = Body::of(request.headers(), request.body())
            .ok()
            .and_then(|body| body.octets(media_type::SDP).map(<[u8]>::to_vec))
            .unwrap_or_default();
        let source = RtpSource::random(invitation.payload_type, context.random)?;
        let state = CallState::Ringing {
            transaction,
            request,
        };
        let mut call = Call::new(pair, state, offer, invitation.keys, source);
        if invitation.description.floor.is_some() {
            call.floor = Some(floor_participant(context)?);
        }
        self.calls.insert(number, call);
        self.pairs.insert(pair.id, number);
        self.transactions.insert(transaction, number);
        Ok(())
    }

    /// Answers a call with 200.
    pub(super) fn accept(&mut self, context: &mut Context<'_>, number: CallNumber) {
        if let Err(error) = self.send_acceptance(context, number) {
            info!(%error, "a call could not be answered");
            self.hang_up(context, number);
        }
    }

    fn send_acceptance(
        &mut self,
        context: &mut Context<'_>,
        number: CallNumber,
    ) -> Result<(), MakeError> {
        let protection = self.floor_protection()?;
        let contact = self.contact(context)?;
        let impu = self.settings.impu.clone();
        let Some((transaction, response, offer)) = self.acceptance(context, number)? else {
            return Ok(());
        };
        let response = with_headers(response, &contact, impu.as_str())?;
        self.transactions.remove(&transaction);
        let dialog =
            context
                .endpoint
                .respond(context.now, context.random, transaction, response)?;
        if let (Some(dialog), Some(call)) = (dialog, self.calls.get_mut(&number)) {
            call.connect(dialog, &offer, &protection);
            self.dialogs.insert(dialog, number);
            self.tell(UeEvent::CallEstablished(number));
            self.report_call(context, number);
            self.with_call(context, number, |call, bench| {
                call.floor_input(bench, Input::CallAccepted)
            });
        }
        Ok(())
    }

    /// The 200 with the answer to the offer; `None` when the call does not ring.
    fn acceptance(
        &self,
        context: &mut Context<'_>,
        number: CallNumber,
    ) -> Result<Option<(TransactionId, Response, SessionDescription)>, MakeError> {
        let Some(call) = self.calls.get(&number) else {
            return Ok(None);
        };
        let CallState::Ringing {
            transaction,
            request,
        } = &call.state
        else {
            return Ok(None);
        };
        let offer = SessionDescription::parse(&call.offer)?;
        let local = LocalMedia {
            origin: Origin::random(context.random)?,
            address: call.pair.rtp.ip(),
            audio_port: call.pair.rtp.port(),
            rtcp_port: call.pair.rtp.port().saturating_add(1),
            direction: Direction::SendReceive,
            floor: call
                .floor
                .as_ref()
                .map(|_| (call.pair.floor.port(), FloorParameters::default())),
        };
        let (octets, _) = answer(&offer, &local)?;
        let mut response = plain(request, StatusCode::OK);
        response.set_body(media_type::SDP, octets)?;
        Ok(Some((*transaction, response, offer)))
    }

    /// The caller gave up; the endpoint has answered 487.
    pub(super) fn on_cancelled(&mut self, context: &mut Context<'_>, transaction: TransactionId) {
        let Some(number) = self.transactions.remove(&transaction) else {
            return;
        };
        self.drop_call(context, number);
        self.tell(UeEvent::CallEnded(number));
    }

    /// The user declined (TS 24.379 cl. 11.1.1.2.1.2).
    pub(super) fn declined(&self, request: &Request) -> Response {
        warned(
            request,
            WarningCode::USER_DECLINED,
            &self.settings.sip_domain,
        )
    }
}

fn is_manual(request: &Request) -> bool {
    let mode = |name| {
        request
            .headers()
            .text(name)
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    };
    mode(HeaderName::PRIV_ANSWER_MODE).is_empty()
        && mode(HeaderName::ANSWER_MODE).starts_with("manual")
}

fn with_headers(
    mut response: Response,
    contact: &str,
    impu: &str,
) -> Result<Response, roger_sip::message::BuildError> {
    let headers = response.headers_mut();
    headers.push(HeaderName::CONTACT, contact)?;
    headers.push(HeaderName::P_PREFERRED_IDENTITY, format!("<{impu}>"))?;
    headers.push(HeaderName::SUPPORTED, "tdialog, norefersub")?;
    Ok(response)
}
