//! The program put together: what is opened in which order, what runs where, and how it ends. It is the only room that
//! knows all the others, and holds no logic of theirs.

mod directory;
mod error;
mod maintenance;
mod program;
mod start;
mod upkeep;

use crate::{api, backend, base::Code, cli, operation, plugin, queue, record, schedule, security, storage, sync};

pub use error::{CODES, Error};
pub use program::Program;
pub use start::{Mode, Options, Running, start};

/// Every code of the product, room by room.
pub fn codes() -> Vec<&'static Code> {
    let rooms = [
        CODES,
        api::CODES,
        backend::CODES,
        cli::CODES,
        operation::CODES,
        plugin::CODES[0],
        plugin::CODES[1],
        plugin::CODES[2],
        queue::CODES,
        record::CODES,
        schedule::CODES,
        security::CODES,
        storage::CODES,
        sync::CODES,
    ];
    rooms.into_iter().flatten().collect()
}
