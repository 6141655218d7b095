//! The benchmark: `make bench`, or one part of it with `make bench BENCH=start`.

mod fill;
mod function;
mod hashing;
mod machine;
mod operations;
mod progress;
mod prune;
mod report;
mod requests;
mod scale;
mod sizes;
mod split;
mod stack;
mod start;
mod stats;
mod throttle;
mod tls;
mod work;

use std::process::ExitCode;

use report::Findings;
use testkit::{Outcome, root};
use tokio::time::Instant;

/// The parts, in the order in which they run.
const PARTS: [&str; 7] = ["start", "work", "requests", "hashing", "scale", "prune", "sizes"];

/// Holds the report of a full run, between two comments.
const REPORT: &str = "docs/benchmarks.md";

fn main() -> ExitCode {
    let asked: Vec<_> = std::env::args().skip(1).collect();
    let asked: Vec<_> = asked.iter().map(String::as_str).collect();
    let outcome = match asked.as_slice() {
        [prune::RUN] => prune::run().map_err(|error| error.to_string()),
        parts => measure(parts).map_err(|error| error.to_string()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThe benchmark failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(asked: &[&str]) -> Outcome<()> {
    if let Some(unknown) = asked.iter().find(|name| !PARTS.contains(name)) {
        return Err(format!("there is no part {unknown}: {}", PARTS.join(", ")).into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(asked))
}

async fn run(asked: &[&str]) -> Outcome<()> {
    let (machine, began) = (machine::describe(), Instant::now());
    let (mut findings, mut took) = (Findings::default(), Vec::new());
    for part in PARTS {
        if asked.is_empty() || asked.contains(&part) {
            let from = Instant::now();
            findings.extend(part_of(part).await.map_err(|error| format!("{part}: {error}"))?);
            took.push(format!("{part} {}", from.elapsed().as_secs()));
        }
    }
    progress::show("");
    let (seconds, took) = (began.elapsed().as_secs(), took.join(", "));
    let report = format!(
        "{machine}- measured in {seconds} s ({took})\n\n{}",
        findings.markdown()
    );
    println!("{report}");
    if asked.is_empty() { write(&report) } else { Ok(()) }
}

/// Replaces the previous report.
fn write(report: &str) -> Outcome<()> {
    const BEGIN: &str = "<!-- make bench -->\n";
    const END: &str = "<!-- end of make bench -->\n";
    let file = root().join(REPORT);
    let text = std::fs::read_to_string(&file)?;
    let parts = text
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.ok_or_else(|| format!("{REPORT} has no place for a report"))?;
    std::fs::write(&file, format!("{before}{BEGIN}\n{report}\n{END}{after}"))?;
    println!("written to {REPORT}");
    Ok(())
}

async fn part_of(name: &str) -> Outcome<Findings> {
    match name {
        "start" => start::run().await,
        "work" => work::run().await,
        "requests" => requests::run().await,
        "hashing" => hashing::run().await,
        "scale" => scale::run().await,
        "prune" => prune::benchmark().await,
        "sizes" => sizes::run(),
        other => Err(format!("{other} is not implemented").into()),
    }
}
