//! Where the demo plays: a directory of its own, the command line on it, and the host as a program to be killed.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use super::show;
use crate::place;

/// A directory of the demo's own, and the command line on it.
pub(super) struct Stage {
    pub(super) folder: PathBuf,
    bindery: PathBuf,
}

impl Stage {
    pub(super) fn fresh(bindery: PathBuf) -> Result<Self, String> {
        let folder = place::target().join("demo");
        // Nothing to remove at the first run.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        Ok(Self { folder, bindery })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.bindery);
        command.args(arguments).current_dir(&self.folder);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("BINDERY_")) {
            command.env_remove(name);
        }
        command.env("BINDERY_DATA", self.folder.join("data")).env("XDG_CONFIG_HOME", self.folder.join("config"));
        command
    }

    /// Shows a command and lets it speak.
    pub(super) fn bindery(&self, arguments: &[&str]) -> Result<(), String> {
        show(&arguments.join(" "));
        let status = self.command(arguments).status().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("`bindery {}` ended with {status}", arguments.join(" "))) }
    }

    pub(super) fn answer(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command(arguments).stderr(Stdio::inherit()).output().map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    pub(super) fn serve(&self) -> Result<Program, String> {
        show("serve &");
        let mut child = self.command(&["serve"]).stderr(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("the host has no output")?);
        let mut said = String::new();
        while !said.contains("ready") {
            if lines.read_line(&mut said).map_err(|error| error.to_string())? == 0 {
                return Err(format!("the host did not start\n{said}"));
            }
        }
        let mut log = fs::File::create(self.folder.join("host.log")).map_err(|error| error.to_string())?;
        std::thread::spawn(move || std::io::copy(&mut lines, &mut log));
        Ok(Program(child))
    }
}

/// A program that ends with the demo.
pub(super) struct Program(pub(super) Child);

impl Program {
    pub(super) fn kill(mut self) -> Result<(), String> {
        self.0.kill().and_then(|()| self.0.wait()).map(drop).map_err(|error| error.to_string())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
