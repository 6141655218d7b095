//! One instance of a function as a separate process, started like Lambda starts it.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::time::{Instant, timeout};

use crate::{
    outcome::{Failure, Outcome},
    runtime_api::{Act, RuntimeApi},
};

/// How long an instance may take for any one thing, on however busy a machine.
const MAX_WAIT: Duration = Duration::from_mins(10);

/// A running instance that has asked for its first event. It is killed when dropped.
#[derive(Debug)]
pub struct FunctionProcess {
    api: RuntimeApi,
    process: Child,
    log: NamedTempFile,
    started: Instant,
    /// From the start of the process to its first poll.
    pub first_poll: Duration,
}

/// An answer and how long it took, as seen by the Runtime API.
#[derive(Debug)]
pub struct Answered {
    /// From sending the event to the answer.
    pub took: Duration,
    /// The function's answer: for an API, API Gateway's form of the response.
    pub response: Value,
}

impl FunctionProcess {
    /// Starts `binary` with only these variables and Lambda's own, and waits for its first poll.
    ///
    /// # Errors
    ///
    /// If it cannot be started, or exits or fails before it polls; the error shows its log.
    pub async fn start(binary: &Path, variables: &[(String, String)]) -> Outcome<Self> {
        let api = RuntimeApi::start().await?;
        let log = NamedTempFile::new()?;
        let mut command = Command::new(binary);
        command
            .env_clear()
            .envs(lambda_variables(&api.address()))
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.reopen()?)
            .stderr(Stdio::inherit());
        let started = Instant::now();
        let process = command
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", binary.display()))?;
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

    /// Sends an event, then waits for its answer and for the next poll.
    ///
    /// # Errors
    ///
    /// If the instance fails or exits instead.
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

    /// Sends `SIGKILL`: the instance cannot react.
    ///
    /// # Errors
    ///
    /// If it cannot be killed.
    pub fn kill(&mut self) -> Outcome<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Its log output.
    ///
    /// # Errors
    ///
    /// If the log is not UTF-8.
    pub fn log(&self) -> Outcome<String> {
        Ok(std::fs::read_to_string(self.log.path())?)
    }

    /// Time from the process start to `then`.
    #[must_use]
    pub fn since_start(&self, then: Instant) -> Duration {
        then.saturating_duration_since(self.started)
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The processor time its threads have used: precise, no matter how busy the machine is.
    ///
    /// # Errors
    ///
    /// If the system does not tell (Linux only).
    pub fn cpu(&self) -> Outcome<Duration> {
        let mut nanoseconds = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.pid()))? {
            let schedstat = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            let first = schedstat.split(' ').next().unwrap_or_default();
            nanoseconds += first.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// The peak resident memory, in bytes.
    ///
    /// # Errors
    ///
    /// If the system does not tell (Linux only).
    pub fn peak_memory(&self) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line
            .and_then(|line| line.split_whitespace().next())
            .ok_or("no VmHWM")?;
        Ok(kib.parse::<u64>()? * 1024)
    }

    async fn next_act(&mut self) -> Outcome<Act> {
        let deadline = Instant::now() + MAX_WAIT;
        while Instant::now() < deadline {
            if let Ok(act) = timeout(Duration::from_millis(500), self.api.next_act()).await {
                return act;
            }
            if let Some(status) = self.process.try_wait()? {
                return Err(self.with_log(&format!("it ended ({status})")));
            }
        }
        Err(self.with_log("it did nothing for ten minutes"))
    }

    fn unexpected(&self, act: &Act) -> Failure {
        match act {
            Act::Failed(error) => self.with_log(&format!("it failed: {error}")),
            Act::Polled(_) | Act::Answered(..) => self.with_log("it answered out of turn"),
        }
    }

    fn with_log(&self, problem: &str) -> Failure {
        let log = self.log().unwrap_or_default();
        format!("{problem}. Its log:\n{log}").into()
    }
}

impl Drop for FunctionProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What Lambda itself sets, if the runtime or the SDK reads it.
fn lambda_variables(runtime_api: &str) -> [(&'static str, &str); 13] {
    [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ("AWS_LAMBDA_FUNCTION_NAME", "holdfast"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/holdfast"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "holdfast"),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
        ("_HANDLER", "bootstrap"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "ASIAHOLDFAST"),
        ("AWS_SECRET_ACCESS_KEY", "holdfast"),
        ("AWS_SESSION_TOKEN", "holdfast"),
    ]
}
