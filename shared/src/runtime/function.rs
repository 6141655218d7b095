//! What there is to know of a function from outside: one declaration beside its handler.

use std::collections::BTreeSet;

use crate::http::Operation;

/// A Lambda function.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// The name of its crate, its binary, its folder under `functions/` and its folder under `events/`.
    pub name: &'static str,
    /// What makes it run.
    pub trigger: Trigger,
    /// What it reads of the environment beside what every function reads.
    pub settings: &'static [Settings],
    /// How many connections to the table a start opens: as many as the first request then uses at once. To open the
    /// others in that request would cost more processor time than a function of 256 MB gets at once, and its answer
    /// would come in the next of Lambda's periods, 20 ms later.
    pub connections: usize,
}

/// What makes a function run.
#[derive(Clone, Copy, Debug)]
pub enum Trigger {
    /// Requests of the API.
    Api(&'static [Operation]),
    /// Invocations past the API.
    Invoked {
        /// By whom, and why no request of the API reaches it.
        by: &'static str,
        /// Sample invocations: files `events/<function>/<sample>.json`.
        samples: &'static [&'static str],
    },
}

/// A group of environment variables that only some functions read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settings {
    /// Who may tell a client's address and place.
    ClientAddress,
    /// Where the private keys are.
    SigningKeys,
    /// How passwords are hashed.
    Passwords,
    /// How old the authorizer's knowledge may be.
    Authorizer,
    /// What pruning keeps, archives and spends.
    Pruning,
}

impl Settings {
    /// The variables, as they are deployed.
    #[must_use]
    pub const fn variables(self) -> &'static [&'static str] {
        match self {
            Self::ClientAddress => &["TRUSTED_PROXY", "CLOUDFRONT_SECRET"],
            Self::SigningKeys => &["SIGNING_KEYS_SECRET_ID"],
            Self::Passwords => &["ARGON2_MEMORY_KIB", "ARGON2_ITERATIONS", "ARGON2_PARALLELISM"],
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
    /// What it answers of the API.
    #[must_use]
    pub const fn operations(&self) -> &'static [Operation] {
        match self.trigger {
            Trigger::Api(operations) => operations,
            Trigger::Invoked { .. } => &[],
        }
    }

    /// The variables that it reads and others do not: those of its settings, and the limits of its operations.
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
