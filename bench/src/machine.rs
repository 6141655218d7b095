//! The machine, the versions and the date.

use std::process::Command;

use shared::domain::clock::Clock;

/// The dependencies whose versions matter most.
const DEPENDENCIES: [&str; 7] = [
    "lambda_http",
    "aws-sdk-dynamodb",
    "rustls",
    "aws-lc-rs",
    "jsonwebtoken",
    "argon2",
    "dynoxide-rs",
];

/// A list for the top of the report.
pub fn describe() -> String {
    let commit = run("git", &["rev-parse", "--short=12", "HEAD"]);
    let changes = run("git", &["status", "--porcelain", "--untracked-files=no"]);
    let note = if changes.is_empty() {
        ""
    } else {
        ", with changes that are not committed"
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let versions: Vec<_> = DEPENDENCIES
        .iter()
        .map(|name| format!("{name} {}", locked(name)))
        .collect();
    format!(
        "- {}, commit {commit}{note}\n- {}, {cores} cores, {}, load at the start {}\n- {}\n- {}\n",
        Clock::system().now(),
        processor(),
        run("uname", &["-sm"]),
        load(),
        run("rustc", &["--version"]),
        versions.join(", "),
    )
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    model
        .map_or("processor unknown", |model| {
            model.trim_start_matches([' ', '\t', ':'])
        })
        .to_owned()
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

fn locked(name: &str) -> String {
    let lock = std::fs::read_to_string(testkit::root().join("Cargo.lock")).unwrap_or_default();
    let version = lock.split(&format!("name = \"{name}\"\nversion = \"")).nth(1);
    version
        .and_then(|rest| rest.split('"').next())
        .unwrap_or("?")
        .to_owned()
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(testkit::root())
        .output();
    output.map_or_else(
        |error| format!("({program}: {error})"),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
