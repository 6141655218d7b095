//! `cargo lambda watch` as a child of this process.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::error::Error;
use crate::project::Route;
use crate::settings::Settings;
use crate::{http, process};

const START: Duration = Duration::from_mins(5);
/// The first request may wait for a compilation.
const FIRST_ANSWER: Duration = Duration::from_mins(5);

/// A running `cargo lambda watch`.
#[derive(Debug)]
pub(crate) struct Watch(Child);

impl Watch {
    /// Starts it in its own process group: Ctrl-C reaches only this process, which then stops it gracefully.
    pub(crate) fn start(settings: &Settings) -> Result<Self, Error> {
        process::adopt_orphans()?;
        let failed = |source| Error::Process {
            action: "starting cargo lambda watch",
            source,
        };
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command
            .arg(process::AS_CHILD)
            .arg(std::process::id().to_string())
            .arg(program(settings))
            .args([
                "lambda",
                "watch",
                "--invoke-address",
                "127.0.0.1",
                "--invoke-port",
            ])
            .arg(settings.api_port.to_string())
            .envs(settings.for_functions().iter().map(|(name, value)| (name, value)))
            .current_dir(&settings.root)
            .stdin(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        // Otherwise cargo-lambda and cargo report every start of every instance. Errors are still shown.
        for (name, value) in [("RUST_LOG", "cargo_lambda=warn"), ("CARGO_TERM_QUIET", "true")] {
            if std::env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        Ok(Self(command.spawn().map_err(failed)?))
    }

    /// Waits until it listens.
    pub(crate) async fn ready(settings: &Settings) -> Result<(), Error> {
        let port = settings.api_port;
        if http::wait_until_listening(port, START).await {
            return Ok(());
        }
        Err(Error::WatchSilent {
            port,
            seconds: START.as_secs(),
        })
    }

    /// Returns when it exits by itself.
    pub(crate) async fn ended(&mut self) -> Result<ExitStatus, Error> {
        self.0.wait().await.map_err(|source| Error::Process {
            action: "waiting for cargo lambda watch",
            source,
        })
    }

    /// Stops it and all functions.
    pub(crate) async fn stop(self) {
        process::end(self.0).await;
    }
}

/// [`Error::PortTaken`] if the API's port is in use: cargo-lambda would report it only amid its output.
pub(crate) async fn check_port(settings: &Settings) -> Result<(), Error> {
    let (port, variable) = (settings.api_port, "API_PORT");
    let taken = Error::PortTaken {
        port,
        purpose: "the API",
        variable,
    };
    // Some systems let us bind a port that a wildcard address holds.
    if http::listens(port).await {
        return Err(taken);
    }
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Err(taken),
        Err(source) => Err(Error::Listen {
            port,
            variable,
            source,
        }),
    }
}

/// Sends each function a request that changes nothing, so that it runs before the first user comes. Returns what is
/// wrong with any of them.
///
/// One at a time: concurrent requests would wait for cargo's locks and start each function several times.
pub(crate) async fn warm_up(settings: &Settings, routes: &[Route]) -> Vec<String> {
    let mut problems = Vec::new();
    for Route {
        path,
        method,
        function,
    } in routes
    {
        match timeout(
            FIRST_ANSWER,
            http::status(settings.api_port, method, &fill_in(path), "{}"),
        )
        .await
        {
            Ok(Ok(status)) if status < 500 => {}
            Ok(Ok(status)) => problems.push(format!("{function} answers with status {status}: see above")),
            Ok(Err(error)) => problems.push(format!("{function} does not answer: {error}")),
            Err(_) => problems.push(format!(
                "{function} has not answered in {} s",
                FIRST_ANSWER.as_secs()
            )),
        }
    }
    problems
}

/// A path with a harmless value for each parameter.
fn fill_in(path: &str) -> String {
    let segment = |segment: &str| {
        let parameter = segment.starts_with('{');
        if parameter {
            "00000000-0000-0000-0000-000000000000".to_owned()
        } else {
            segment.to_owned()
        }
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// The project's cargo-lambda, else the one on the PATH.
fn program(settings: &Settings) -> PathBuf {
    let own = settings.root.join(".venv/bin/cargo-lambda");
    if own.is_file() {
        own
    } else {
        PathBuf::from("cargo-lambda")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_a_path_are_filled_in() {
        assert_eq!(
            fill_in("/a/{session_id}/b"),
            "/a/00000000-0000-0000-0000-000000000000/b"
        );
        assert_eq!(fill_in("/.well-known/jwks.json"), "/.well-known/jwks.json");
    }
}
