//! How long things may take in real time.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;

/// Each fits into the next: an attempt, a call, a request; then the function (`Timeout` in `template.yaml`), at which
/// Lambda kills the process and the client gets no answer from us; then API Gateway's 30 s.
///
/// The default is what a deployed function has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Opening a connection to AWS.
    pub connect: Duration,
    /// One attempt of a call to AWS. A healthy table answers in a few milliseconds: who has not answered after two
    /// seconds will not.
    pub attempt: Duration,
    /// A call with its retries: there is room for a second attempt.
    pub call: Duration,
    /// A handler. Several calls, or retries of one that keeps conflicting, could add up to more.
    pub request: Duration,
    /// How long a request waits for new signing keys while those at hand will do.
    pub renewal: Duration,
    /// How long a committed refresh waits for its best-effort event.
    pub event: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            attempt: Duration::from_secs(2),
            call: Duration::from_secs(4),
            request: Duration::from_secs(8),
            renewal: Duration::from_secs(1),
            event: Duration::from_millis(500),
        }
    }
}

impl Timeouts {
    /// All of them `factor` times as long.
    #[must_use]
    pub fn times(self, factor: u32) -> Self {
        Self {
            connect: self.connect * factor,
            attempt: self.attempt * factor,
            call: self.call * factor,
            request: self.request * factor,
            renewal: self.renewal * factor,
            event: self.event * factor,
        }
    }

    /// Those of calls to AWS.
    #[must_use]
    pub fn calls(&self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(self.connect)
            .operation_attempt_timeout(self.attempt)
            .operation_timeout(self.call)
            .build()
    }
}
