//! Ids of records that are asked for and not yet written: numbers that nothing else has. What one stands for is known
//! to whoever gave it.

/// The first one. Below 2^52, so that JSON readers of every kind keep it exactly, and far from every number that means
/// something.
pub const FIRST: i64 = -(1 << 52);
/// The last one that JSON readers with floating point numbers keep exactly.
pub const LAST: i64 = -(1 << 53) + 1;

/// Whether an id is a temporary one.
pub fn is_temporary(id: i64) -> bool {
    (LAST..=FIRST).contains(&id)
}
