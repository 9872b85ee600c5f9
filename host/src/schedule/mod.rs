//! Schedules: what is enqueued by itself at times that an operator has set. Nothing is scheduled until somebody does.
//!
//! A schedule keeps the job that it enqueues as data: this room knows no kind of job and runs none. Its next time is
//! stored, and moves in the transaction that enqueues the job, so that no time has two jobs, whatever is killed.

pub mod clock;
pub mod error;
pub mod keep;
pub mod plan;
pub mod timetable;

pub use clock::{follow, tick};
pub use error::{CODES, Error};
pub use keep::{all, enqueue_now, find, pause, remove, resume, set};
pub use timetable::Timetable;
