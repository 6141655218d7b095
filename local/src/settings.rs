//! The environment's settings for the development stack, and what it passes to the functions.

use std::path::{Path, PathBuf};

use crate::error::Error;

const API_PORT: u16 = 9000;
const DYNAMODB_PORT: u16 = 8000;
const STATE_DIR: &str = ".local";
const KEYS_FILE: &str = "signing-keys.json";
/// Known to everybody, as the demo account's password is.
pub const INTROSPECTION_SECRET: &str = "introspection-secret-of-every-developer";

/// The stack's settings: `API_PORT` \[9000\], `DYNAMODB_PORT` \[8000\], `LOCAL_DIR` \[`.local`\], and the functions'
/// own variables, which are passed unchanged and have defaults here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The root of the workspace.
    pub root: PathBuf,
    /// Where the database and the keys are stored.
    pub state_dir: PathBuf,
    /// Where the functions are served.
    pub api_port: u16,
    /// Which `DynamoDB` to use.
    pub dynamodb: DynamoDb,
    /// `TABLE_NAME`.
    pub table_name: String,
    /// `AWS_REGION`: `DynamoDB` Local separates tables by region and access key.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// The file with the private keys, unless they are in Secrets Manager.
    pub signing_keys_file: Option<PathBuf>,
    functions: Vec<(&'static str, String)>,
}

/// Which `DynamoDB` the stack uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DynamoDb {
    /// One in this process, listening on this port.
    Embedded(u16),
    /// Another on this machine: `AWS_ENDPOINT_URL_DYNAMODB` names it.
    Other(String),
}

impl Settings {
    /// Reads the process's environment.
    ///
    /// # Errors
    ///
    /// [`Error::Variable`], naming the invalid variable.
    pub fn from_env(root: &Path) -> Result<Self, Error> {
        Self::from_lookup(root, |name| std::env::var(name).ok())
    }

    /// Reads variables through `lookup`. An empty value counts as unset.
    ///
    /// So does a value that `.cargo/config.toml` sets: `cargo run` puts it into the environment even if nobody chose
    /// it.
    ///
    /// # Errors
    ///
    /// Like [`from_env`](Self::from_env).
    pub fn from_lookup(root: &Path, lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let given = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let chosen = |name: &str, preset: &str| given(name).filter(|value| value != preset);

        let api_port = port("API_PORT", given("API_PORT"), API_PORT)?;
        let dynamodb_port = port("DYNAMODB_PORT", given("DYNAMODB_PORT"), DYNAMODB_PORT)?;
        let dynamodb = match chosen("AWS_ENDPOINT_URL_DYNAMODB", &loopback(DYNAMODB_PORT)) {
            Some(url) if is_on_this_machine(&url) => DynamoDb::Other(url),
            Some(value) => {
                let problem = "the development stack makes a table and an account whose password everybody knows, so \
                               it uses a DynamoDB on this machine only: unset it, or name one on 127.0.0.1";
                return Err(Error::Variable {
                    name: "AWS_ENDPOINT_URL_DYNAMODB",
                    value,
                    problem,
                });
            }
            None => DynamoDb::Embedded(dynamodb_port),
        };
        let state_dir = root.join(given("LOCAL_DIR").unwrap_or_else(|| STATE_DIR.to_owned()));
        let preset_file = root.join(STATE_DIR).join(KEYS_FILE);
        let signing_keys_file = match chosen("SIGNING_KEYS_FILE", &preset_file.to_string_lossy()) {
            Some(file) => Some(root.join(file)),
            None if given("SIGNING_KEYS_SECRET_ID").is_some() => None,
            None => Some(state_dir.join(KEYS_FILE)),
        };
        let table_name = given("TABLE_NAME").unwrap_or_else(|| "holdfast".to_owned());
        let region = given("AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned());
        let access_key_id = given("AWS_ACCESS_KEY_ID").unwrap_or_else(|| "local".to_owned());

        let keys_file = signing_keys_file
            .as_ref()
            .map(|file| file.to_string_lossy().into_owned());
        let introspection_secrets = match given("INTROSPECTION_SECRET_ID") {
            Some(_) => String::new(),
            None => given("INTROSPECTION_SECRETS").unwrap_or_else(|| INTROSPECTION_SECRET.to_owned()),
        };
        let functions = vec![
            ("TABLE_NAME", table_name.clone()),
            (
                "ISSUER",
                chosen("ISSUER", &loopback(API_PORT)).unwrap_or_else(|| loopback(api_port)),
            ),
            (
                "AUDIENCE",
                given("AUDIENCE").unwrap_or_else(|| "holdfast".to_owned()),
            ),
            ("SIGNING_KEYS_FILE", keys_file.unwrap_or_default()),
            ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.endpoint()),
            (
                "LOG_FORMAT",
                given("LOG_FORMAT").unwrap_or_else(|| "text".to_owned()),
            ),
            ("INTROSPECTION_SECRETS", introspection_secrets),
            ("AWS_REGION", region.clone()),
            ("AWS_ACCESS_KEY_ID", access_key_id.clone()),
            (
                "AWS_SECRET_ACCESS_KEY",
                given("AWS_SECRET_ACCESS_KEY").unwrap_or_else(|| "local".to_owned()),
            ),
        ];
        Ok(Self {
            root: root.to_owned(),
            state_dir,
            api_port,
            dynamodb,
            table_name,
            region,
            access_key_id,
            signing_keys_file,
            functions,
        })
    }

    /// The variables that the functions need. The rest of the environment reaches them as well.
    #[must_use]
    pub fn for_functions(&self) -> &[(&'static str, String)] {
        &self.functions
    }

    /// One of [`for_functions`](Self::for_functions), or else of the environment.
    #[must_use]
    pub fn function_variable(&self, name: &str) -> Option<String> {
        let own = self
            .functions
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.clone());
        own.or_else(|| std::env::var(name).ok())
    }

    /// The URL of the API.
    #[must_use]
    pub fn api_url(&self) -> String {
        loopback(self.api_port)
    }
}

impl DynamoDb {
    /// Its URL.
    #[must_use]
    pub fn endpoint(&self) -> String {
        match self {
            Self::Embedded(port) => loopback(*port),
            Self::Other(url) => url.clone(),
        }
    }
}

fn loopback(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn is_on_this_machine(url: &str) -> bool {
    let host = url
        .split_once("://")
        .map_or(url, |(_, rest)| rest)
        .split('/')
        .next()
        .unwrap_or_default();
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|loopback| {
        host.strip_prefix(loopback)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    })
}

fn port(name: &'static str, value: Option<String>, default: u16) -> Result<u16, Error> {
    let Some(value) = value else { return Ok(default) };
    match value.trim().parse() {
        Ok(port) if port != 0 => Ok(port),
        _ => Err(Error::Variable {
            name,
            value,
            problem: "a port is a number from 1 to 65535",
        }),
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
