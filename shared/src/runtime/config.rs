//! Configuration from environment variables, read at start.

use std::{fmt, path::PathBuf, str::FromStr};

use tracing::level_filters::LevelFilter;

use super::{logging::LogFormat, timeouts::Timeouts};
use crate::{
    auth::{MAX_ACCESS_TOKEN_SECONDS, MAX_SESSION_SECONDS, TokenSettings},
    domain::{
        password::{Argon2Settings, MAX_LANES, MAX_MEMORY_KIB, MAX_WORK_KIB, MIN_CHARS},
        rate::Limits,
    },
    http::TrustedProxy,
};

/// All settings from the environment.
#[derive(Clone, Debug)]
pub struct Config {
    /// `TABLE_NAME`: the `DynamoDB` table.
    pub table_name: String,
    /// `ISSUER`, `AUDIENCE`, `CLIENT_ID`, `ACCESS_TOKEN_SECONDS`.
    pub tokens: TokenSettings,
    /// `REFRESH_IDLE_SECONDS` \[604800\]: how long a session lives without a refresh.
    pub refresh_idle_seconds: i64,
    /// `SESSION_ABSOLUTE_SECONDS` \[7776000\]: a session's maximum lifetime.
    pub session_absolute_seconds: i64,
    /// `REFRESH_GRACE_SECONDS` \[30\]: how long a rotated refresh token still gets its successor.
    pub refresh_grace_seconds: i64,
    /// `MAX_SESSIONS_PER_USER` \[20\]: a login above it revokes the least recently used.
    pub max_sessions_per_user: usize,
    /// `AUDIT_RETENTION_DAYS` \[30\]: how many whole days audit events are kept.
    pub audit_retention_days: i64,
    /// `AUDIT_ARCHIVE_BUCKET` \[none\]: where `prune` stores audit events before deleting them.
    pub audit_archive_bucket: Option<String>,
    /// `PRUNE_WRITE_UNITS_PER_SECOND` \[1000\]: how fast `prune` deletes.
    pub prune_write_units_per_second: u32,
    /// `TRUSTED_PROXY` \[none\], `CLOUDFRONT_SECRET`: who may report the client's address and place.
    pub trusted_proxy: TrustedProxy,
    /// `RATE_LIMIT_*`, per window.
    pub rate_limits: Limits,
    /// `AUTHORIZER_MAX_STALENESS_SECONDS` \[0\]: how stale the authorizer's data on a session may be.
    pub authorizer_max_staleness_seconds: i64,
    /// `LOG_LEVEL` \[info\].
    pub log_level: LevelFilter,
    /// `LOG_FORMAT` \[json\]; `NO_COLOR` (no-color.org) keeps text from being colored on a terminal.
    pub log_format: LogFormat,
    /// `METRICS_NAMESPACE` \[none\]: the `CloudWatch` namespace for metrics; without one, none are written.
    pub metrics_namespace: Option<String>,
    /// `WARM_UP` \[true\]: whether a start reads the keys, which opens connections to the table and, in functions that
    /// sign, to Secrets Manager. `false` shows what a start costs without it.
    pub warm_up: bool,
    /// `SIGNING_KEYS_SECRET_ID` or `SIGNING_KEYS_FILE`: where the private keys are. Only functions that sign and
    /// `rotate-keys` need one.
    pub signing_keys: Option<KeyLocation>,
    /// `INTROSPECTION_SECRET_ID` or `INTROSPECTION_SECRETS` \[none: introspection is off\]: who may introspect tokens.
    pub introspection: Option<IntrospectionSource>,
    /// `PASSWORD_MIN_LENGTH` \[8\]: the least characters of a new password, 8 to 64.
    pub password_min_length: usize,
    /// `ARGON2_MEMORY_KIB` \[19456\], `ARGON2_ITERATIONS` \[2\], `ARGON2_PARALLELISM` \[1\].
    pub argon2: Argon2Settings,
    /// Not configured where it counts: a debug build alone reads `TIMEOUT_FACTOR` \[1\], so that tests do not depend on
    /// the speed of the machine.
    pub timeouts: Timeouts,
}

/// Where the signing keys are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyLocation {
    /// An AWS Secrets Manager secret, by name or ARN.
    Secret(String),
    /// A local file.
    File(PathBuf),
}

/// Where the secrets of those who may introspect tokens are kept.
#[derive(Clone, PartialEq, Eq)]
pub enum IntrospectionSource {
    /// An AWS Secrets Manager secret, by name or ARN, with the text that [`parse_introspection_secrets`] reads.
    Secret(String),
    /// The secrets themselves.
    Given(Vec<String>),
}

impl fmt::Debug for IntrospectionSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(id) => write!(f, "Secret({id:?})"),
            Self::Given(_) => f.write_str("Given(…)"),
        }
    }
}

/// The least characters of an introspection secret.
const MIN_INTROSPECTION_SECRET: usize = 32;

/// One introspection secret of at least 32 visible ASCII characters, or two with a comma between them, while one is being
/// rotated. `None` if the text is not that.
#[must_use]
pub fn parse_introspection_secrets(text: &str) -> Option<Vec<String>> {
    let secrets: Vec<_> = text.split(',').map(str::trim).map(str::to_owned).collect();
    let is_secret = |secret: &String| {
        secret.len() >= MIN_INTROSPECTION_SECRET && secret.bytes().all(|byte| byte.is_ascii_graphic())
    };
    (secrets.len() <= 2 && secrets.iter().all(is_secret)).then_some(secrets)
}

/// What is wrong with the environment, one line per variable.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is not valid:\n  {}", .0.join("\n  "))]
pub struct ConfigError(Vec<String>);

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    ///
    /// Names every variable that is missing or wrong.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads variables through `lookup`. An empty value counts as unset, as templates send it.
    ///
    /// # Errors
    ///
    /// Names every variable that is missing or wrong.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut read = Reader {
            lookup,
            problems: Vec::new(),
        };
        let config = Self {
            table_name: read.required("TABLE_NAME"),
            tokens: read.tokens(),
            refresh_idle_seconds: read.number("REFRESH_IDLE_SECONDS", 604_800, 1, 31_536_000),
            session_absolute_seconds: read.number(
                "SESSION_ABSOLUTE_SECONDS",
                7_776_000,
                1,
                MAX_SESSION_SECONDS,
            ),
            refresh_grace_seconds: read.number("REFRESH_GRACE_SECONDS", 30, 5, 60),
            max_sessions_per_user: read.number("MAX_SESSIONS_PER_USER", 20, 1, 1000),
            audit_retention_days: read.number("AUDIT_RETENTION_DAYS", 30, 1, 3650),
            audit_archive_bucket: read.text("AUDIT_ARCHIVE_BUCKET"),
            prune_write_units_per_second: read.number("PRUNE_WRITE_UNITS_PER_SECOND", 1000, 50, 100_000),
            trusted_proxy: read.trusted_proxy(),
            rate_limits: Limits {
                login_ip: read.rate_limit("RATE_LIMIT_LOGIN_IP", 60),
                login_guesses: read.rate_limit("RATE_LIMIT_LOGIN_GUESSES", 5),
                login_account: read.rate_limit("RATE_LIMIT_LOGIN_ACCOUNT", 30),
                login_account_day: read.rate_limit("RATE_LIMIT_LOGIN_ACCOUNT_DAY", 100),
                login_device: read.rate_limit("RATE_LIMIT_LOGIN_DEVICE", 5),
                list: read.rate_limit("RATE_LIMIT_LIST", 30),
                revoke: read.rate_limit("RATE_LIMIT_REVOKE", 10),
                logout_all: read.rate_limit("RATE_LIMIT_LOGOUT_ALL", 5),
                cleanup: read.rate_limit("RATE_LIMIT_CLEANUP", 5),
            },
            authorizer_max_staleness_seconds: read.number("AUTHORIZER_MAX_STALENESS_SECONDS", 0, 0, 300),
            log_level: read.parsed(
                "LOG_LEVEL",
                LevelFilter::INFO,
                "off, error, warn, info, debug or trace",
            ),
            log_format: read.log_format(),
            metrics_namespace: read.text("METRICS_NAMESPACE"),
            warm_up: read.parsed("WARM_UP", true, "true or false"),
            signing_keys: read.signing_keys(),
            introspection: read.introspection(),
            password_min_length: read.number("PASSWORD_MIN_LENGTH", MIN_CHARS, MIN_CHARS, 64),
            argon2: read.argon2(),
            timeouts: read.timeouts(),
        };
        if read.problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError(read.problems))
        }
    }
}

struct Reader<L> {
    lookup: L,
    problems: Vec<String>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    fn required(&mut self, name: &str) -> String {
        self.text(name).unwrap_or_else(|| {
            self.problems.push(format!("{name} is not set"));
            String::new()
        })
    }

    fn parsed<T: FromStr>(&mut self, name: &str, default: T, expected: &str) -> T {
        let Some(value) = self.text(name) else {
            return default;
        };
        value.parse().unwrap_or_else(|_| {
            self.problems
                .push(format!("{name} is {value:?}, but must be {expected}"));
            default
        })
    }

    fn number<T>(&mut self, name: &str, default: T, least: T, most: T) -> T
    where
        T: FromStr + PartialOrd + Copy + fmt::Display,
    {
        let expected = format!("a whole number from {least} to {most}");
        let number = self.parsed(name, default, &expected);
        if number < least || number > most {
            self.problems
                .push(format!("{name} is {number}, but must be {expected}"));
        }
        number
    }

    /// The audiences of all kinds of tokens differ: ours, other than access tokens, are for ISSUER or for something that
    /// begins with it, and a verifier that ignores `typ` (RFC 8725 §3.11) must not take one for an access token.
    fn tokens(&mut self) -> TokenSettings {
        let (issuer, audience) = (self.required("ISSUER"), self.required("AUDIENCE"));
        if !issuer.is_empty() && audience.starts_with(&issuer) {
            self.problems.push(format!(
                "AUDIENCE is {audience:?}, but must not begin with ISSUER ({issuer:?}), for which refresh tokens are: \
                 name the APIs that take the access tokens instead"
            ));
        }
        TokenSettings {
            issuer,
            audience,
            client_id: self.text("CLIENT_ID").unwrap_or_else(|| "mobile".to_owned()),
            access_token_seconds: self.number("ACCESS_TOKEN_SECONDS", 900, 1, MAX_ACCESS_TOKEN_SECONDS),
        }
    }

    /// Within bounds that let a hash finish within a request.
    fn argon2(&mut self) -> Argon2Settings {
        let settings = Argon2Settings {
            memory_kib: self.number("ARGON2_MEMORY_KIB", 19_456, 8, MAX_MEMORY_KIB),
            iterations: self.number("ARGON2_ITERATIONS", 2, 1, 100),
            parallelism: self.number("ARGON2_PARALLELISM", 1, 1, MAX_LANES),
        };
        let work = u64::from(settings.memory_kib) * u64::from(settings.iterations);
        if work > MAX_WORK_KIB {
            self.problems.push(format!(
                "ARGON2_MEMORY_KIB times ARGON2_ITERATIONS is {work}, but must be at most {MAX_WORK_KIB}: a hash could \
                 not finish within a request's time"
            ));
        }
        settings
    }

    fn timeouts(&mut self) -> Timeouts {
        let factor = if cfg!(debug_assertions) {
            self.number("TIMEOUT_FACTOR", 1, 1, 1000)
        } else {
            1
        };
        Timeouts::default().times(factor)
    }

    /// 0 turns the rule off.
    fn rate_limit(&mut self, name: &str, default: u32) -> u32 {
        self.number(name, default, 0, 1_000_000)
    }

    fn trusted_proxy(&mut self) -> TrustedProxy {
        match self.text("TRUSTED_PROXY").as_deref() {
            None | Some("none") => TrustedProxy::None,
            Some("cloudfront") => {
                let secrets = self.text("CLOUDFRONT_SECRET").unwrap_or_default();
                let secrets: Vec<_> = secrets
                    .split(',')
                    .map(|secret| secret.trim().to_owned())
                    .collect();
                if secrets.len() > 2 || secrets.iter().any(|secret| secret.len() < 16) {
                    let problem = "CLOUDFRONT_SECRET must be set when TRUSTED_PROXY is cloudfront, to a secret of at least \
                                   16 characters, or to two with a comma between them while one is being rotated: \
                                   anybody who guesses it can forge addresses";
                    self.problems.push(problem.to_owned());
                }
                TrustedProxy::CloudFront { secrets }
            }
            Some(other) => {
                self.problems.push(format!(
                    "TRUSTED_PROXY is {other:?}, but must be cloudfront or none"
                ));
                TrustedProxy::None
            }
        }
    }

    fn log_format(&mut self) -> LogFormat {
        match self.text("LOG_FORMAT").as_deref() {
            None | Some("json") => LogFormat::Json,
            Some("text") => LogFormat::Text {
                allows_colors: self.text("NO_COLOR").is_none(),
            },
            Some(other) => {
                self.problems
                    .push(format!("LOG_FORMAT is {other:?}, but must be json or text"));
                LogFormat::Json
            }
        }
    }

    /// Two variables of which only one may be set.
    fn one_of(&mut self, first: &str, second: &str) -> (Option<String>, Option<String>) {
        let values = (self.text(first), self.text(second));
        if values.0.is_some() && values.1.is_some() {
            self.problems
                .push(format!("{first} and {second} are both set: keep one"));
        }
        values
    }

    fn introspection(&mut self) -> Option<IntrospectionSource> {
        match self.one_of("INTROSPECTION_SECRET_ID", "INTROSPECTION_SECRETS") {
            (Some(id), _) => Some(IntrospectionSource::Secret(id)),
            (None, Some(text)) => {
                let secrets = parse_introspection_secrets(&text);
                if secrets.is_none() {
                    let problem = "INTROSPECTION_SECRETS must be a secret of at least 32 visible ASCII characters, or two \
                                   with a comma between them while one is being rotated";
                    self.problems.push(problem.to_owned());
                }
                secrets.map(IntrospectionSource::Given)
            }
            (None, None) => None,
        }
    }

    fn signing_keys(&mut self) -> Option<KeyLocation> {
        match self.one_of("SIGNING_KEYS_SECRET_ID", "SIGNING_KEYS_FILE") {
            (Some(id), _) => Some(KeyLocation::Secret(id)),
            (None, Some(path)) => Some(KeyLocation::File(path.into())),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
