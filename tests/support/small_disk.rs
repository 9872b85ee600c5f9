//! A disk on which little fits, until it is given more room: a small file system of its own where this process may mount
//! one, else a limit on the size of files, which any user may set and lift. Both refuse a write in the middle of a file.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{data::Data, process::HostProcess};

/// Bytes of the whole file system: emptied, it must hold two copies of the connector, the database of the test, and the
/// log of the store at its largest, which is never given back.
const DISK_BYTES: usize = 256 << 20;
/// Bytes that are left on it once it is filled; each start of a host takes 12 MB for its copy of the connector.
const LEFT_BYTES: usize = 24 << 20;
/// Bytes of a file where files are limited; the connector fits.
const FILE_BYTES: usize = 16 << 20;

/// A small disk with a data directory on it.
pub struct SmallDisk {
    // Before the mount: it is removed first.
    data: Data,
    mount: Option<Mount>,
}

impl SmallDisk {
    /// A file system of its own. Where this user may not mount one, files are limited.
    pub fn mounted() -> Self {
        match Mount::new() {
            Some(mount) => Self { data: Data::within(&mount.path()), mount: Some(mount) },
            None => Self::limited(),
        }
    }

    /// The disk of the machine, where processes may write files of a limited size only.
    pub fn limited() -> Self {
        Self { data: Data::new(), mount: None }
    }

    /// The data directory on it.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Leaves little room, for processes that start from now on.
    ///
    /// # Panics
    /// Where less than that is left already.
    pub fn fill(&self) {
        let Some(mount) = &self.mount else { return };
        let mut ballast = File::create(mount.ballast()).expect("there is room");
        let used = used(&mount.path());
        let chunk = vec![7_u8; DISK_BYTES.checked_sub(used + LEFT_BYTES).expect("it is nearly empty")];
        ballast.write_all(&chunk).and_then(|()| ballast.sync_all()).expect("so much room is left");
    }

    /// A command on the data directory that finds little room.
    pub fn command(&self) -> Command {
        let command = self.data.command();
        if self.mount.is_some() {
            return command;
        }
        let blocks = FILE_BYTES / 512;
        let mut limited = Command::new("sh");
        limited.arg("-c").arg(format!("trap '' XFSZ; ulimit -S -f {blocks}; exec \"$@\"")).arg("sh");
        limited.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => limited.env(name, value),
                None => limited.env_remove(name),
            };
        }
        limited.current_dir(command.get_current_dir().expect("commands have a place"));
        limited
    }

    /// Starts a host that finds little room.
    pub fn serve(&self) -> HostProcess {
        HostProcess::start(self.command())
    }

    /// Makes room, for a process that runs, too.
    ///
    /// # Panics
    /// Where it can't be made.
    pub fn free(&self, host: Option<&HostProcess>) {
        match (&self.mount, host) {
            (Some(mount), _) => std::fs::remove_file(mount.ballast()).expect("it was filled"),
            (None, Some(host)) => {
                let mut lift = Command::new("prlimit");
                lift.arg("--pid").arg(host.id().to_string()).arg("--fsize=unlimited");
                assert!(lift.status().is_ok_and(|status| status.success()), "the limit can be lifted");
            }
            (None, None) => {}
        }
    }
}

struct Mount(tempfile::TempDir);

impl Mount {
    fn new() -> Option<Self> {
        let place = tempfile::tempdir().expect("a temporary folder can be made");
        let size = format!("size={DISK_BYTES}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "bindery-test"]).arg(place.path()).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Self(place))
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a process of a failed test may still be there.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn used(directory: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => used(&entry.path()),
        Ok(metadata) => usize::try_from(metadata.len()).unwrap_or(usize::MAX),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}
