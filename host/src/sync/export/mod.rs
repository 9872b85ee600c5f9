//! Export: what we change arrives outside, once, and never echoes.
//!
//! The outbox's reader folds changes into what is due for each backend, kind and record; a job takes what is due, has the
//! connector map it, sends it, and takes the answer in through `apply`, so that the next import finds nothing new. A
//! create is preceded by a durable intent. Nothing here reads SQL or keeps state of its own but the locks on records.

mod answer;
mod batch;
pub mod bounce;
pub mod catch_up;
mod creation;
pub(in crate::sync) mod decide;
mod deletion;
pub mod due;
mod exporter;
mod extend;
mod gather;
pub mod hold;
mod intent;
pub mod kind;
mod lines;
mod look;
mod mark;
pub(in crate::sync) mod orphan;
mod ours;
pub mod outcome;
mod prepare;
mod preview;
pub(in crate::sync) mod reader;
pub(in crate::sync) mod record;
pub mod run;
pub mod select;
mod send;
mod sending;
mod taking;
pub mod wait;
mod whole;
