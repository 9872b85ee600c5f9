//! The frames between the host and a worker: pieces of messages, cancels, log lines, credit.
//!
//! Layout, little endian: `u32 length of what follows, u8 kind, u8 last, u64 id, body`. A message longer than a piece
//! comes in several, mixed with those of others. It reads from hostile peers: every length is checked before it counts.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of a message in one frame at most.
pub(super) const PIECE: usize = 64 * 1024;
/// Bytes of one message at most.
pub(super) const MESSAGE: usize = 64 << 20;
/// Bytes on the way without having been read, at most.
pub(super) const WINDOW: usize = 4 << 20;
/// Requests of one side under way, at most.
pub(super) const REQUESTS: usize = 4096;

const HEAD: usize = 10;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Of a request: call id, op, payload.
    Request,
    /// Of a good answer.
    Answer,
    /// Of an error: JSON.
    Failure,
    /// The request of that id is not wanted any more.
    Cancel,
    /// A line of log: JSON.
    Log,
    /// The peer has read so many bytes (the id is the number).
    Credit,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Request, Self::Answer, Self::Failure, Self::Cancel, Self::Log, Self::Credit];

    /// Whether frames of this kind count against the window.
    pub(super) const fn is_counted(self) -> bool {
        matches!(self, Self::Request | Self::Answer | Self::Failure | Self::Log)
    }
}

/// One frame as it was read.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) last: bool,
    pub(super) id: u64,
    pub(super) body: Vec<u8>,
}

/// Appends a frame.
pub(super) fn write(out: &mut Vec<u8>, kind: Kind, last: bool, id: u64, body: &[u8]) {
    let length = u32::try_from(HEAD + body.len()).expect("a piece is small");
    out.extend(length.to_le_bytes());
    out.push(kind as u8);
    out.push(last.into());
    out.extend(id.to_le_bytes());
    out.extend(body);
}

/// A frame of its own.
pub(super) fn single(kind: Kind, last: bool, id: u64, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + HEAD + body.len());
    write(&mut out, kind, last, id, body);
    out
}

/// Reads one frame; `None` at the end of the stream.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Frame>> {
    let mut head = [0_u8; 4 + HEAD];
    match stream.read_exact(&mut head).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let kind = Kind::ALL.get(usize::from(head[4])).copied().ok_or_else(|| wrong("a frame of an unknown kind"))?;
    if !(HEAD..=HEAD + PIECE).contains(&length) {
        return Err(wrong("a frame of an impossible length"));
    }
    let id = u64::from_le_bytes([head[6], head[7], head[8], head[9], head[10], head[11], head[12], head[13]]);
    let mut body = vec![0; length - HEAD];
    stream.read_exact(&mut body).await?;
    Ok(Some(Frame { kind, last: head[5] != 0, id, body }))
}

/// A peer that breaks the rules.
pub(super) fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// The head of a request: call id and op, before its payload.
pub(super) fn request(call: u64, op: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(10 + op.len() + payload.len());
    out.extend(call.to_le_bytes());
    out.extend(u16::try_from(op.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend(op.as_bytes());
    out.extend(payload);
    out
}

/// Takes a request apart: call id, op, and where the payload begins.
pub(super) fn split_request(message: &[u8]) -> io::Result<(u64, String, usize)> {
    let (call, rest) = message.split_first_chunk::<8>().ok_or_else(|| wrong("a request without a call"))?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(|| wrong("a request without an op"))?;
    let length = usize::from(u16::from_le_bytes(*length));
    let op = rest.get(..length).ok_or_else(|| wrong("a request without an op"))?;
    let op = std::str::from_utf8(op).map_err(|_| wrong("an op that is no text"))?;
    Ok((u64::from_le_bytes(*call), op.to_owned(), 10 + length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_all(bytes: &[u8]) -> io::Result<Option<Frame>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
        runtime.block_on(read(&mut &bytes[..]))
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = read_all(&bytes);
            let _ = split_request(&bytes);
        }
    }

    #[test]
    fn a_frame_survives_the_way() {
        let bytes = single(Kind::Answer, true, 7, b"abc");
        let frame = read_all(&bytes).expect("fine").expect("one");
        assert_eq!(
            (frame.kind, frame.last, frame.id, frame.body.as_slice()),
            (Kind::Answer, true, 7, b"abc".as_slice())
        );
        let message = request(9, "list", b"{}");
        let (call, op, at) = split_request(&message).expect("fine");
        assert_eq!((call, op.as_str(), &message[at..]), (9, "list", b"{}".as_slice()));
    }

    #[test]
    fn a_frame_longer_than_a_piece_is_refused_before_it_is_read() {
        let mut bytes = single(Kind::Answer, true, 7, b"");
        bytes[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(read_all(&bytes).is_err());
    }
}
