//! What can go wrong in the development stack, with advice for each.

use std::path::PathBuf;

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

/// An error of the development stack. The text says what is wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The template is not YAML.
    #[error("template.yaml is not valid YAML: {0}")]
    Yaml(#[from] saphyr::ScanError),

    /// The template does not define the table as expected.
    #[error("template.yaml: {path}: {problem}")]
    Template {
        /// Where in the template, like `Resources.Table.Properties.KeySchema[0]`.
        path: String,
        /// What is wrong there.
        problem: String,
    },

    /// A file could not be read, written or created.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// `read`, `create` or `lock`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },

    /// `DynamoDB` refused an operation, or could not be reached.
    #[error("DynamoDB: {operation} of table {table}: {message}")]
    DynamoDb {
        /// The API operation, like `CreateTable`.
        operation: &'static str,
        /// The table's name.
        table: String,
        /// What `DynamoDB` or the SDK says.
        message: String,
    },

    /// A table of that name exists but differs from the template's.
    #[error(
        "table {table} exists, but its {what} are not those of template.yaml: it has {found}, the template \
         {expected}. `make dev-reset` wipes the local tables; elsewhere choose another TABLE_NAME"
    )]
    DifferentTable {
        /// The table's name.
        table: String,
        /// `keys`, `indexes` or `TTL attribute`.
        what: &'static str,
        /// What the table has.
        found: String,
        /// What the template says.
        expected: String,
    },

    /// The table did not become usable in time.
    #[error(
        "table {table} is still {status} after {seconds} s: look at it with `aws dynamodb describe-table`"
    )]
    TableNotActive {
        /// The table's name.
        table: String,
        /// Its last status.
        status: String,
        /// How long the wait took.
        seconds: u64,
    },

    /// The embedded database could not be opened.
    #[error("cannot open the local database {place}: {message}. `make dev-reset` starts with an empty one")]
    Database {
        /// Its file, or `in memory`.
        place: String,
        /// What the database says.
        message: String,
    },

    /// Another process serves the database file.
    #[error(
        "{} is in use by another `make dev` or `make dev-db`. Stop it, or keep this one's data elsewhere: \
         LOCAL_DIR=.local2 make …", .0.display()
    )]
    FileInUse(PathBuf),

    /// A port is in use.
    #[error(
        "port {port} on 127.0.0.1, wanted for {purpose}, is taken. Stop what listens there (another `make dev` or \
         `make dev-db`?), or choose another port: {variable}={} make …", if *port == u16::MAX { 1024 } else { port + 1 }
    )]
    PortTaken {
        /// The port.
        port: u16,
        /// What it is for.
        purpose: &'static str,
        /// The variable that changes it.
        variable: &'static str,
    },

    /// A port could not be bound for another reason.
    #[error("cannot listen on 127.0.0.1:{port} ({variable}): {source}")]
    Listen {
        /// The port.
        port: u16,
        /// The variable that changes it.
        variable: &'static str,
        /// Why.
        source: std::io::Error,
    },

    /// An environment variable is invalid.
    #[error("{name}={value}: {problem}")]
    Variable {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        problem: &'static str,
    },

    /// A program could not be started.
    #[error("cannot run {program}: {source}. {hint}")]
    Program {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
        /// What to do.
        hint: &'static str,
    },

    /// `cargo metadata` gave unexpected output.
    #[error("cargo metadata: {0}")]
    Metadata(String),

    /// `cargo lambda watch` exited without being asked to.
    #[error("cargo lambda watch ended by itself ({0}); the reason is above. Start again with `make dev`")]
    WatchEnded(std::process::ExitStatus),

    /// `cargo lambda watch` does not listen.
    #[error("cargo lambda watch does not answer on 127.0.0.1:{port} after {seconds} s; see its output above")]
    WatchSilent {
        /// The port.
        port: u16,
        /// How long the wait took.
        seconds: u64,
    },

    /// Processes or signals could not be handled.
    #[error("{action}: {source}")]
    Process {
        /// What was attempted.
        action: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },

    /// Accounts were not imported.
    #[error("{0}")]
    Import(String),

    /// Keys, accounts or other seed data could not be created.
    #[error("{0}")]
    Seed(String),
}

impl Error {
    /// An error of the SDK: what `DynamoDB` says, or why it was unreachable.
    pub(crate) fn dynamodb<E>(operation: &'static str, table: &str, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let message = match (error.code(), error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            _ => DisplayErrorContext(error).to_string(),
        };
        Self::DynamoDb {
            operation,
            table: table.to_owned(),
            message,
        }
    }
}
