//! Rate limits: rules, limits and fixed windows of a minute or a day.
//!
//! Windows are fixed, so up to twice the limit can pass around a boundary.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

use super::{clock::DAY, error::Error};

const MINUTE: i64 = 60;

/// How many times its guesses of a minute a known device has in a day.
const DEVICE_DAY: u32 = 4;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Logins from one address, successful or not.
    Login,
    /// Passwords tried for one account from one address.
    Guesses,
    /// Passwords tried for one account from anywhere.
    GuessesEverywhere,
    /// Passwords tried for one account from anywhere, in a day.
    GuessesDay,
    /// Passwords tried by a device that has logged in to the account before.
    Device,
    /// The same, in a day.
    DeviceDay,
    /// One session's reading of sessions and audit trail.
    List,
    /// One session's revocations of single sessions.
    Revoke,
    /// One session's revocations of all sessions.
    LogoutAll,
    /// One session's removals of expired records.
    Cleanup,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 10] = [
        Self::Login,
        Self::Guesses,
        Self::GuessesEverywhere,
        Self::GuessesDay,
        Self::Device,
        Self::DeviceDay,
        Self::List,
        Self::Revoke,
        Self::LogoutAll,
        Self::Cleanup,
    ];

    /// Its name in keys and headers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Guesses => "guesses",
            Self::GuessesEverywhere => "guesses-everywhere",
            Self::GuessesDay => "guesses-day",
            Self::Device => "device",
            Self::DeviceDay => "device-day",
            Self::List => "list",
            Self::Revoke => "revoke",
            Self::LogoutAll => "logout-all",
            Self::Cleanup => "cleanup",
        }
    }

    /// The variable for its limit.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Login => "RATE_LIMIT_LOGIN_IP",
            Self::Guesses => "RATE_LIMIT_LOGIN_GUESSES",
            Self::GuessesEverywhere => "RATE_LIMIT_LOGIN_ACCOUNT",
            Self::GuessesDay => "RATE_LIMIT_LOGIN_ACCOUNT_DAY",
            Self::Device | Self::DeviceDay => "RATE_LIMIT_LOGIN_DEVICE",
            Self::List => "RATE_LIMIT_LIST",
            Self::Revoke => "RATE_LIMIT_REVOKE",
            Self::LogoutAll => "RATE_LIMIT_LOGOUT_ALL",
            Self::Cleanup => "RATE_LIMIT_CLEANUP",
        }
    }

    /// How long its window is, in seconds. A day is UTC's.
    #[must_use]
    pub const fn window_seconds(self) -> i64 {
        match self {
            Self::GuessesDay | Self::DeviceDay => DAY,
            Self::Login
            | Self::Guesses
            | Self::GuessesEverywhere
            | Self::Device
            | Self::List
            | Self::Revoke
            | Self::LogoutAll
            | Self::Cleanup => MINUTE,
        }
    }

    /// What it counts, for the API's description.
    #[must_use]
    pub const fn counts(self) -> &'static str {
        match self {
            Self::Login => "logins from one address (IPv6: its /64)",
            Self::Guesses => "wrong passwords for one account from one address (IPv6: its /48)",
            Self::GuessesEverywhere | Self::GuessesDay => "wrong passwords for one account from everywhere",
            Self::Device | Self::DeviceDay => {
                "wrong passwords from a device that has logged in to the account before (its `device_token`), in place of \
                 the limits of the account"
            }
            Self::List => "requests of one session for the sessions and the activity of its account",
            Self::Revoke => "requests of one session about another one",
            Self::LogoutAll | Self::Cleanup => "requests of one session",
        }
    }
}

/// How many requests each rule allows in its window; 0 turns it off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `RATE_LIMIT_LOGIN_IP` \[60\].
    pub login_ip: u32,
    /// `RATE_LIMIT_LOGIN_GUESSES` \[5\].
    pub login_guesses: u32,
    /// `RATE_LIMIT_LOGIN_ACCOUNT` \[30\].
    pub login_account: u32,
    /// `RATE_LIMIT_LOGIN_ACCOUNT_DAY` \[100\].
    pub login_account_day: u32,
    /// `RATE_LIMIT_LOGIN_DEVICE` \[5\] a minute, and four times as many a day.
    pub login_device: u32,
    /// `RATE_LIMIT_LIST` \[30\].
    pub list: u32,
    /// `RATE_LIMIT_REVOKE` \[10\].
    pub revoke: u32,
    /// `RATE_LIMIT_LOGOUT_ALL` \[5\].
    pub logout_all: u32,
    /// `RATE_LIMIT_CLEANUP` \[5\].
    pub cleanup: u32,
}

impl Limits {
    /// The limit of a rule.
    #[must_use]
    pub const fn for_rule(&self, rule: Rule) -> u32 {
        match rule {
            Rule::Login => self.login_ip,
            Rule::Guesses => self.login_guesses,
            Rule::GuessesEverywhere => self.login_account,
            Rule::GuessesDay => self.login_account_day,
            Rule::Device => self.login_device,
            Rule::DeviceDay => self.login_device.saturating_mul(DEVICE_DAY),
            Rule::List => self.list,
            Rule::Revoke => self.revoke,
            Rule::LogoutAll => self.logout_all,
            Rule::Cleanup => self.cleanup,
        }
    }
}

/// Where requests are counted as coming from: an IPv4 address, or the part of an IPv6 address that one client has all of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source(String);

impl Source {
    /// The source of an address's requests: of IPv6 the /64, which is the least that a client gets. Requests without an
    /// address share a source; API Gateway always sends one.
    #[must_use]
    pub fn of_requests(address: Option<IpAddr>) -> Self {
        Self::of(address, |[a, b, c, d, ..]| {
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        })
    }

    /// The source of an address's guesses at one account: of IPv6 the /48, since a home may get that much, and would
    /// otherwise have 65,536 sources.
    #[must_use]
    pub fn of_guesses(address: Option<IpAddr>) -> Self {
        Self::of(address, |[a, b, c, ..]| {
            format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        })
    }

    fn of(address: Option<IpAddr>, prefix: impl FnOnce([u16; 8]) -> String) -> Self {
        Self(match address.map(|address| address.to_canonical()) {
            None => "unknown".to_owned(),
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => prefix(address.segments()),
        })
    }

    /// As counters store it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a rule leaves one client in the current window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The rule.
    pub rule: Rule,
    /// Its limit.
    pub limit: u32,
    /// What is left.
    pub remaining: u32,
    /// How long until the window ends, in seconds.
    pub resets_in: i64,
}

/// The quotas a request was counted against, for its response headers. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Quotas(Arc<Mutex<Vec<Quota>>>);

impl Quotas {
    /// All of them, in the order of the rules.
    #[must_use]
    pub fn all(&self) -> Vec<Quota> {
        let mut quotas = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        quotas.sort_by_key(|quota| quota.rule);
        quotas
    }

    /// Records what a rule has left, replacing its previous quota.
    pub fn note(&self, quota: Quota) {
        let mut quotas = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match quotas.iter_mut().find(|noted| noted.rule == quota.rule) {
            Some(noted) => *noted = quota,
            None => quotas.push(quota),
        }
    }
}

/// Whether to allow a request.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Allowed,
    /// It is over a limit until the window ends.
    Refused {
        /// Seconds until then.
        retry_after: i64,
    },
}

impl Admission {
    /// As a `Result`.
    ///
    /// # Errors
    ///
    /// [`Error::RateLimited`] if the request is over its limit.
    pub const fn allowed(self) -> Result<(), Error> {
        match self {
            Self::Allowed => Ok(()),
            Self::Refused { retry_after } => Err(Error::RateLimited { retry_after }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(address: &str) -> String {
        Source::of_requests(Some(address.parse().unwrap())).0
    }

    fn guesser(address: &str) -> String {
        Source::of_guesses(Some(address.parse().unwrap())).0
    }

    #[test]
    fn requests_of_ipv6_are_those_of_its_64() {
        assert_eq!(source("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(source("2001:db8:1:2:ffff::"), source("2001:db8:1:2::1"));
        assert_ne!(source("2001:db8:1:3::1"), source("2001:db8:1:2::1"));
    }

    #[test]
    fn guesses_of_ipv6_are_those_of_its_48() {
        assert_eq!(guesser("2001:db8:1:2:3:4:5:6"), "2001:db8:1::/48");
        assert_eq!(guesser("2001:db8:1:ffff::"), guesser("2001:db8:1:2::1"));
        assert_ne!(guesser("2001:db8:2:2::1"), guesser("2001:db8:1:2::1"));
        assert_eq!(guesser("::ffff:203.0.113.7"), "203.0.113.7");
    }

    #[test]
    fn a_mapped_address_is_its_ipv4() {
        assert_eq!(source("::ffff:203.0.113.7"), "203.0.113.7");
        assert_eq!(source("::ffff:cb00:7107"), "203.0.113.7");
        assert_ne!(source("::ffff:203.0.113.7"), source("::ffff:203.0.113.8"));
    }

    #[test]
    fn clients_without_an_address_share_one_source() {
        assert_eq!(Source::of_requests(None).as_str(), "unknown");
    }
}
