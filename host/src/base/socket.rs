//! Addresses of Unix sockets, which the kernel limits to 107 bytes whatever the file system allows. It opens none.

use std::{
    fs::File,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
};

const LIMIT: usize = 107;

/// A socket's path in a form that the kernel takes: itself, or by way of its directory held open.
#[derive(Debug)]
pub struct Address {
    path: PathBuf,
    _directory: Option<File>,
}

impl Address {
    /// The address of a path. Fails where the path is long and its directory can't be opened.
    pub fn new(path: &Path) -> std::io::Result<Self> {
        if path.as_os_str().len() <= LIMIT {
            return Ok(Self { path: path.to_owned(), _directory: None });
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(std::io::ErrorKind::InvalidInput.into());
        };
        let directory = File::open(parent)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name);
        Ok(Self { path, _directory: Some(directory) })
    }

    /// What to bind or to connect to, while this lives.
    pub fn as_path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_may_lie_deep() {
        let root = tempfile::tempdir().expect("a directory");
        let deep = root.path().join("d".repeat(120));
        std::fs::create_dir(&deep).expect("made");
        let path = deep.join("bindery.sock");
        let listener = std::os::unix::net::UnixListener::bind(Address::new(&path).expect("address").as_path());
        let stream = std::os::unix::net::UnixStream::connect(Address::new(&path).expect("address").as_path());
        assert!(listener.is_ok() && stream.is_ok() && path.exists());
    }
}
