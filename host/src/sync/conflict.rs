//! Both sides may have changed since they were last in step: whose change stands. The only place where that is decided,
//! before anything is written or sent.
//!
//! Where only one side changed, that side stands. Where both did, what is imported wins over ours.

use super::{digest::Hash, step, target::Target};
use crate::{backend::Export, record::Binding};

/// What is done about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// Theirs is written here.
    Theirs,
    /// Ours is sent there.
    Ours,
}

/// An import brings a record that is bound; `theirs` is the digest of its payload.
pub fn on_import(target: &Target, theirs: Hash, binding: &Binding) -> Stands {
    let is_ours_changed = binding.record.is_some() && binding.record_version != binding.current_version;
    let is_theirs_changed = binding.payload_hash != Some(theirs) || binding.map_fingerprint != Some(target.fingerprint);
    match (is_ours_changed, is_theirs_changed) {
        // It is about to be sent, and not brought back to what it was.
        (true, false) if is_sent(target, binding) => Stands::Ours,
        _ => Stands::Theirs,
    }
}

/// An export is about to send a change of ours.
pub fn before_send(_: &Target, _: Option<&Binding>) -> Stands {
    Stands::Ours
}

/// Whether a change of ours is sent by itself.
fn is_sent(target: &Target, binding: &Binding) -> bool {
    step::exports(&target.declared)
        && target.session.business.export(target.name()) != Export::None
        && !binding.no_export
        && binding.record_version.is_some()
}
