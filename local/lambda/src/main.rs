//! What `cargo lambda` runs in this workspace (an alias in `.cargo/config.toml`): cargo-lambda, with its development
//! server on loopback.
//!
//! cargo-lambda listens on every interface unless its command line says otherwise: its own configuration files cannot
//! change the address, because the default of its option overrides them. The development server takes commands for
//! `admin` without a password, so it must not be reachable from the network. `cargo lambda invoke` looks for the
//! server on `::1` by default and gets the same address. Everything else is passed on as it is.
//!
//! `API_PORT` and `DYNAMODB_PORT` are understood as `make dev` does.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const LOOPBACK: &str = "--invoke-address=127.0.0.1";

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let arguments = arguments(
        std::env::args_os().skip(1).collect(),
        std::env::var_os("API_PORT"),
    );
    let watches = arguments.first().is_some_and(|command| is_watch(command));

    let mut command = Command::new(program(&root));
    command.arg("lambda").args(arguments);
    if watches {
        // From a function's own folder it would serve that function alone, compiled once more with other features.
        command.current_dir(&root);
        command.envs(environment(|name| std::env::var(name).ok()));
    }
    let error = command.exec();
    eprintln!(
        "cannot run {}: {error}. Install cargo-lambda: `make dev` puts it into .venv, or `pip install cargo-lambda`",
        command.get_program().display()
    );
    ExitCode::FAILURE
}

/// The project's own cargo-lambda, else the one on the PATH.
fn program(root: &Path) -> PathBuf {
    let own = root.join(".venv/bin/cargo-lambda");
    if own.is_file() {
        own
    } else {
        PathBuf::from("cargo-lambda")
    }
}

fn is_watch(command: &OsStr) -> bool {
    command == "watch" || command == "start"
}

/// The arguments with what is missing for loopback, in front of everything that follows the subcommand.
fn arguments(mut given: Vec<OsString>, port: Option<OsString>) -> Vec<OsString> {
    let has = |long: &str, short: &str| {
        given
            .iter()
            .filter_map(|argument| argument.to_str())
            .any(|argument| {
                let short_form = argument.starts_with(short) && !argument.starts_with("--");
                argument == long || argument.starts_with(&format!("{long}=")) || short_form
            })
    };
    let local = match given.first() {
        Some(command) if is_watch(command) => true,
        Some(command) if command == "invoke" => !has("--remote", "-R"),
        _ => false,
    };
    if !local {
        return given;
    }
    let mut extra = Vec::new();
    if !has("--invoke-address", "-A") {
        extra.push(OsString::from(LOOPBACK));
    }
    if let Some(port) = port.filter(|port| !port.is_empty() && !has("--invoke-port", "-P")) {
        extra.extend([OsString::from("--invoke-port"), port]);
    }
    given.splice(1..1, extra);
    given
}

/// What other ports change for the functions, as far as it is not set.
fn environment(variable: impl Fn(&str) -> Option<String>) -> Vec<(&'static str, String)> {
    let from = |port: &str, name: &'static str| {
        // `cargo run` has set the defaults of `.cargo/config.toml` by now: only a port of one's own is news.
        let default = if port == "API_PORT" {
            "http://127.0.0.1:9000"
        } else {
            "http://127.0.0.1:8000"
        };
        let port = variable(port).filter(|port| !port.is_empty())?;
        let unset = variable(name).is_none_or(|value| value.is_empty() || value == default);
        unset.then(|| (name, format!("http://127.0.0.1:{port}")))
    };
    [
        from("API_PORT", "ISSUER"),
        from("DYNAMODB_PORT", "AWS_ENDPOINT_URL_DYNAMODB"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(given: &str, port: Option<&str>) -> String {
        let given = given.split_whitespace().map(OsString::from).collect();
        let all = arguments(given, port.map(OsString::from));
        all.join(OsStr::new(" ")).into_string().unwrap()
    }

    #[test]
    fn the_server_listens_on_loopback_unless_told_otherwise() {
        assert_eq!(run("watch", None), "watch --invoke-address=127.0.0.1");
        assert_eq!(run("start -v", None), "start --invoke-address=127.0.0.1 -v");
        assert_eq!(run("watch -A ::1", None), "watch -A ::1");
        assert_eq!(
            run("watch --invoke-address=::1", None),
            "watch --invoke-address=::1"
        );
        assert_eq!(
            run("watch", Some("9100")),
            "watch --invoke-address=127.0.0.1 --invoke-port 9100"
        );
        assert_eq!(
            run("watch -P 1", Some("9100")),
            "watch --invoke-address=127.0.0.1 -P 1"
        );
    }

    #[test]
    fn invoke_asks_where_the_server_listens() {
        assert_eq!(
            run("invoke admin --data-file a.json", None),
            "invoke --invoke-address=127.0.0.1 admin --data-file a.json"
        );
        assert_eq!(
            run("invoke --remote admin", Some("9100")),
            "invoke --remote admin"
        );
    }

    #[test]
    fn everything_else_is_passed_on() {
        assert_eq!(
            run("build --release --arm64", Some("9100")),
            "build --release --arm64"
        );
        assert_eq!(run("", None), "");
        assert_eq!(run("--version", None), "--version");
    }

    #[test]
    fn a_port_of_ones_own_reaches_the_functions() {
        let set = |name: &str| match name {
            "API_PORT" => Some("9100".to_owned()),
            "ISSUER" => Some("http://127.0.0.1:9000".to_owned()),
            "DYNAMODB_PORT" => Some("8100".to_owned()),
            "AWS_ENDPOINT_URL_DYNAMODB" => Some("http://elsewhere".to_owned()),
            _ => None,
        };
        assert_eq!(environment(set), [("ISSUER", "http://127.0.0.1:9100".to_owned())]);
        assert_eq!(environment(|_| None), []);
    }
}
