//! The `drydock` command. All work is in the library, so that tests can embed it; see `cli`.

use drydock::cli::{parsed, run};
use std::io::IsTerminal;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// A connect makes and drops some hundreds of small objects, in one thread and another: glibc's allocator takes twice as long.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // What the gateway keeps (keys, state, objects, what functions write) and what the other commands write is its owner's alone.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let cli = parsed();
    // Warnings go to standard error; `RUST_LOG` asks for more. What happens to devices is told on standard output.
    // Of the TLS library only errors: it warns of each client that calls the server by its address. Of S3's nothing: what it
    // refuses is an error to it, and the client is told.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,rustls=error,s3s=off"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| drydock_host::shown::Writer(std::io::stderr()))
        .with_ansi(colours)
        .with_target(false)
        // It would tell of a line that cannot be written by a line in the same place, and panic where that fails: with a full
        // disk the thread that keeps the state would be gone.
        .log_internal_errors(false)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("drydock: the async runtime cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(run(cli));
    // A blocked console read or a stuck child must not hold the process once everything was stopped in order.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    code
}
