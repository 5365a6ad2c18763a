//! The `setai` command.

/// Reading manifests and guilds makes and drops many small pieces: a fifth of a visit's time was the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    setai::cli::main()
}
