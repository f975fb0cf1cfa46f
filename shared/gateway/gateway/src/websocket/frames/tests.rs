//! Against a client that is written by the text of RFC 6455, byte by byte.

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

const FIN: u8 = 0x80;
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame as a client sends it.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
        medium @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(medium).unwrap().to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&u64::try_from(long).unwrap().to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

fn pair() -> (Frames<DuplexStream>, DuplexStream) {
    let (server, client) = tokio::io::duplex(1 << 20);
    (Frames::new(server, Bytes::new()), client)
}

#[tokio::test]
async fn payload_is_the_same_however_it_is_framed_and_cut() {
    let payload: Vec<u8> = (0..1000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let mut wire = masked(FIN | BINARY, &payload[..3]);
    wire.extend(masked(BINARY, &payload[3..200]));
    wire.extend(masked(FIN | PING, b"still there?"));
    wire.extend(masked(CONTINUATION, b""));
    wire.extend(masked(FIN | CONTINUATION, &payload[200..700]));
    wire.extend(masked(FIN | PONG, b"unasked"));
    wire.extend(masked(FIN | BINARY, &payload[700..]));
    for piece in [1, 2, 3, 5, 7, 13, 64, 333, wire.len()] {
        let (mut frames, mut client) = pair();
        let mut read = Vec::new();
        for bytes in wire.chunks(piece) {
            client.write_all(bytes).await.unwrap();
            while let Ok(count) = tokio::time::timeout(std::time::Duration::ZERO, frames.read_buf(&mut read)).await {
                assert!(count.unwrap() > 0);
            }
        }
        assert_eq!(read, payload, "in pieces of {piece}");
        let mut pong = [0; 14];
        client.read_exact(&mut pong).await.unwrap();
        assert_eq!(&pong, b"\x8a\x0cstill there?");
        assert_eq!(
            frames.incoming.control.capacity() + frames.outgoing.control.capacity(),
            0,
            "nothing is held at rest"
        );
    }
}

#[tokio::test]
async fn what_came_behind_the_request_is_read_first() {
    let (server, mut client) = tokio::io::duplex(1024);
    let frame = masked(FIN | BINARY, b"together");
    let (early, late) = frame.split_at(9);
    let mut frames = Frames::new(server, Bytes::copy_from_slice(early));
    client.write_all(late).await.unwrap();
    let mut read = [0; 8];
    frames.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"together");
}

#[tokio::test]
async fn a_close_frame_is_answered_and_ends_the_stream_on_purpose() {
    let (mut frames, mut client) = pair();
    let mut wire = masked(FIN | BINARY, b"last");
    wire.extend(masked(FIN | CLOSE, b"\x03\xe9going"));
    client.write_all(&wire).await.unwrap();
    let mut read = [0; 4];
    frames.read_exact(&mut read).await.unwrap();
    let error = frames.read(&mut read).await.unwrap_err();
    assert!(error.get_ref().unwrap().is::<ClientClosed>());
    assert!(frames.write(b"more").await.is_err(), "nothing follows a close frame");
    let mut close = [0; 4];
    client.read_exact(&mut close).await.unwrap();
    assert_eq!(close, [0x88, 2, 0x03, 0xe9]);
}

#[tokio::test]
async fn what_must_not_come_is_answered_with_its_code() {
    let large = [FIN | BINARY, 0x80 | 127, 0, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 0];
    for (wire, code) in [
        (masked(FIN | TEXT, b"text"), UNSUPPORTED_DATA),
        (vec![FIN | BINARY, 4, b'b', b'a', b'r', b'e'], PROTOCOL_ERROR),
        (masked(FIN | CONTINUATION, b"of nothing"), PROTOCOL_ERROR),
        (masked(FIN | 0x40 | BINARY, b"compressed"), PROTOCOL_ERROR),
        (masked(FIN | 3, b"reserved"), PROTOCOL_ERROR),
        (masked(PING, b"in parts"), PROTOCOL_ERROR),
        (masked(FIN | PING, &[0; 126]), PROTOCOL_ERROR),
        ([masked(BINARY, b"open"), masked(FIN | BINARY, b"another")].concat(), PROTOCOL_ERROR),
        (large.to_vec(), TOO_BIG),
    ] {
        let (mut frames, mut client) = pair();
        client.write_all(&wire).await.unwrap();
        let mut read = Vec::new();
        let error = frames.read_to_end(&mut read).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{wire:?}");
        let mut close = [0; 4];
        client.read_exact(&mut close).await.unwrap();
        assert_eq!(close[2..], code.to_be_bytes(), "{wire:?}: {error}");
    }
}

#[tokio::test]
async fn a_write_becomes_a_binary_frame() {
    for (length, header) in [
        (1, vec![0x82, 1]),
        (125, vec![0x82, 125]),
        (126, vec![0x82, 126, 0, 126]),
        (65_535, vec![0x82, 126, 0xff, 0xff]),
        (65_536, vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] {
        // A narrow pipe, so that frames are written in many pieces.
        let (server, mut client) = tokio::io::duplex(1000);
        let payload: Vec<u8> = (0..length).map(|n| u8::try_from(n % 253).unwrap()).collect();
        let sent = payload.clone();
        let writer = tokio::spawn(async move {
            let mut frames = Frames::new(server, Bytes::new());
            frames.write_all(&sent).await.unwrap();
            frames.shutdown().await.unwrap();
        });
        let mut read = Vec::new();
        client.read_to_end(&mut read).await.unwrap();
        writer.await.unwrap();
        assert_eq!(read, [header, payload, vec![0x88, 2, 0x03, 0xe8]].concat(), "{length} bytes");
    }
}
