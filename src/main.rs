//! The `setai` command.

fn main() -> std::process::ExitCode {
    setai::cli::main()
}
