//! The host as a process of its own, to be killed.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver},
    },
    time::Duration,
};

/// How long a start may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `bindery serve`. Dropping it kills it.
pub struct HostProcess {
    child: Child,
    lines: Receiver<String>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl HostProcess {
    /// Starts `serve` and waits until it says that it is ready.
    ///
    /// # Panics
    /// Where it ends or stays silent instead, with what it said.
    #[track_caller]
    pub fn start(mut command: Command) -> Self {
        command.arg("serve").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary can be started");
        let (sender, lines) = mpsc::channel();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let out = child.stdout.take().expect("piped above");
        let err = child.stderr.take().expect("piped above");
        read(out, sender.clone(), seen.clone());
        read(err, sender, seen.clone());
        let host = Self { child, lines, seen };
        host.wait_for("ready");
        host
    }

    /// Waits for a line of its output that contains a text.
    ///
    /// # Panics
    /// Where the host ends, or doesn't say so within a minute.
    #[track_caller]
    pub fn wait_for(&self, text: &str) -> String {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(error) => panic!("the host never said `{text}` ({error})\n{}", self.output()),
            }
        }
    }

    /// All it said so far.
    pub fn output(&self) -> String {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and waits for its end.
    pub fn kill(mut self) {
        // Both fail only where it ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to stop, as a service manager does; whether it ended by itself with success.
    pub fn stop(mut self) -> bool {
        signal(self.child.id(), "TERM");
        self.child.wait().is_ok_and(|status| status.success())
    }
}

impl Drop for HostProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(pipe: impl std::io::Read + Send + 'static, sender: mpsc::Sender<String>, seen: Arc<Mutex<Vec<String>>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
            // Nobody waits any more; the pipe is still emptied.
            let _ = sender.send(line);
        }
    });
}

/// Sends a signal without `unsafe`.
fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).status();
    assert!(sent.is_ok_and(|status| status.success()), "the process can be signalled");
}
