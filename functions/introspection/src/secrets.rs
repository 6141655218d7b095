//! The secrets of those who may introspect, in memory, and how they are kept fresh.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_secretsmanager::Client;
use shared::{
    Error,
    auth::read_secret,
    domain::{
        clock::{Clock, Millis},
        digest::{constant_time_eq, sha256},
    },
    runtime::config::{IntrospectionSource, parse_introspection_secrets},
};

/// The oldest copy that may admit a caller, in milliseconds: a secret that was taken out is refused from then on.
const MAX_AGE: i64 = 60_000;
/// An unknown secret causes them to be read again at most this often, in milliseconds.
const UNKNOWN_SECRET_INTERVAL: i64 = 10_000;

/// One or two secrets: two, while one is being rotated. Clones share them.
#[derive(Clone)]
pub(crate) struct Secrets {
    source: Source,
    clock: Clock,
    copy: Arc<Mutex<Option<Copy>>>,
}

#[derive(Clone)]
enum Source {
    /// They never change.
    Given(Digests),
    /// An AWS Secrets Manager secret.
    Secret { client: Client, id: String },
}

/// SHA-256 of each.
type Digests = Arc<[[u8; 32]]>;

#[derive(Clone)]
struct Copy {
    digests: Digests,
    read_at: Millis,
}

/// The secret's text is not one or two secrets. Never shows it.
#[derive(Debug, thiserror::Error)]
#[error(
    "INTROSPECTION_SECRET_ID: the secret {0} must hold one secret of at least 32 visible ASCII characters, or two with a \
     comma between them"
)]
struct NotSecrets(String);

impl Secrets {
    pub fn new(source: &IntrospectionSource, client: &Client, clock: Clock) -> Self {
        let source = match source {
            IntrospectionSource::Given(secrets) => Source::Given(digests(secrets)),
            IntrospectionSource::Secret(id) => Source::Secret {
                client: client.clone(),
                id: id.clone(),
            },
        };
        Self {
            source,
            clock,
            copy: Arc::default(),
        }
    }

    /// Reads them at start. A failure is only logged: the first request will retry and report it.
    pub async fn warm(&self) {
        if let Err(error) = self.fresh(i64::MAX).await {
            tracing::warn!(error = %error.report(), "the introspection secrets could not be read at start");
        }
    }

    /// Whether one of `passwords` is a secret, as far as is known: a copy of any age will do. Follow with
    /// [`Secrets::hold`] beside the request's own read.
    pub async fn may_hold(&self, passwords: &[String]) -> Result<bool, Error> {
        let known = self.fresh(i64::MAX).await?;
        if contains(&known, passwords) {
            return Ok(true);
        }
        let known = self.fresh(UNKNOWN_SECRET_INTERVAL).await?;
        Ok(contains(&known, passwords))
    }

    /// Whether one of `passwords` is a secret now, at most a minute late.
    pub async fn hold(&self, passwords: &[String]) -> Result<bool, Error> {
        let known = self.fresh(MAX_AGE).await?;
        Ok(contains(&known, passwords))
    }

    /// Their digests, read less than `max_age` milliseconds ago.
    async fn fresh(&self, max_age: i64) -> Result<Digests, Error> {
        let (client, id) = match &self.source {
            Source::Given(digests) => return Ok(Arc::clone(digests)),
            Source::Secret { client, id } => (client, id),
        };
        let now = self.clock.now();
        let copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_young = |copy: &Copy| max_age == i64::MAX || copy.read_at.is_younger_than(max_age, now);
        if let Some(copy) = copy.filter(is_young) {
            return Ok(copy.digests);
        }
        let text = read_secret(client, id).await.map_err(Error::Unavailable)?;
        let secrets = parse_introspection_secrets(&text.unwrap_or_default());
        let secrets = secrets.ok_or_else(|| Error::Unavailable(Box::new(NotSecrets(id.clone()))))?;
        let digests = digests(&secrets);
        *self.copy.lock().unwrap_or_else(PoisonError::into_inner) = Some(Copy {
            digests: Arc::clone(&digests),
            read_at: now,
        });
        Ok(digests)
    }
}

fn digests(secrets: &[String]) -> Digests {
    secrets.iter().map(|secret| sha256(secret.as_bytes())).collect()
}

/// All are compared, so that the time does not tell which one it is.
fn contains(digests: &[[u8; 32]], passwords: &[String]) -> bool {
    let pairs = passwords
        .iter()
        .map(|password| sha256(password.as_bytes()))
        .flat_map(|given| digests.iter().map(move |digest| constant_time_eq(&given, digest)));
    pairs.filter(|is_equal| *is_equal).count() > 0
}
