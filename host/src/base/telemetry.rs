//! Logging: one subscriber for the process, to standard error. It never writes secrets: they don't print,
//! and known ones are taken out of every line.

use std::io;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use super::redact;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Installs the process's subscriber. A second call changes nothing, so tests may call it freely.
///
/// `filter` is in the form of the `RUST_LOG` variable, which wins where it is set.
pub fn install(filter: &str, format: Format) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(filter));
    let registry = tracing_subscriber::registry().with(filter);
    // An error means that a subscriber is there already, which is what was wanted.
    let _ = match format {
        Format::Text => registry.with(fmt::layer().with_writer(|| Redacting(std::io::stderr()))).try_init(),
        Format::Json => registry.with(fmt::layer().json().with_writer(|| Redacting(std::io::stderr()))).try_init(),
    };
}

/// Takes known secrets out of whatever is written. A line is written whole.
struct Redacting<W>(W);

impl<W: io::Write> io::Write for Redacting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.write_all(redact::for_log(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use io::Write as _;

    use super::*;
    use crate::base::Secret;

    #[test]
    fn a_hidden_secret_does_not_reach_the_log_whoever_writes_it() {
        redact::hide_in_log(&Secret::new("planted-canary"));
        let mut lines = Vec::new();
        Redacting(&mut lines).write_all(b"a connector says planted-canary\n").expect("memory");
        assert_eq!(lines, b"a connector says ***\n");
    }
}
