//! Telling listeners that a transaction has committed. It carries no data: who hears it looks by himself.

use tokio::sync::watch;

/// What a transaction tells listeners of the store once it has committed. Coalesced: it says "look", not what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Jobs may be ready to run.
    Job,
    /// Jobs have ended.
    JobEnded,
    /// Started jobs should stop.
    JobCancel,
    /// A channel was added or changed.
    Channel,
    /// The outbox has new rows.
    Outbox,
    /// Jobs are left that wait for an end which will not come.
    JobForlorn,
    /// Schedules were set, or their times have changed.
    Schedule,
}

impl Signal {
    const COUNT: usize = 7;

    /// Its bit in a set of signals.
    pub(super) fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// One counter for each signal.
pub(super) struct Signals([watch::Sender<u64>; Signal::COUNT]);

impl Default for Signals {
    fn default() -> Self {
        Self(std::array::from_fn(|_| watch::Sender::new(0)))
    }
}

impl Signals {
    /// Hears of every later signal.
    pub fn listen(&self, signal: Signal) -> watch::Receiver<u64> {
        self.0[signal as usize].subscribe()
    }

    /// Sends a set of signals.
    pub fn send(&self, bits: u8) {
        for (at, sender) in self.0.iter().enumerate() {
            if bits & (1 << at) != 0 {
                sender.send_modify(|count| *count += 1);
            }
        }
    }
}
