//! `make import`: creates the accounts in a file of JSON lines, in batches that `admin` accepts.
//!
//! Each line is an object for `import_users`: `{"email": …, "password_hash": …}`. Refused lines are reported by number;
//! the others are imported. A repeat skips the accounts that exist.

use std::fs::{File, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use admin::{AdminState, Invocation, MAX_USERS};
use serde_json::{Value, json};
use shared::State;
use shared::domain::clock::Clock;
use shared::domain::ids::Ids;
use shared::domain::password::Hasher;
use shared::runtime::config::Config;
use tokio::process::Command;

use crate::error::Error;
use crate::project::Project;
use crate::settings::Settings;
use crate::stack;
use crate::terminal::{say, warn};

/// No account needs a longer line, and 500 such lines stay below Lambda's limit of 6 MB.
const MAX_LINE: usize = 10_000;

/// Who executes the commands.
enum Admin {
    /// The function's own code, in this process, on the development stack's table.
    Here(Box<AdminState>),
    /// The function of this name, through the AWS CLI.
    Function { cli: PathBuf, name: String },
}

/// A line not imported yet.
struct Line {
    number: usize,
    user: Value,
}

/// The outcome of the lines so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    created: u64,
    existed: u64,
    refused: u64,
}

/// Imports a file into the development stack or through the function of that name on AWS.
///
/// # Errors
///
/// [`Error::File`] if it cannot be read, [`Error::Import`] if lines were refused or a command failed.
pub async fn import(file: &Path, function: Option<&str>) -> Result<(), Error> {
    let admin = match function {
        Some(name) => Admin::Function {
            cli: PathBuf::from("aws"),
            name: name.to_owned(),
        },
        None => here().await?,
    };
    let failed = |source| Error::File {
        action: "read",
        path: file.to_owned(),
        source,
    };
    let input = File::open(file).map_err(failed)?;
    let length = input.metadata().map_err(failed)?.len();
    let mut import = Import {
        admin,
        input: BufReader::new(input),
        length,
        read: 0,
        number: 0,
        counts: Counts::default(),
    };
    import.run(file).await?;
    match import.counts.refused {
        0 => Ok(()),
        count => Err(Error::Import(format!(
            "lines refused, as told above: {count}. The others are imported. Correct them and import the file again: \
             what exists is left as it is"
        ))),
    }
}

async fn here() -> Result<Admin, Error> {
    let settings = Settings::from_env(&Project::find().await?.root)?;
    let config = Config::from_lookup(|name| settings.function_variable(name));
    let config = config.map_err(|error| Error::Import(error.to_string()))?;
    let state = State::new(config, Clock::system(), Ids::system(), stack::client(&settings));
    state.store.key_set().await.map_err(|_| {
        let endpoint = settings.dynamodb.endpoint();
        Error::Import(format!(
            "there is no table at {endpoint}: is `make dev` running, with the same DYNAMODB_PORT?"
        ))
    })?;
    let hasher = Hasher::new(state.config.argon2, state.ids.clone());
    let hasher = hasher.map_err(|error| Error::Import(error.to_string()))?;
    Ok(Admin::Here(Box::new(AdminState { state, hasher })))
}

struct Import<R> {
    admin: Admin,
    input: R,
    length: u64,
    read: u64,
    number: usize,
    counts: Counts,
}

impl<R: BufRead> Import<R> {
    async fn run(&mut self, file: &Path) -> Result<(), Error> {
        let mut waiting = Vec::new();
        loop {
            self.fill(&mut waiting).map_err(|source| Error::File {
                action: "read",
                path: file.to_owned(),
                source,
            })?;
            if waiting.is_empty() {
                break;
            }
            let before = waiting.len();
            waiting = self.send(waiting).await?;
            if waiting.len() == before {
                return Err(Error::Import(format!(
                    "`admin` has no time for even one account, from line {} on: give it more time, or import hashes \
                     instead of passwords",
                    waiting[0].number
                )));
            }
            self.tell();
        }
        if self.number == 0 {
            self.tell();
        }
        Ok(())
    }

    /// Reads lines until a batch is full.
    fn fill(&mut self, waiting: &mut Vec<Line>) -> std::io::Result<()> {
        let mut text = Vec::new();
        while waiting.len() < MAX_USERS {
            text.clear();
            let read = self.input.read_until(b'\n', &mut text)?;
            if read == 0 {
                break;
            }
            self.read += read as u64;
            self.number += 1;
            let line = text.trim_ascii();
            if line.is_empty() {
                continue;
            }
            if line.len() > MAX_LINE {
                self.refuse(self.number, None, &format!("is longer than {MAX_LINE} bytes"));
                continue;
            }
            match read_line(line) {
                Ok(user) => waiting.push(Line {
                    number: self.number,
                    user,
                }),
                Err(problem) => self.refuse(self.number, None, &problem),
            }
        }
        Ok(())
    }

    /// Imports a batch. Returns the lines that there was no time for.
    async fn send(&mut self, lines: Vec<Line>) -> Result<Vec<Line>, Error> {
        let users: Vec<_> = lines.iter().map(|line| &line.user).collect();
        let command = json!({ "action": "import_users", "actor": "import", "users": users });
        let answer = self.admin.invoke(command).await?;
        if answer["ok"] != json!(true) {
            let (first, last) = (lines[0].number, lines[lines.len() - 1].number);
            let problem = answer.get("error").unwrap_or(&answer);
            let problem = format!("lines {first} to {last} were not imported, nor any after them: {problem}");
            return Err(Error::Import(problem));
        }
        self.counts.created += answer["created"].as_u64().unwrap_or_default();
        self.counts.existed += answer["existed"].as_u64().unwrap_or_default();
        for outcome in answer["lines"].as_array().into_iter().flatten() {
            tell_line(outcome, &lines);
        }
        let mut unfinished = Vec::new();
        for refusal in answer["refused"].as_array().into_iter().flatten() {
            let index = refusal["line"]
                .as_u64()
                .and_then(|line| usize::try_from(line).ok());
            let line = index.and_then(|line| lines.get(line.checked_sub(1)?));
            match (line, refusal["code"].as_str()) {
                (Some(line), Some("unfinished")) => unfinished.push(Line {
                    number: line.number,
                    user: line.user.clone(),
                }),
                (line, _) => {
                    let number = line.map_or(0, |line| line.number);
                    let message = refusal["message"].as_str().unwrap_or_default();
                    self.refuse(number, refusal["email"].as_str(), message);
                }
            }
        }
        Ok(unfinished)
    }

    fn refuse(&mut self, number: usize, email: Option<&str>, message: &str) {
        self.counts.refused += 1;
        match email {
            Some(email) => warn(format_args!("line {number} ({email:?}): {message}")),
            None => warn(format_args!("line {number}: {message}")),
        }
    }

    fn tell(&self) {
        let Counts {
            created,
            existed,
            refused,
        } = self.counts;
        let percent = (100 * self.read).checked_div(self.length).unwrap_or(100);
        say(format_args!(
            "{percent:3} %, {} lines: {created} created, {existed} existed, {refused} refused",
            self.number
        ));
    }
}

/// Reads an account, which `admin` checks further.
fn read_line(line: &[u8]) -> Result<Value, String> {
    if line.starts_with(b"\xef\xbb\xbf") {
        return Err("begins with a byte-order mark: save the file as UTF-8 without one".to_owned());
    }
    match serde_json::from_slice(line) {
        Ok(Value::Object(user)) => Ok(user.into()),
        Ok(_) => Err("is JSON, but not an object: {\"email\": …}".to_owned()),
        Err(error) => Err(format!("is not JSON: {error}")),
    }
}

/// One line for each account, so that the report has all ids: what was created is told on standard output, what existed,
/// and so lost its password if it named another one, on standard error as well as what is refused.
fn tell_line(outcome: &Value, lines: &[Line]) {
    let number = |name: &str| {
        let index = outcome[name].as_u64().and_then(|line| usize::try_from(line).ok());
        index
            .and_then(|line| lines.get(line.checked_sub(1)?))
            .map_or(0, |line| line.number)
    };
    let (line, email) = (number("line"), outcome["email"].as_str().unwrap_or_default());
    match (outcome["outcome"].as_str(), outcome["user_id"].as_str()) {
        (Some("created"), Some(id)) => say(format_args!("line {line}: created {id}")),
        (_, Some(id)) => warn(format_args!(
            "line {line} ({email:?}): existed as {id}, and is left as it is"
        )),
        (_, None) => warn(format_args!(
            "line {line} ({email:?}): has the address of line {}, which counts",
            number("same_as_line")
        )),
    }
}

impl Admin {
    async fn invoke(&self, command: Value) -> Result<Value, Error> {
        match self {
            Self::Here(state) => {
                let invocation = Invocation {
                    request_id: "import",
                    deadline: None,
                };
                Ok(admin::handle(state, command, invocation).await)
            }
            Self::Function { cli, name } => invoke_function(cli, name, &command).await,
        }
    }
}

/// `aws lambda invoke`, whose payload and answer pass through files that only the owner can read.
async fn invoke_function(cli: &Path, name: &str, command: &Value) -> Result<Value, Error> {
    let failed = |source| Error::Process {
        action: "handing a command to the AWS CLI",
        source,
    };
    let ours_alone = Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().permissions(ours_alone).tempdir();
    let folder = folder.map_err(failed)?;
    let (payload, answer) = (
        folder.path().join("command.json"),
        folder.path().join("answer.json"),
    );
    std::fs::write(&payload, command.to_string()).map_err(failed)?;
    let output = Command::new(cli)
        .args(["lambda", "invoke", "--function-name", name])
        // Importing passwords takes minutes; by default the CLI would time out after one and invoke again.
        .args(["--cli-read-timeout", "0", "--payload"])
        // Raw bytes: version 2 of the CLI decodes file:// as base64.
        .arg(format!("fileb://{}", payload.display()))
        .arg(&answer)
        .output()
        .await
        .map_err(|source| Error::Program {
            program: cli.display().to_string(),
            source,
            hint: "invoking the function on AWS needs the AWS CLI",
        })?;
    if !output.status.success() {
        let problem = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::Import(format!("`aws lambda invoke` failed: {problem}")));
    }
    let answer = std::fs::read(&answer).map_err(failed)?;
    serde_json::from_slice(&answer)
        .map_err(|error| Error::Import(format!("the answer of {name} is not JSON: {error}")))
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
