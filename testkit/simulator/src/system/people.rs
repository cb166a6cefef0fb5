//! What users and the administrator do.

use super::*;
use roger_gms::GroupServerCredentials;
use roger_mcptt::participating::{Credentials, ParticipatingInput};
use roger_media::Discard;
use roger_testkit_domain::{DOMAIN, GMS};

impl System {
    /// Gives a UE an input.
    pub fn input(&mut self, name: &str, input: UeInput) {
        let host = self.host(name);
        self.give(host, HostInput::Ue(Box::new(input)));
    }

    /// The user of a UE with good keys and a good token.
    pub fn user(&mut self, name: &str) -> UeUser {
        let utc = self.utc();
        UeUser {
            mcptt_id: mcptt_id(name),
            token: self.person(name).token.clone(),
            key_sets: vec![self.domain.key_set_at(mcptt_id(name).as_str(), utc)],
            kms: self.domain.kms().clone(),
        }
    }

    /// A fresh token, valid for an hour from now.
    pub fn renew_token(&mut self, name: &str) {
        let now = self.utc().0;
        let token = token(&self.domain, name, now, now + 3600);
        self.person_mut(name).token = token;
    }

    /// The user logs in at her UE.
    pub fn log_in(&mut self, name: &str) {
        let user = self.user(name);
        self.input(name, UeInput::User(Box::new(user)));
    }

    /// Registers a UE and waits.
    pub fn register(&mut self, name: &str, authorisation: Authorisation) {
        self.input(name, UeInput::Register(authorisation));
        self.run(Duration::from_millis(100));
    }

    /// Authorises a user by PUBLISH and waits.
    pub fn publish(&mut self, name: &str) {
        self.input(name, UeInput::Publish);
        self.run(Duration::from_millis(100));
    }

    /// Watches groups and waits for the keys.
    pub fn watch(&mut self, name: &str, groups: &[&GroupId]) {
        let groups = groups.iter().copied().cloned().collect();
        self.input(name, UeInput::WatchGroups(groups));
        self.run(Duration::from_millis(100));
    }

    /// Affiliates and waits.
    pub fn affiliate(&mut self, name: &str, groups: &[&GroupId]) {
        let groups = groups.iter().copied().cloned().collect();
        self.input(name, UeInput::Affiliate(groups));
        self.run(Duration::from_millis(100));
    }

    /// From nothing to affiliated.
    pub fn bring_up(&mut self, names: &[&str], groups: &[&GroupId]) {
        for name in names {
            self.log_in(name);
            self.register(name, Authorisation::None);
            self.publish(name);
            self.watch(name, groups);
            self.affiliate(name, groups);
        }
    }

    /// Calls a group and waits for the call.
    pub fn call_group(&mut self, name: &str, group: &GroupId) {
        self.input(name, UeInput::CallGroup(group.clone()));
        self.run(Duration::from_millis(200));
    }

    /// Calls a user and waits.
    pub fn call_user(&mut self, name: &str, callee: &str, commencement: Commencement) {
        self.input(name, UeInput::CallUser(mcptt_id(callee), commencement));
        self.run(Duration::from_millis(200));
    }

    /// Presses the button in the newest call and waits.
    pub fn press(&mut self, name: &str) {
        let call = self.call(name);
        self.input(name, UeInput::Ptt(call, Button::Pressed));
        self.run(Duration::from_millis(100));
    }

    /// Lets the button go and waits.
    pub fn release(&mut self, name: &str) {
        let call = self.call(name);
        self.input(name, UeInput::Ptt(call, Button::Released));
        self.run(Duration::from_millis(100));
    }

    /// Hangs up in the newest call and waits.
    pub fn hang_up(&mut self, name: &str) {
        let call = self.call(name);
        self.input(name, UeInput::HangUp(call));
        self.run(Duration::from_millis(200));
    }

    /// Speaks so many packets in the newest call and waits until they are said.
    pub fn speak(&mut self, name: &str, packets: u32) -> Vec<String> {
        let words = self.speak_on(name, packets);
        self.run(PACKET * packets + Duration::from_millis(100));
        words
    }

    /// Begins to speak so many packets; time has to pass for them.
    pub fn speak_on(&mut self, name: &str, packets: u32) -> Vec<String> {
        let call = self.call(name);
        let person = self.person_mut(name);
        let (host, name, first) = (person.host, person.name, person.spoken);
        person.spoken += packets;
        for number in 0..packets {
            let speech = UeInput::Speech(call, payload(name, first + number));
            let input = HostInput::Ue(Box::new(speech));
            self.network
                .push(self.now + PACKET * number, Event::Input { host, input });
        }
        (first..first + packets)
            .map(|number| format!("{name}-{number}"))
            .collect()
    }

    /// The servers fetch their keys for the period of now.
    pub fn renew_servers(&mut self) {
        let utc = self.utc();
        let kms = vec![self.domain.kms().clone()];
        let mut keys = |identity| self.domain.key_set_at(identity, utc);
        let participating = Credentials {
            key_sets: vec![keys(DOMAIN), keys(crate::PARTICIPATING)],
            kms: kms.clone(),
            tokens: self.tokens.clone(),
        };
        let management = GroupServerCredentials {
            key_sets: vec![keys(GMS)],
            kms,
            tokens: self.tokens.clone(),
        };
        self.order(ParticipatingInput::Credentials(Box::new(participating)));
        self.give(
            MANAGEMENT,
            HostInput::GroupServerCredentials(Box::new(management)),
        );
    }

    /// The administrator of the participating function orders something, and waits.
    pub fn order(&mut self, input: ParticipatingInput) {
        self.tell_participating(input);
        self.run(Duration::from_millis(200));
    }

    /// The participating function protects a floor message for all clients of a group; where it is sent is up to the
    /// test, since there is no bearer for multicast here.
    ///
    /// # Errors
    /// [`Discard`] when the group has no key for it.
    pub fn multicast_floor(&mut self, group: &GroupId, message: &[u8]) -> Result<Vec<u8>, Discard> {
        let utc = self.utc();
        let (machine, _) = &mut self.machines[PF.0];
        let Machine::Participating(node) = machine else {
            panic!("this host is no participating function")
        };
        node.application_mut().multicast_floor(group, message, utc)
    }

    /// Gives the participating function an input.
    pub fn tell_participating(&mut self, input: ParticipatingInput) {
        self.give(PF, HostInput::Participating(Box::new(input)));
    }

    /// A GET at the group management server with the token of a user.
    pub fn get(&mut self, name: &str, url: &str) -> XcapAnswer {
        let token = self.person(name).token.clone();
        let utc = self.utc();
        get(
            &mut lock(&self.management),
            &self.tokens,
            &token,
            url,
            utc,
            &mut self.random,
        )
    }

    /// The administrator puts a group document; everybody concerned is told.
    pub fn put_group(&mut self, document: &GroupDocument) -> XcapAnswer {
        let path = DocumentPath::Group(document.id.clone()).to_string();
        let now = self.utc().0;
        let token = token(&self.domain, crate::ADMINISTRATOR, now, now + 3600);
        let body = document.write().into_bytes();
        let request = XcapRequest {
            method: XcapMethod::Put,
            path: &path,
            bearer: core::str::from_utf8(token.expose()).ok(),
            if_none_match: None,
            if_match: None,
            content_type: Some(GroupDocument::MEDIA_TYPE),
            body: &body,
        };
        let utc = self.utc();
        let answer = lock(&self.management).xcap(&request, &self.tokens, utc, &mut self.random);
        self.give(MANAGEMENT, HostInput::DocumentsChanged);
        self.run(Duration::from_millis(200));
        answer
    }
}
