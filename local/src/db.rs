//! The embedded `DynamoDB`: a server in this process, on loopback, with its data in a file or in memory.

use std::fs::{File, TryLockError};
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig, timeout::TimeoutConfig,
};
use dynoxide::{Database, server};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::error::Error;
use crate::terminal::warn;

/// How often expired items are deleted. (`DynamoDB` itself may take days.)
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// How long requests in progress may take when the server stops.
const DRAIN: Duration = Duration::from_secs(3);

/// A running `DynamoDB`. Stops when dropped, or gracefully with [`stop`](Self::stop).
#[derive(Debug)]
pub struct EmbeddedDynamoDb {
    endpoint: String,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), String>>,
    sweeper: Option<Sweeper>,
    lock: Option<File>,
}

impl EmbeddedDynamoDb {
    /// Starts an empty one on a free port, so that each test has its own. It deletes no expired items by itself, as
    /// `DynamoDB` may not for days.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] or [`Error::Database`], neither expected.
    pub async fn start_in_memory() -> Result<Self, Error> {
        let database = Database::memory().map_err(|error| Error::Database {
            place: "in memory".to_owned(),
            message: error.to_string(),
        })?;
        Self::start_with(database).await
    }

    /// Starts one over an engine that the caller also uses directly.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`], which is not expected.
    pub async fn start_with(database: Database) -> Result<Self, Error> {
        Self::serve(listen(0).await?, database, None, None)
    }

    /// Starts one on a fixed port with its data in a file, which is created if missing.
    ///
    /// # Errors
    ///
    /// [`Error::PortTaken`] before the file is touched; [`Error::FileInUse`] if another process serves it;
    /// [`Error::Database`] if it cannot be opened.
    pub async fn start(file: &Path, port: u16) -> Result<Self, Error> {
        let listener = listen(port).await?;
        let failed = |message: String| Error::Database {
            place: file.display().to_string(),
            message,
        };
        let path = file
            .to_str()
            .ok_or_else(|| failed("its path is not UTF-8".to_owned()))?;
        let lock = lock(file)?;
        let database = Database::new(path).map_err(|error| failed(error.to_string()))?;
        Self::serve(listener, database, Some(SWEEP_EVERY), Some(lock))
    }

    /// Its URL, like `http://127.0.0.1:8000`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A client for it.
    #[must_use]
    pub fn client(&self) -> Client {
        client(&self.endpoint)
    }

    /// Stops it: requests in progress get a few seconds, then the file is closed.
    pub async fn stop(self) {
        drop(self.sweeper);
        let _ = self.stop.send(());
        // A hanging request must not keep the process alive; the file is safe either way.
        let _ = timeout(DRAIN, self.server).await;
        drop(self.lock);
    }

    fn serve(
        listener: TcpListener,
        database: Database,
        sweep_every: Option<Duration>,
        lock: Option<File>,
    ) -> Result<Self, Error> {
        let address = listener.local_addr().map_err(|source| Error::Listen {
            port: 0,
            variable: "DYNAMODB_PORT",
            source,
        })?;
        let (stop, stopped) = oneshot::channel();
        let sweeper = sweep_every.map(|every| Sweeper::start(database.clone(), every));
        let server = tokio::spawn(server::serve_with_shutdown(listener, database, async {
            // An error means this struct was dropped: stop as well.
            let _ = stopped.await;
        }));
        Ok(Self {
            endpoint: format!("http://{address}"),
            stop,
            server,
            sweeper,
            lock,
        })
    }
}

/// A client for a `DynamoDB` that does not check credentials.
#[must_use]
pub fn client(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .endpoint_url(endpoint)
        // It may be as slow as the machine is busy.
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build();
    Client::from_conf(config)
}

async fn listen(port: u16) -> Result<TcpListener, Error> {
    let variable = "DYNAMODB_PORT";
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|source| match source.kind() {
            std::io::ErrorKind::AddrInUse => Error::PortTaken {
                port,
                purpose: "DynamoDB",
                variable,
            },
            _ => Error::Listen {
                port,
                variable,
                source,
            },
        })
}

/// Two processes on one file would each trust their own cache of it.
fn lock(database: &Path) -> Result<File, Error> {
    let path = database.with_extension("lock");
    let failed = |source| Error::File {
        action: "lock",
        path: path.clone(),
        source,
    };
    let file = File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::FileInUse(database.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// The background deletion of expired items, which stops when dropped.
#[derive(Debug)]
struct Sweeper(JoinHandle<()>);

impl Sweeper {
    fn start(database: Database, every: Duration) -> Self {
        Self(tokio::spawn(async move {
            let mut ticks = interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let database = database.clone();
                match spawn_blocking(move || database.sweep_ttl()).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => warn(format_args!("Removing expired items failed: {error}")),
                    Err(_) => return, // the runtime is shutting down
                }
            }
        }))
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
#[path = "db_tests.rs"]
mod tests;
