//! Faults on demand: a connector that misbehaves in every way a host must bear.
