//! The command `netglass`.

fn main() -> std::process::ExitCode {
    netglass::cli::main()
}
