//! The benchmarks, each a subcommand: `make bench BENCH=prune`.

mod prune;

use std::process::ExitCode;

const USAGE: &str = "usage: bench prune   pruning the audit trail of a large table";

fn main() -> ExitCode {
    let argument = std::env::args().nth(1).unwrap_or_default();
    let outcome = match argument.as_str() {
        "prune" => prune::benchmark(),
        prune::RUN => prune::run(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
