//! What a worker gives up before it runs any plugin code: taken on its only thread, so that every later thread has it.
//!
//! It never fails the start: what the kernel does not offer is reported, and the operator sees it in the status.
#![allow(unsafe_code, reason = "limits of the process are set by system calls")]

/// What holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sandbox {
    /// Each protection with whether it holds.
    pub protections: Vec<(String, bool)>,
}

/// Takes the limits. Memory is not limited here: address space is no measure of it once there are threads.
pub(super) fn enter() -> Sandbox {
    let mut protections = vec![
        ("no core dumps".to_owned(), limit(libc::RLIMIT_CORE, 0)),
        ("at most 256 open files".to_owned(), limit(libc::RLIMIT_NOFILE, 256)),
        ("no files larger than 64 MB".to_owned(), limit(libc::RLIMIT_FSIZE, 64 << 20)),
    ];
    // SAFETY: takes integers only; afterwards no program started from here can gain rights.
    let no_new = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } == 0;
    protections.push(("no new privileges".to_owned(), no_new));
    // SAFETY: takes integers only; keeps other processes of the same user from reading this one's memory.
    let private = unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) } == 0;
    protections.push(("memory not readable by others".to_owned(), private));
    Sandbox { protections }
}

fn limit(resource: libc::__rlimit_resource_t, most: libc::rlim_t) -> bool {
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: `limit` is a valid structure that the call only reads.
    unsafe { libc::setrlimit(resource, &raw const limit) == 0 }
}
