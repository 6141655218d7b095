//! The development stack: `local db` is `make dev-db`, `local up` is `make dev`, `local import` is `make import`.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use local::error::Error;
use local::terminal::warn;
use local::{import, process, stack};

const USAGE: &str = "usage: local db   DynamoDB with the table, keys and a demo account (`make dev-db`)
       local up   the same, and the functions behind it (`make dev`)
       local import FILE [FUNCTION]   creates the accounts of a file of JSON lines (`make import`): in the running
                                      stack, or through the function of that name on AWS
Environment: API_PORT, DYNAMODB_PORT, LOCAL_DIR, and every variable of the functions.";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let words: Vec<&str> = arguments
        .iter()
        .map(|word| word.to_str().unwrap_or_default())
        .collect();
    let outcome = match words.as_slice() {
        ["db"] => stack::db().await,
        ["up"] => stack::up().await,
        ["import", _] => import::import(arguments[1].as_ref(), None).await,
        ["import", _, function] => import::import(arguments[1].as_ref(), Some(function)).await,
        [process::AS_CHILD, parent, _, ..] => Err(become_child(parent, &arguments[2..])),
        _ => {
            warn(USAGE);
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            warn(format_args!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn become_child(parent: &str, program: &[OsString]) -> Error {
    let mut command = Command::new(&program[0]);
    command.args(&program[1..]);
    process::become_child_of(parent.parse().unwrap_or_default(), command)
}
