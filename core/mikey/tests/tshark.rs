//! Wireshark's MIKEY dissector reads our messages with the empty map (it does not know GENERIC-ID).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::process::{Command, Stdio};
use support::{message, octets, vector, vectors};

/// Port on which the dissector is told to look for MIKEY.
const PORT: u16 = 2269;

/// A capture file of raw IPv4 packets with one UDP datagram each.
fn capture(datagrams: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xA1B2_C3D4_u32, 0x0002_0004, 0, 0, 65_535, 101] {
        file.extend(word.to_be_bytes());
    }
    for datagram in datagrams {
        let packet = packet(datagram);
        let length = u32::try_from(packet.len()).unwrap().to_be_bytes();
        file.extend([[0; 4], [0; 4], length, length].concat());
        file.extend(packet);
    }
    file
}

fn packet(datagram: &[u8]) -> Vec<u8> {
    let udp = u16::try_from(8 + datagram.len()).unwrap();
    let mut packet = vec![0x45, 0];
    packet.extend((20 + udp).to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
    for half in [PORT, PORT, udp, 0] {
        packet.extend(half.to_be_bytes());
    }
    packet.extend(datagram);
    packet
}

#[test]
fn wireshark_reads_messages_with_the_empty_map() {
    let present = Command::new("tshark")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok();
    if !present {
        assert!(
            !std::env::var("CI").is_ok_and(|ci| ci == "true"),
            "tshark is not installed"
        );
        eprintln!("skipped: tshark is not installed");
        return;
    }
    let names = ["GMK, empty map", "PCK", "CSK", "MuSiK"];
    let datagrams: Vec<Vec<u8>> = names.iter().map(|name| message(name)).collect();
    let path = std::env::temp_dir().join(format!("roger-mikey-{}.pcap", std::process::id()));
    std::fs::write(&path, capture(&datagrams)).unwrap();
    let output = Command::new("tshark")
        .args(["-V", "-d", &format!("udp.port=={PORT},mikey"), "-r"])
        .arg(&path)
        .output()
        .unwrap();
    std::fs::remove_file(&path).unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(!text.contains("Malformed"), "{text}");
    assert_eq!(
        text.matches("Multimedia Internet KEYing: SAKKE").count(),
        names.len()
    );
    assert_eq!(
        text.matches("Signature type: ECCSI (2)").count(),
        names.len()
    );
    for name in names {
        let id = hex::encode(octets(vector(name), "CSB_ID"));
        assert!(text.contains(&format!("CSB ID: 0x{id}")), "{name}");
    }
    assert_eq!(
        vectors()["messages"].as_array().unwrap().len(),
        names.len() + 1
    );
}
