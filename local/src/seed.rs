//! What an empty table needs before anybody can log in: signing keys, their public keys, and an account.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use admin::{AdminState, Invocation};
use aws_sdk_dynamodb::Client;
use serde_json::json;
use shared::State;
use shared::domain::clock::Clock;
use shared::domain::email::Email;
use shared::domain::ids::Ids;
use shared::domain::password::Hasher;
use shared::runtime::config::Config;
use shared::{auth::SigningKeys, domain::key_set::Purpose};

use crate::error::Error;
use crate::settings::Settings;
use crate::terminal::say;

/// The email address of every development stack's account.
pub const DEMO_EMAIL: &str = "demo@example.com";
/// Its password. Not a secret: the stack listens on loopback only.
pub const DEMO_PASSWORD: &str = "correct horse battery staple";

/// Creates what is missing. Safe to repeat.
///
/// # Errors
///
/// [`Error::Seed`] or [`Error::File`], naming what could not be created.
pub async fn seed(settings: &Settings, client: &Client) -> Result<(), Error> {
    let config = Config::from_lookup(|name| settings.function_variable(name)).map_err(failed)?;
    let state = State::new(config, Clock::system(), Ids::system(), client.clone());
    match &settings.signing_keys_file {
        Some(file) => publish(&state, &signing_keys(file)?).await?,
        None => {
            say(
                "The signing keys are in SIGNING_KEYS_SECRET_ID; their public halves are not published here.",
            );
        }
    }
    create_demo_account(state).await
}

/// Reads the keys in the file. If there is none, creates keys in a file that only its owner can read.
fn signing_keys(file: &Path) -> Result<SigningKeys, Error> {
    match std::fs::read_to_string(file) {
        Ok(json) => {
            let problem = match SigningKeys::parse(&json) {
                Ok(Some(keys)) => return Ok(keys),
                Ok(None) => "it is an empty object".to_owned(),
                Err(error) => error.to_string(),
            };
            let file = file.display();
            Err(failed(format!(
                "{file} holds no signing keys: {problem}. `make dev-reset` makes new ones, and an empty table"
            )))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let keys = SigningKeys::generate(0).map_err(failed)?;
            write_private(file, &keys.to_json()).map_err(|source| Error::File {
                action: "create",
                path: file.to_owned(),
                source,
            })?;
            say(format_args!("Made signing keys: {}.", file.display()));
            Ok(keys)
        }
        Err(source) => Err(Error::File {
            action: "read",
            path: file.to_owned(),
            source,
        }),
    }
}

/// Writes to a temporary name first, because a half-written file would look like broken keys.
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    let unfinished = file.with_extension("new");
    let mut handle = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    handle.write_all(text.as_bytes())?;
    handle.sync_all()?;
    std::fs::rename(&unfinished, file)
}

/// Publishes the keys unless the table has them; it may have older ones too, which still verify tokens.
async fn publish(state: &State, keys: &SigningKeys) -> Result<(), Error> {
    let published = state.store.key_set().await.map_err(failed)?.unwrap_or_default();
    let known = |kid: &str| published.find(kid, Purpose::Access, state.clock.now()).is_some();
    if known(&keys.current.public().kid) && known(&keys.next.public().kid) {
        return Ok(());
    }
    state.store.publish_key_set(&keys.public()).await.map_err(failed)
}

async fn create_demo_account(state: State) -> Result<(), Error> {
    let email = Email::parse(DEMO_EMAIL).map_err(failed)?;
    if state.store.credential(&email).await.map_err(failed)?.is_some() {
        return Ok(());
    }
    let hasher = Hasher::new(state.config.argon2, state.ids.clone()).map_err(failed)?;
    let command = json!({ "action": "create_user", "email": DEMO_EMAIL, "password": DEMO_PASSWORD });
    let invocation = Invocation {
        request_id: "local",
        deadline: None,
    };
    let answer = admin::handle(&AdminState { state, hasher }, command, invocation).await;
    if answer["ok"] == json!(true) || answer["error"]["code"] == json!("already_exists") {
        say(format_args!("Created the account {DEMO_EMAIL}."));
        return Ok(());
    }
    Err(failed(format!(
        "the account {DEMO_EMAIL} could not be created: {}",
        answer["error"]
    )))
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Seed(error.to_string())
}

#[cfg(test)]
#[path = "seed_tests.rs"]
mod tests;
