//! What a command answered.

use std::process::Output;

use serde_json::Value;

/// Exit code and both outputs.
#[derive(Debug)]
pub struct Answer {
    /// 0 done, 1 failed, 2 usage; none where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Answer {
    /// Runs a command to its end.
    ///
    /// # Panics
    /// Where it can't be started.
    pub fn of(mut command: std::process::Command) -> Self {
        command.stdin(std::process::Stdio::null());
        Self::new(command.output().expect("the binary can be started"))
    }

    pub(crate) fn new(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Expects success.
    ///
    /// # Panics
    /// Where the command failed, with what it said.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "the command failed\n{}\n{}", self.out, self.err);
        self
    }

    /// Expects a failure with this code, and gives what was said on standard error.
    ///
    /// # Panics
    /// Where the command ended otherwise.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "the command ended otherwise\n{}\n{}", self.out, self.err);
        format!("{}{}", self.err, self.out)
    }

    /// The answer of a command with `--json`.
    ///
    /// # Panics
    /// Where standard output is not one JSON value.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON: {error}\n{}\n{}", self.out, self.err))
    }
}
