//! One instance of a function, started as Lambda starts it.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tokio::time::{Instant, timeout};

use crate::{
    Outcome,
    runtime_api::{Act, RuntimeApi},
};

/// How long an instance may take for anything.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the release binaries are.
pub fn binary(name: &str) -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| crate::root().join("target"), PathBuf::from);
    target.join("release").join(name)
}

/// The names of all functions.
///
/// # Errors
///
/// When `functions/` cannot be read.
pub fn all() -> Outcome<Vec<String>> {
    let mut names = Vec::new();
    for folder in std::fs::read_dir(crate::root().join("functions"))? {
        names.push(folder?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// From the start of `binary` to its end when nothing tells it what to work with: making the process, loading and linking
/// the program, and the first look at its configuration.
///
/// # Errors
///
/// When it cannot be started, or does not end with an error.
pub fn refusal(binary: &Path) -> Outcome<Duration> {
    let mut command = Command::new(binary);
    let command = command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let started = Instant::now();
    let status = command.spawn()?.wait()?;
    if status.success() {
        return Err(format!("{} has nothing to work with and is content", binary.display()).into());
    }
    Ok(started.elapsed())
}

/// A running instance that has asked for its first event. It is killed when dropped.
#[derive(Debug)]
pub struct Function {
    api: RuntimeApi,
    process: Child,
    log: PathBuf,
    started: Instant,
    /// From the start of the process to its first poll.
    pub first_poll: Duration,
}

/// An answer and how long it took, as the Runtime API sees it.
#[derive(Debug)]
pub struct Answered {
    /// From handing over the event to the answer.
    pub took: Duration,
    /// API Gateway's form of the response.
    pub response: Value,
}

impl Function {
    /// Starts `binary` with these variables and no others than Lambda's own, and waits for its first poll.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or ends or fails before it polls; the error shows its log.
    pub async fn start(binary: &Path, variables: &[(String, String)], logs: &Path) -> Outcome<Self> {
        let api = RuntimeApi::start().await?;
        let name = binary
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let log = logs.join(format!("{name}.log"));
        let mut command = Command::new(binary);
        command
            .env_clear()
            .envs(lambda_variables(&api.address()))
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(Stdio::inherit());
        let started = Instant::now();
        let process = command.spawn().map_err(|error| {
            format!(
                "{} cannot be started: {error}. `make bench` builds it",
                binary.display()
            )
        })?;
        let mut function = Self {
            api,
            process,
            log,
            started,
            first_poll: Duration::ZERO,
        };
        match function.next_act().await? {
            Act::Polled(at) => function.first_poll = at - started,
            other => return Err(function.unexpected(&other)),
        }
        Ok(function)
    }

    /// Hands over an event and waits for its answer and for the next poll.
    ///
    /// # Errors
    ///
    /// When the instance fails instead.
    pub async fn invoke(&mut self, event: &str) -> Outcome<Answered> {
        let sent = Instant::now();
        self.api.send(event);
        let answered = match self.next_act().await? {
            Act::Answered(at, body) => Answered {
                took: at - sent,
                response: serde_json::from_str(&body)?,
            },
            other => return Err(self.unexpected(&other)),
        };
        match self.next_act().await? {
            Act::Polled(_) => Ok(answered),
            other => Err(self.unexpected(&other)),
        }
    }

    /// From the start of the process until then.
    pub fn since_start(&self, then: Instant) -> Duration {
        then.saturating_duration_since(self.started)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The processor time that its threads have used: precise, and no matter how busy the machine is.
    ///
    /// # Errors
    ///
    /// When the system does not tell (Linux only).
    pub fn cpu(&self) -> Outcome<Duration> {
        let mut nanoseconds = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.pid()))? {
            let schedstat = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            let first = schedstat.split(' ').next().unwrap_or_default();
            nanoseconds += first.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// The most memory that was ever resident, in bytes.
    ///
    /// # Errors
    ///
    /// When the system does not tell (Linux only).
    pub fn peak_memory(&self) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line
            .and_then(|line| line.split_whitespace().next())
            .ok_or("no VmHWM")?;
        Ok(kib.parse::<u64>()? * 1024)
    }

    async fn next_act(&mut self) -> Outcome<Act> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Ok(act) = timeout(Duration::from_millis(500), self.api.next_act()).await {
                return act;
            }
            if let Some(status) = self.process.try_wait()? {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                return Err(format!("it ended ({status}). Its log:\n{log}").into());
            }
        }
        Err("it did nothing for a minute".into())
    }

    fn unexpected(&self, act: &Act) -> crate::Failure {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        match act {
            Act::Failed(error) => format!("it failed: {error}. Its log:\n{log}").into(),
            Act::Polled(_) | Act::Answered(..) => format!("it answered out of turn. Its log:\n{log}").into(),
        }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What Lambda itself sets, as far as the runtime and the SDK read it.
fn lambda_variables(runtime_api: &str) -> [(&'static str, &str); 13] {
    [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
        ("_HANDLER", "bootstrap"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "ASIABENCH"),
        ("AWS_SECRET_ACCESS_KEY", "bench"),
        ("AWS_SESSION_TOKEN", "bench"),
    ]
}
