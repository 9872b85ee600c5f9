//! The `bindery` program.

use std::process::ExitCode;

use bindery::{app::Program, cli};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run(&Program)
}
