//! A data directory of its own for each test, and the command line on it.

use std::{
    ffi::OsStr,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use bindery_shop::Shop;

use crate::{artifact, command::Answer, plugin, process::HostProcess};

/// A temporary data directory; gone when dropped.
pub struct Data {
    folder: tempfile::TempDir,
}

impl Default for Data {
    fn default() -> Self {
        Self::new()
    }
}

impl Data {
    /// An empty place.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder can be made") }
    }

    /// An empty place within a directory.
    pub fn within(directory: &Path) -> Self {
        Self { folder: tempfile::tempdir_in(directory).expect("a temporary folder can be made there") }
    }

    /// The data directory; the host makes it.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A place beside the data directory, for files of the test.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file beside the data directory.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.beside(name);
        std::fs::write(&path, text).expect("a file can be written there");
        path
    }

    /// `bindery --data DIR`, with an environment that holds nothing of the caller's configuration.
    pub fn command(&self) -> Command {
        let mut command = Command::new(artifact("bindery"));
        command.arg("--data").arg(self.path()).current_dir(self.folder.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("BINDERY_") {
                command.env_remove(name);
            }
        }
        // A key that is made up is kept outside the data directory: each test has its own place for it.
        command.env("XDG_CONFIG_HOME", self.folder.path().join("config")).env("HOME", self.folder.path());
        command
    }

    /// Runs a command to its end.
    pub fn run<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Answer {
        let output = self.command().args(arguments).stdin(Stdio::null()).output().expect("the binary can be started");
        Answer::new(output)
    }

    /// Runs a command with text on its standard input.
    pub fn run_with_input<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>, input: &str) -> Answer {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary can be started");
        let mut pipe = child.stdin.take().expect("piped above");
        // A command that refuses early closes its input; its answer tells.
        let _ = pipe.write_all(input.as_bytes());
        drop(pipe);
        Answer::new(child.wait_with_output().expect("a child can be waited for"))
    }

    /// Installs a built plugin by the name of its folder.
    ///
    /// # Panics
    /// Where it is refused.
    #[track_caller]
    pub fn install(&self, name: &str) {
        self.run([OsStr::new("plugin"), OsStr::new("install"), plugin(name).as_os_str()]).ok();
    }

    /// Installs the demo connector and adds the backend `shop` over a demo shop.
    ///
    /// # Panics
    /// Where either is refused.
    #[track_caller]
    pub fn connect(&self, shop: &Shop) {
        self.install("demo");
        let token = format!("api_token=@{}", self.write("token", shop.token()).display());
        let url = format!("api_url={}", shop.url());
        self.run(["backend", "add", "shop", "--type", "demo", "--set", &url, "--secret", &token]).ok();
    }

    /// How many records a domain finds.
    ///
    /// # Panics
    /// Where the search fails.
    #[track_caller]
    pub fn count(&self, model: &str, domain: &str) -> u64 {
        let found = self.run(["record", "search", model, domain, "--limit", "1", "--json"]).ok().json();
        found["total"].as_u64().expect("a search tells the total")
    }

    /// Starts `bindery serve` and waits until it is ready.
    pub fn serve(&self) -> HostProcess {
        HostProcess::start(self.command())
    }
}

impl AsRef<Path> for Data {
    fn as_ref(&self) -> &Path {
        self.folder.path()
    }
}
