//! A UE that registers, and those who only pretend to.

use crate::common::{DOMAIN, PASSWORD, TestRandom};
use roger_base::{Random, SecretBytes};
use roger_sip::digest::DigestClient;
use roger_sip::message::{HeaderName, Limits, Message, Request, Response, StatusCode};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::UdpSocket;

fn register_text(user: &str, from: SocketAddr, number: usize, more: &str) -> String {
    format!(
        "REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{user}{number};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:{user}@{DOMAIN}>;tag=f\r\nTo: <sip:{user}@{DOMAIN}>\r\n\
         Call-ID: {user}\r\nCSeq: {number} REGISTER\r\nContact: <sip:{user}@{from}>\r\n{more}\
         Content-Length: 0\r\n\r\n"
    )
}

/// One of four kinds: a wrong password, nobody who comes back, broken syntax, much too long.
pub fn bad_register(from: SocketAddr, number: usize) -> String {
    let user = format!("u{number}");
    let wrong = format!(
        "Authorization: Digest username=\"u-good\", realm=\"{DOMAIN}\", nonce=\"{number:064x}\", uri=\"sip:{DOMAIN}\", \
         response=\"{number:064x}\", algorithm=SHA-256, qop=auth, nc=00000001, cnonce=\"c\"\r\n"
    );
    let long = format!("X-Padding: {}\r\n", "x".repeat(60_000));
    match number % 4 {
        0 => register_text("u-good", from, number, &wrong),
        1 => register_text(&user, from, number, ""),
        2 => register_text(&user, from, number, "Contact: <<sip:;;\r\n"),
        _ => register_text(&user, from, number, &long),
    }
}

/// A UE that answers its challenge and sends again what is lost.
pub struct Ue {
    socket: UdpSocket,
    core: SocketAddr,
    user: String,
    digest: DigestClient,
    random: Box<dyn Random>,
    number: usize,
}

impl Ue {
    pub async fn new(user: &str, ip: &str, core: SocketAddr) -> Self {
        Self {
            socket: UdpSocket::bind((ip, 0)).await.unwrap(),
            core,
            user: user.to_owned(),
            digest: DigestClient::new(user, SecretBytes::new(PASSWORD.as_bytes().to_vec())),
            random: TestRandom::boxed(),
            number: 0,
        }
    }

    /// Registers or refreshes; the final status.
    pub async fn register(&mut self) -> StatusCode {
        let sent = self.request();
        let response = self.exchange(&sent).await;
        if response.status() != StatusCode::UNAUTHORIZED {
            return response.status();
        }
        self.digest.learn(&response, &sent).unwrap();
        let sent = self.request();
        self.exchange(&sent).await.status()
    }

    fn request(&mut self) -> Request {
        self.number += 1;
        let from = self.socket.local_addr().unwrap();
        let text = register_text(&self.user, from, self.number, "");
        let Ok(Message::Request(mut request)) =
            Message::parse_datagram(text.as_bytes(), &Limits::default())
        else {
            panic!("a request")
        };
        self.digest
            .authorise(&mut request, self.random.as_mut())
            .unwrap();
        request
    }

    async fn exchange(&self, request: &Request) -> Response {
        let octets = request.to_octets();
        let cseq = request.headers().text(HeaderName::CSEQ).unwrap();
        let mut buffer = vec![0; 65_535];
        for _ in 0..40 {
            self.socket.send_to(&octets, self.core).await.unwrap();
            let received = self.socket.recv(&mut buffer);
            let Ok(Ok(length)) = tokio::time::timeout(Duration::from_millis(500), received).await
            else {
                continue;
            };
            if let Ok(Message::Response(response)) =
                Message::parse_datagram(&buffer[..length], &Limits::default())
                && response.headers().text(HeaderName::CSEQ).unwrap() == cseq
            {
                return response;
            }
        }
        panic!("{} gets no answer", self.user)
    }
}
