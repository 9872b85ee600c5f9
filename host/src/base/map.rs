//! Maps and sets for what is looked up with every record. Their hash is fast and seeded at each start, but weaker against
//! keys made to collide than the standard one: keys of a hostile sender go into the standard maps.

use std::collections::{HashMap, HashSet};

/// A map for hot look-ups.
pub type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// A set for hot look-ups.
pub type Set<K> = HashSet<K, foldhash::fast::RandomState>;
