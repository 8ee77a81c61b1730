//! The program.

fn main() -> std::process::ExitCode {
    brig::cli::main()
}
