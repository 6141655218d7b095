//! Other AWS services, imitated by the test's own server.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig, timeout::TimeoutConfig,
};
use testkit::FaultyHttpClient;

use crate::RecordedCalls;

/// An empty moto server. It stops when dropped, or when the test's process ends for any reason.
#[derive(Debug)]
pub struct Moto {
    endpoint: String,
    server: Child,
}

impl Moto {
    /// Starts one on a free port. Each test that needs one has its own.
    ///
    /// # Panics
    ///
    /// If it does not start. `make test` installs what it needs.
    #[must_use]
    pub fn start() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut server = Command::new(python())
            .arg(here.join("harness/moto_server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("moto_server.py can be started");
        let output = server.stdout.take().expect("its output is piped");
        let mut endpoint = String::new();
        BufReader::new(output)
            .read_line(&mut endpoint)
            .expect("its output is text");
        assert!(
            endpoint.starts_with("http://"),
            "moto did not start (see above): `make test` installs it into .venv"
        );
        Self {
            endpoint: endpoint.trim().to_owned(),
            server,
        }
    }

    /// A client of its S3, through `connection`.
    #[must_use]
    pub fn s3(&self, connection: &FaultyHttpClient) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(&self.endpoint)
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(connection.clone())
            .interceptor(RecordedCalls::default())
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// Its URL, e.g. `http://127.0.0.1:4321`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The project's own Python, else the one on the PATH.
#[must_use]
pub fn python() -> PathBuf {
    let own = testkit::root().join(".venv/bin/python");
    if own.is_file() {
        own
    } else {
        PathBuf::from("python3")
    }
}
