//! The encoding of a payload: a JSON header followed by raw segments.
//!
//! Layout, little endian: `u32 header length, header, u32 number of segments, (u32 length, bytes)*`. A body, an image
//! or a page travels as a segment, never inside the JSON. It never interprets what it carries.

use serde::{Serialize, de::DeserializeOwned};

use crate::error::{Error, ErrorClass};

/// A decoded payload that borrows the bytes it came in.
///
/// ```
/// use bindery_contract::Frame;
///
/// let bytes = Frame::encode(&serde_json::json!({"op": "noop"}), &[b"one", b"two"]).unwrap();
/// let frame = Frame::decode(&bytes).unwrap();
/// assert_eq!(frame.segments, [b"one".as_slice(), b"two"]);
/// assert_eq!(frame.header::<serde_json::Value>().unwrap()["op"], "noop");
/// ```
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    /// The JSON header, undecoded.
    pub header: &'a [u8],
    /// The raw segments, in order.
    pub segments: Vec<&'a [u8]>,
}

impl<'a> Frame<'a> {
    /// Encodes a header and its segments. Fails where a part is longer than 4 GiB or the header is not JSON-able.
    pub fn encode<T: Serialize + ?Sized>(header: &T, segments: &[&[u8]]) -> Result<Vec<u8>, Error> {
        let size: usize = segments.iter().map(|s| s.len() + 4).sum();
        let mut out = Vec::with_capacity(256);
        out.extend([0; 4]);
        serde_json::to_writer(&mut out, header)
            .map_err(|e| Error::new(ErrorClass::BadPayload, format!("the header cannot be written: {e}")))?;
        let length = checked(out.len() - 4)?;
        out[..4].copy_from_slice(&length.to_le_bytes());
        // The header is short beside the segments: growing for it before they are there moves little.
        out.reserve_exact(size + 4);
        out.extend(checked(segments.len())?.to_le_bytes());
        for segment in segments {
            out.extend(checked(segment.len())?.to_le_bytes());
            out.extend_from_slice(segment);
        }
        Ok(out)
    }

    /// Finds the parts of an encoded payload. Never panics, whatever the bytes.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut rest = bytes;
        let length = number(&mut rest)?;
        let header = take(&mut rest, length)?;
        let count = number(&mut rest)?;
        if count > rest.len() / 4 {
            return Err(truncated());
        }
        let mut segments = Vec::with_capacity(count);
        for _ in 0..count {
            let length = number(&mut rest)?;
            segments.push(take(&mut rest, length)?);
        }
        if !rest.is_empty() {
            return Err(Error::new(ErrorClass::BadPayload, "the payload has bytes after its last segment"));
        }
        Ok(Self { header, segments })
    }

    /// Reads the header as a type of this contract.
    pub fn header<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(self.header)
            .map_err(|e| Error::new(ErrorClass::BadPayload, format!("the header cannot be read: {e}")))
    }

    /// The segment at an index, or an error that names it.
    pub fn segment(&self, index: usize) -> Result<&'a [u8], Error> {
        self.segments
            .get(index)
            .copied()
            .ok_or_else(|| Error::new(ErrorClass::BadPayload, format!("the payload has no segment {index}")))
    }
}

fn checked(length: usize) -> Result<u32, Error> {
    u32::try_from(length).map_err(|_| Error::new(ErrorClass::BadPayload, "a part of the payload is longer than 4 GiB"))
}

fn truncated() -> Error {
    Error::new(ErrorClass::BadPayload, "the payload ends too early")
}

fn number(rest: &mut &[u8]) -> Result<usize, Error> {
    let (head, tail) = rest.split_first_chunk::<4>().ok_or_else(truncated)?;
    *rest = tail;
    Ok(u32::from_le_bytes(*head) as usize)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Error> {
    let (head, tail) = rest.split_at_checked(length).ok_or_else(truncated)?;
    *rest = tail;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = Frame::encode(&"header", &[b"one", b""]).expect("small");
        for cut in 0..bytes.len() {
            assert!(Frame::decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(Frame::decode(&longer).is_err());
    }

    #[test]
    fn a_wild_segment_count_does_not_allocate() {
        let bytes = [2, 0, 0, 0, b'{', b'}', 0xff, 0xff, 0xff, 0xff];
        assert!(Frame::decode(&bytes).is_err());
    }
}
