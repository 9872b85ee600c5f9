//! Write Bindery connectors.
