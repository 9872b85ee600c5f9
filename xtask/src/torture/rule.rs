//! What the luck of a run decides before it begins: whose change stands where both sides changed the same, and whether
//! deletions travel.

/// The rules of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    /// The setting `conflict`.
    pub(super) conflict: &'static str,
    /// Whether records are deleted, on both sides, and what is deleted on one goes on the other.
    pub(super) deletes: bool,
}

impl Rules {
    pub(super) fn draw(random: &mut fastrand::Rng) -> Self {
        let conflict = random.choice(["remote", "local", "newest"]).unwrap_or("remote");
        Self { conflict, deletes: random.bool() }
    }

    /// The backend's settings.
    pub(super) fn settings(self) -> Vec<String> {
        let mut settings = vec![format!("conflict={}", self.conflict)];
        if self.deletes {
            let all = ["remote_deletion=delete", "local_deletion=delete", "missing_remotely=unbind"];
            settings.extend(all.map(str::to_owned));
        }
        settings
    }
}

impl std::fmt::Display for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let deletes = if self.deletes { "deletions travel" } else { "nothing is deleted" };
        write!(f, "conflict={}, {deletes}", self.conflict)
    }
}
