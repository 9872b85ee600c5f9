//! Whether bytes are a whole shared library of this machine that exports a connector, found out without running it.
//!
//! Mapping a truncated library kills the process (SIGBUS), so nothing is loaded before this says yes. It reads 64-bit
//! little-endian ELF, which is what the supported targets use, and never panics, whatever the bytes.

use super::Error;

/// Refuses bytes that are not a complete plugin for this machine. `file` is for the message only.
pub(super) fn check(bytes: &[u8], file: &str) -> Result<(), Error> {
    let not = |reason: &str| Error::NotAPlugin { file: file.to_owned(), reason: reason.to_owned() };
    if bytes.len() < 4 || !bytes.starts_with(b"\x7fELF") {
        return Err(not("it is no ELF file"));
    }
    let short = |needed: u64| Error::Truncated { file: file.to_owned(), found: bytes.len() as u64, needed };
    if bytes.len() < 64 {
        return Err(short(64));
    }
    if bytes[4] != 2 || bytes[5] != 1 {
        return Err(Error::WrongArchitecture {
            file: file.to_owned(),
            found: "a 32-bit or big-endian machine".to_owned(),
            wanted: std::env::consts::ARCH.to_owned(),
        });
    }
    let machine = u16_at(bytes, 18);
    if Some(machine) != ours() {
        return Err(Error::WrongArchitecture {
            file: file.to_owned(),
            found: name(machine),
            wanted: std::env::consts::ARCH.to_owned(),
        });
    }
    if u16_at(bytes, 16) != 3 {
        return Err(not("it is an ELF file but no shared library"));
    }
    let sections = Table { at: u64_at(bytes, 40), size: u16_at(bytes, 58), count: u16_at(bytes, 60) };
    let segments = Table { at: u64_at(bytes, 32), size: u16_at(bytes, 54), count: u16_at(bytes, 56) };
    for table in [&sections, &segments] {
        if table.end() > bytes.len() as u64 {
            return Err(short(table.end()));
        }
    }
    for at in segments.entries(56) {
        let needed = u64_at(bytes, at + 8).saturating_add(u64_at(bytes, at + 32));
        if needed > bytes.len() as u64 {
            return Err(short(needed));
        }
    }
    for at in sections.entries(64) {
        let needed = u64_at(bytes, at + 24).saturating_add(u64_at(bytes, at + 32));
        // A section of type NOBITS has a size but no bytes in the file.
        if u32_at(bytes, at + 4) != 8 && needed > bytes.len() as u64 {
            return Err(short(needed));
        }
    }
    if !exports_connector(bytes, &sections) {
        return Err(not("it exports no connector"));
    }
    Ok(())
}

struct Table {
    at: u64,
    size: u16,
    count: u16,
}

impl Table {
    fn end(&self) -> u64 {
        self.at.saturating_add(u64::from(self.size) * u64::from(self.count))
    }

    /// Offsets of the entries; none where an entry is smaller than what is read of it. Checked against the length before.
    fn entries(&self, least: u16) -> impl Iterator<Item = usize> {
        let count = if self.size >= least { usize::from(self.count) } else { 0 };
        let (at, size) = (usize::try_from(self.at).unwrap_or(usize::MAX), usize::from(self.size));
        (0..count).map(move |n| at.saturating_add(n * size))
    }
}

/// Looks through the dynamic symbols for the root module.
fn exports_connector(bytes: &[u8], sections: &Table) -> bool {
    let all: Vec<usize> = sections.entries(64).collect();
    let range = |at: usize| {
        let start = usize::try_from(u64_at(bytes, at + 24)).unwrap_or(usize::MAX);
        let length = usize::try_from(u64_at(bytes, at + 32)).unwrap_or(usize::MAX);
        bytes.get(start..start.saturating_add(length)).unwrap_or_default()
    };
    let wanted = bindery_abi::ROOT_SYMBOL.as_bytes();
    all.iter().filter(|at| u32_at(bytes, **at + 4) == 11).any(|at| {
        let Some(strings) = all.get(u32_at(bytes, at + 40) as usize).map(|at| range(*at)) else { return false };
        range(*at).chunks_exact(24).any(|symbol| {
            let name = strings.get(u32_at(symbol, 0) as usize..).unwrap_or_default();
            // Section 0 means that the symbol is wanted, not given.
            u16_at(symbol, 6) != 0 && name.strip_prefix(wanted).is_some_and(|rest| rest.first() == Some(&0))
        })
    })
}

fn ours() -> Option<u16> {
    match std::env::consts::ARCH {
        "x86_64" => Some(62),
        "aarch64" => Some(183),
        _ => None,
    }
}

fn name(machine: u16) -> String {
    match machine {
        62 => "x86_64".to_owned(),
        183 => "aarch64".to_owned(),
        243 => "riscv64".to_owned(),
        other => format!("ELF machine {other}"),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    read::<2>(bytes, at).map_or(0, u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    read::<4>(bytes, at).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    read::<8>(bytes, at).map_or(0, u64::from_le_bytes)
}

fn read<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_a_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(check(&bytes, "x").is_err());
            if bytes.len() >= 64 {
                bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
                bytes[16..20].copy_from_slice(&[3, 0, ours().unwrap_or(62) as u8, 0]);
                let _ = check(&bytes, "x");
            }
        }
    }

    #[test]
    fn a_text_is_not_a_plugin() {
        assert!(matches!(check(b"#!/bin/sh\n", "x"), Err(Error::NotAPlugin { .. })));
    }
}
