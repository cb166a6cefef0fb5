//! Clients that register: one that waits for each answer, and many that do not.

use crate::report::Times;
use crate::{DOMAIN, PASSWORD};
use roger_base::SecretBytes;
use roger_sip::digest::DigestClient;
use roger_sip::message::{HeaderName, Limits, Message, Request, Response, StatusCode};
use roger_testkit::SeededRandom;
use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// T1: when a client sends again.
const AGAIN: Duration = Duration::from_millis(500);

pub fn socket(ip: &str) -> UdpSocket {
    UdpSocket::bind((ip, 0)).unwrap()
}

/// A REGISTER of a user who has not been asked for credentials.
pub fn register_text(user: &str, from: SocketAddr, number: u64, more: &str) -> String {
    format!(
        "REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{user}x{number};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:{user}@{DOMAIN}>;tag=f{number}\r\nTo: <sip:{user}@{DOMAIN}>\r\n\
         Call-ID: c{user}@{from}\r\nCSeq: {number} REGISTER\r\nContact: <sip:{user}@{from}>\r\n\
         Expires: 3600\r\n{more}Content-Length: 0\r\n\r\n"
    )
}

pub fn parse(text: &[u8]) -> Request {
    match Message::parse_datagram(text, &Limits::default()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!(),
    }
}

/// A UE that has registered with digest and goes on to refresh.
pub struct Client {
    socket: UdpSocket,
    core: SocketAddr,
    user: String,
    digest: DigestClient,
    random: SeededRandom,
    number: u64,
    pub repeated: u64,
}

impl Client {
    pub fn register(user: &str, ip: &str, core: SocketAddr) -> Self {
        let mut client = Self {
            socket: socket(ip),
            core,
            user: user.to_owned(),
            digest: DigestClient::new(user, SecretBytes::new(PASSWORD.as_bytes().to_vec())),
            random: SeededRandom::new(1),
            number: 0,
            repeated: 0,
        };
        let sent = client.request("");
        let challenge = client.exchange(&sent);
        if challenge.status() == StatusCode::UNAUTHORIZED {
            client.digest.learn(&challenge, &sent).unwrap();
            let sent = client.request("");
            assert_eq!(client.exchange(&sent).status(), StatusCode::OK);
        }
        client
    }

    fn request(&mut self, more: &str) -> Request {
        self.number += 1;
        let from = self.socket.local_addr().unwrap();
        let mut request = parse(register_text(&self.user, from, self.number, more).as_bytes());
        self.digest
            .authorise(&mut request, &mut self.random)
            .unwrap();
        request
    }

    /// Sends a request, again every T1, until its answer comes.
    fn exchange(&mut self, request: &Request) -> Response {
        let octets = request.to_octets();
        let branch = request
            .headers()
            .text(HeaderName::VIA)
            .unwrap()
            .into_owned();
        let branch = branch.split(";rport").next().unwrap().to_owned();
        let mut buffer = vec![0; 65_535];
        self.socket.set_read_timeout(Some(AGAIN)).unwrap();
        for attempt in 0..20 {
            self.repeated += u64::from(attempt > 0);
            self.socket.send_to(&octets, self.core).unwrap();
            while let Ok(length) = self.socket.recv(&mut buffer) {
                let Ok(Message::Response(response)) =
                    Message::parse_datagram(&buffer[..length], &Limits::default())
                else {
                    continue;
                };
                if response
                    .headers()
                    .text(HeaderName::VIA)
                    .unwrap()
                    .starts_with(&branch)
                {
                    return response;
                }
            }
        }
        panic!("{} gets no answer in 10 s", self.user);
    }

    /// Refreshes again and again for so long; how long each took, and how many were refused.
    pub fn refresh_for(&mut self, time: Duration, interval: Duration, more: &str) -> (Times, u64) {
        let (mut times, mut refused) = (Times::default(), 0);
        let end = Instant::now() + time;
        while Instant::now() < end {
            let request = self.request(more);
            let start = Instant::now();
            let response = self.exchange(&request);
            if response.status() == StatusCode::OK {
                times.push(start.elapsed());
            } else {
                refused += 1;
            }
            std::thread::sleep(interval.saturating_sub(start.elapsed()));
        }
        (times, refused)
    }
}

/// Many users on a few sockets, each with an answer to its challenge.
pub struct Crowd {
    users: Vec<(String, DigestClient, u64)>,
    pub sockets: Vec<UdpSocket>,
    core: SocketAddr,
    random: SeededRandom,
    next: usize,
}

impl Crowd {
    pub fn new(users: usize, sockets: usize, core: SocketAddr) -> Self {
        let user = |number: usize| {
            let name = format!("u{number}");
            let password = SecretBytes::new(PASSWORD.as_bytes().to_vec());
            let digest = DigestClient::new(&name, password);
            (name, digest, 0)
        };
        let crowd = Self {
            users: (0..users).map(user).collect(),
            sockets: (0..sockets).map(|_| socket("127.0.0.1")).collect(),
            core,
            random: SeededRandom::new(2),
            next: 0,
        };
        for socket in &crowd.sockets {
            socket.set_nonblocking(true).unwrap();
        }
        crowd
    }

    /// Asks for a challenge for each user.
    pub fn learn(&mut self) {
        let mut buffer = vec![0; 65_535];
        for index in 0..self.users.len() {
            let socket = &self.sockets[index % self.sockets.len()];
            socket.set_nonblocking(false).unwrap();
            socket
                .set_read_timeout(Some(Duration::from_secs(2)))
                .unwrap();
            let (name, digest, number) = &mut self.users[index];
            *number += 1;
            let from = socket.local_addr().unwrap();
            let request = parse(register_text(name, from, *number, "").as_bytes());
            socket.send_to(&request.to_octets(), self.core).unwrap();
            let length = socket.recv(&mut buffer).unwrap();
            if let Ok(Message::Response(response)) =
                Message::parse_datagram(&buffer[..length], &Limits::default())
                && response.status() == StatusCode::UNAUTHORIZED
            {
                digest.learn(&response, &request).unwrap();
            }
            socket.set_nonblocking(true).unwrap();
        }
    }

    fn send_next(&mut self) -> String {
        let index = self.next % self.users.len();
        self.next += 1;
        let socket = &self.sockets[index % self.sockets.len()];
        let (name, digest, number) = &mut self.users[index];
        *number += 1;
        let from = socket.local_addr().unwrap();
        let text = register_text(name, from, *number, "");
        let mut request = parse(text.as_bytes());
        digest.authorise(&mut request, &mut self.random).unwrap();
        let _ = socket.send_to(&request.to_octets(), self.core);
        format!("{name}x{number}")
    }

    /// Sends so many a second whatever is answered; times of the answers with 200, and all other answers.
    pub fn run(&mut self, per_second: u32, time: Duration) -> Outcome {
        let mut outcome = Outcome::default();
        let mut waiting = HashMap::new();
        let start = Instant::now();
        let total = (f64::from(per_second) * time.as_secs_f64()) as u64;
        while start.elapsed() < time + Duration::from_secs(2) {
            let due = (start.elapsed().as_secs_f64() * f64::from(per_second)) as u64;
            while outcome.sent < due.min(total) {
                let branch = self.send_next();
                waiting.insert(branch, Instant::now());
                outcome.sent += 1;
                if outcome.sent % 8 == 0 {
                    self.take(&mut waiting, &mut outcome);
                }
            }
            self.take(&mut waiting, &mut outcome);
            if outcome.sent == total && waiting.is_empty() {
                break;
            }
        }
        outcome
    }

    fn take(&self, waiting: &mut HashMap<String, Instant>, outcome: &mut Outcome) {
        let mut buffer = [0; 4_096];
        for socket in &self.sockets {
            while let Ok(length) = socket.recv(&mut buffer) {
                let Some((status, branch)) = answer(&buffer[..length]) else {
                    continue;
                };
                let Some(sent) = waiting.remove(branch) else {
                    continue;
                };
                match status {
                    b"200" => outcome.times.push(sent.elapsed()),
                    b"503" => outcome.refused += 1,
                    _ => outcome.other += 1,
                }
            }
        }
    }
}

/// Status and branch of an answer, the cookie left out.
pub fn answer(octets: &[u8]) -> Option<(&[u8], &str)> {
    let status = octets.get(8..11)?;
    let text = core::str::from_utf8(octets).ok()?;
    let (_, rest) = text.split_once("branch=z9hG4bK")?;
    Some((status, rest.split([';', '\r', ',']).next()?))
}

/// What became of many requests.
#[derive(Default)]
pub struct Outcome {
    pub sent: u64,
    pub times: Times,
    pub refused: u64,
    pub other: u64,
}
