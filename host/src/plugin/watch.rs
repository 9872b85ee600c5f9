//! A folder of plugin files that is watched: names each file that is new or was changed, once it is quiet.
//!
//! It only names files. Reading, checking and loading them is done as for any other; a file that equals the one that
//! serves changes nothing, so naming one too often does no harm. A file that goes away means nothing.

use std::{
    collections::HashMap,
    ffi::OsStr,
    path::{Path, PathBuf},
    time::Duration,
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use tokio::{sync::mpsc, time::Instant};

use super::Error;

/// How long a file must be left alone: builds and copies write in several steps.
const QUIET: Duration = Duration::from_millis(200);

/// A watched folder.
pub struct Watch {
    folder: PathBuf,
    events: mpsc::UnboundedReceiver<Told>,
    /// Files that changed, and when they will have been quiet for long enough.
    waiting: HashMap<PathBuf, Instant>,
    _watcher: RecommendedWatcher,
}

enum Told {
    Files(Vec<PathBuf>),
    /// Events were lost: every file may have changed.
    Lost,
}

impl Watch {
    /// Watches a folder. The files that are there already count as new.
    pub fn folder(folder: &Path) -> Result<Self, Error> {
        let unwatchable = |reason: &dyn std::fmt::Display| Error::Unwatchable {
            folder: folder.display().to_string(),
            reason: reason.to_string(),
        };
        // Symbolic links are followed once, so that a file has one name whatever the events call it.
        let folder = folder.canonicalize().map_err(|error| unwatchable(&error))?;
        let (sender, events) = mpsc::unbounded_channel();
        let told = move |event: notify::Result<Event>| {
            // Whoever listened is gone: nobody wants to know.
            let _ = sender.send(event.map_or(Told::Lost, |event| read(&event)));
        };
        let mut watcher = notify::recommended_watcher(told).map_err(|error| unwatchable(&error))?;
        watcher.watch(&folder, RecursiveMode::NonRecursive).map_err(|error| unwatchable(&error))?;
        let mut watch = Self { folder, events, waiting: HashMap::new(), _watcher: watcher };
        watch.take(Told::Lost);
        Ok(watch)
    }

    /// The next file that changed and is quiet. Never ends by itself.
    pub async fn changed(&mut self) -> PathBuf {
        loop {
            let next = self.waiting.iter().min_by_key(|(path, at)| (**at, (*path).clone()));
            let next = next.map(|(path, at)| (path.clone(), *at));
            let quiet = async {
                match &next {
                    Some((_, at)) => tokio::time::sleep_until(*at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some(told) = self.events.recv() => self.take(told),
                () = quiet => {
                    if let Some((path, _)) = next {
                        self.waiting.remove(&path);
                        return path;
                    }
                }
            }
        }
    }

    fn take(&mut self, told: Told) {
        let files = match told {
            Told::Files(files) => files,
            Told::Lost => std::fs::read_dir(&self.folder)
                .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
                .unwrap_or_default(),
        };
        let at = Instant::now() + QUIET;
        for file in files {
            let is_library = file.extension() == Some(OsStr::new("so"));
            if is_library && file.is_file() {
                self.waiting.insert(file, at);
            } else {
                self.waiting.remove(&file);
            }
        }
    }
}

fn read(event: &Event) -> Told {
    match event.kind {
        _ if event.need_rescan() => Told::Lost,
        // Being read is no change; being closed after a write is one.
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Told::Files(event.paths.clone()),
        EventKind::Access(_) => Told::Files(Vec::new()),
        _ => Told::Files(event.paths.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &Path) -> String {
        path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    #[tokio::test]
    async fn files_there_and_written_copied_or_moved_in_are_named_once_each() {
        let folder = tempfile::tempdir().expect("a folder");
        let other = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("a.so"), "1").expect("written");
        std::fs::write(at("note.txt"), "1").expect("written");
        let mut watch = Watch::folder(folder.path()).expect("it is there");
        assert_eq!(named(&watch.changed().await), "a.so");
        std::fs::write(at("b.so"), "1").expect("written");
        std::fs::write(at("b.so"), "12").expect("written again at once");
        assert_eq!(named(&watch.changed().await), "b.so");
        std::fs::write(other.path().join("c.part"), "1").expect("written");
        std::fs::rename(other.path().join("c.part"), at("c.so")).expect("moved");
        assert_eq!(named(&watch.changed().await), "c.so");
        // As cargo does: removed, then linked.
        std::fs::remove_file(at("c.so")).expect("removed");
        std::fs::write(other.path().join("built"), "2").expect("written");
        std::fs::hard_link(other.path().join("built"), at("c.so")).expect("linked");
        assert_eq!(named(&watch.changed().await), "c.so");
        std::fs::remove_file(at("a.so")).expect("removed");
        std::fs::write(at("d.so"), "1").expect("written");
        assert_eq!(named(&watch.changed().await), "d.so", "what was removed is not named");
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let error = Watch::folder(Path::new("/nowhere/at/all")).err().expect("it is not there");
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
