//! Declares a function: everything others need to know of it, next to its handler.

use std::collections::BTreeSet;

use crate::http::Operation;

/// A Lambda function.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// The name of its crate, its binary, its folder under `functions/` and its folder under `events/`.
    pub name: &'static str,
    /// What invokes it.
    pub trigger: Trigger,
    /// The settings that it reads besides those of every function.
    pub settings: &'static [Settings],
    /// How many connections to the table a start opens: as many as the first request uses at once. Opening the others
    /// in that request would cost more processor time than a 256 MB function gets at once, so its answer would wait
    /// for Lambda's next period, 20 ms later.
    pub connections: usize,
}

/// What invokes a function.
#[derive(Clone, Copy, Debug)]
pub enum Trigger {
    /// API requests.
    Api(&'static [Operation]),
    /// Direct invocations.
    Invoked {
        /// By whom, and why no API request reaches it.
        by: &'static str,
        /// Sample invocations: files `events/<function>/<sample>.json`.
        samples: &'static [&'static str],
    },
}

/// A group of environment variables that only some functions read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settings {
    /// Who may report a client's address and place.
    ClientAddress,
    /// Where the private keys are.
    SigningKeys,
    /// How passwords are hashed.
    Passwords,
    /// What new passwords must be.
    NewPasswords,
    /// How stale the authorizer's data may be.
    Authorizer,
    /// Whether there is introspection, and whose.
    Introspection,
    /// Retention, archive and speed of pruning.
    Pruning,
}

impl Settings {
    /// The deployed variables.
    #[must_use]
    pub const fn variables(self) -> &'static [&'static str] {
        match self {
            Self::ClientAddress => &["TRUSTED_PROXY", "CLOUDFRONT_SECRET"],
            Self::SigningKeys => &["SIGNING_KEYS_SECRET_ID"],
            Self::Passwords => &["ARGON2_MEMORY_KIB", "ARGON2_ITERATIONS", "ARGON2_PARALLELISM"],
            Self::NewPasswords => &["PASSWORD_MIN_LENGTH"],
            Self::Introspection => &["INTROSPECTION_SECRET_ID"],
            Self::Authorizer => &["AUTHORIZER_MAX_STALENESS_SECONDS"],
            Self::Pruning => &[
                "AUDIT_RETENTION_DAYS",
                "AUDIT_ARCHIVE_BUCKET",
                "PRUNE_WRITE_UNITS_PER_SECOND",
            ],
        }
    }
}

impl Function {
    /// The operations it serves.
    #[must_use]
    pub const fn operations(&self) -> &'static [Operation] {
        match self.trigger {
            Trigger::Api(operations) => operations,
            Trigger::Invoked { .. } => &[],
        }
    }

    /// The variables that not every function reads: those of its settings and of its operations' limits.
    #[must_use]
    pub fn variables(&self) -> BTreeSet<&'static str> {
        let settings = self.settings.iter().flat_map(|settings| settings.variables());
        let rules = self
            .operations()
            .iter()
            .flat_map(|operation| operation.route.access.limits());
        settings
            .copied()
            .chain(rules.map(|rule| rule.variable()))
            .collect()
    }
}
