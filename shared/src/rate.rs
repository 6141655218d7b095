//! Rate limits: fixed windows of a minute, counted in the table.
//!
//! A request is counted beside the reads that it makes anyway, so that none waits longer for it. Where counting fails
//! the request does: whoever could stop the counting could guess without limit.
//!
//! Windows are fixed, so across the border of two of them up to twice the limit passes.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    clock::{Clock, Seconds},
    email::Email,
    error::Error,
    ids::UserId,
    store::{Counts, Store, StoreError, Tally},
};

/// How long a window is, in seconds.
pub const WINDOW_SECONDS: i64 = 60;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Logins from one address, whatever becomes of them.
    Login,
    /// Passwords tried for one account from one address.
    Guesses,
    /// Passwords tried for one account from everywhere.
    GuessesEverywhere,
    /// Reading the sessions, and the audit trail, of one account.
    List,
    /// Ending sessions of one account.
    Revoke,
    /// Removing the expired records of one account.
    Cleanup,
}

impl Rule {
    /// Its name in keys and headers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Guesses => "guesses",
            Self::GuessesEverywhere => "guesses-everywhere",
            Self::List => "list",
            Self::Revoke => "revoke",
            Self::Cleanup => "cleanup",
        }
    }

    /// What it counts, for the API's description.
    #[must_use]
    pub const fn counts(self) -> &'static str {
        match self {
            Self::Login => "logins from one address (IPv6: its /64)",
            Self::Guesses => "wrong passwords for one account from one address",
            Self::GuessesEverywhere => "wrong passwords for one account from everywhere",
            Self::List => "requests of one account for its sessions and its activity",
            Self::Revoke => "requests of one account that end sessions",
            Self::Cleanup => "requests of one account",
        }
    }
}

/// How many requests a minute each rule lets through; 0 turns it off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `RATE_LIMIT_LOGIN_IP` \[60\].
    pub login_ip: u32,
    /// `RATE_LIMIT_LOGIN_GUESSES` \[5\].
    pub login_guesses: u32,
    /// `RATE_LIMIT_LOGIN_ACCOUNT` \[30\].
    pub login_account: u32,
    /// `RATE_LIMIT_LIST` \[30\].
    pub list: u32,
    /// `RATE_LIMIT_REVOKE` \[10\].
    pub revoke: u32,
    /// `RATE_LIMIT_CLEANUP` \[5\].
    pub cleanup: u32,
}

impl Limits {
    /// What a rule lets through.
    #[must_use]
    pub const fn of(&self, rule: Rule) -> u32 {
        match rule {
            Rule::Login => self.login_ip,
            Rule::Guesses => self.login_guesses,
            Rule::GuessesEverywhere => self.login_account,
            Rule::List => self.list,
            Rule::Revoke => self.revoke,
            Rule::Cleanup => self.cleanup,
        }
    }
}

/// Where requests are counted as coming from: an IPv4 address, or the /64 of an IPv6 address, of which a client can
/// use every one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source(String);

impl Source {
    /// The source of an address. Requests without one, which API Gateway does not send, share a source.
    #[must_use]
    pub fn of(address: Option<IpAddr>) -> Self {
        Self(match address.map(|address| address.to_canonical()) {
            None => "unknown".to_owned(),
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        })
    }

    /// As it is written in counters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a rule has left for one client in the present window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The rule.
    pub rule: Rule,
    /// Its limit.
    pub limit: u32,
    /// What is left.
    pub remaining: u32,
    /// How long the window lasts from now, in seconds.
    pub resets_in: i64,
}

/// The quotas that a request was counted against, for the headers of its answer. Clones share them.
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

    fn note(&self, quota: Quota) {
        let mut quotas = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match quotas.iter_mut().find(|noted| noted.rule == quota.rule) {
            Some(noted) => *noted = quota,
            None => quotas.push(quota),
        }
    }
}

/// Whether a request may go on.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Allowed,
    /// It is over a limit, for so many seconds more.
    Refused {
        /// How long the window lasts.
        retry_after: i64,
    },
}

impl Verdict {
    /// Goes on, or does not.
    ///
    /// # Errors
    ///
    /// [`Error::RateLimited`] when the request is over its limit.
    pub const fn allowed(self) -> Result<(), Error> {
        match self {
            Self::Allowed => Ok(()),
            Self::Refused { retry_after } => Err(Error::RateLimited { retry_after }),
        }
    }
}

/// A password that is about to be compared: counted before it is, and given back when it was right.
#[must_use]
#[derive(Debug)]
pub struct Guess {
    /// Whether it may be compared at all.
    pub verdict: Verdict,
    reserved: Option<Reserved>,
}

#[derive(Debug)]
struct Reserved {
    tally: Tally,
    quotas: Vec<Quota>,
}

/// Counts requests.
#[derive(Clone, Debug)]
pub struct Limiter {
    store: Store,
    clock: Clock,
    limits: Limits,
}

impl Limiter {
    /// Counts in `store`, by `clock`.
    #[must_use]
    pub const fn new(store: Store, clock: Clock, limits: Limits) -> Self {
        Self { store, clock, limits }
    }

    /// Counts a login from an address.
    ///
    /// # Errors
    ///
    /// When the table cannot be written.
    pub async fn login(&self, quotas: &Quotas, source: &Source) -> Result<Verdict, StoreError> {
        self.count(quotas, Rule::Login, source.as_str()).await
    }

    /// Counts a request of an account's owner.
    ///
    /// # Errors
    ///
    /// When the table cannot be written.
    pub async fn by_user(&self, quotas: &Quotas, rule: Rule, user: UserId) -> Result<Verdict, StoreError> {
        self.count(quotas, rule, &user.to_string()).await
    }

    async fn count(&self, quotas: &Quotas, rule: Rule, key: &str) -> Result<Verdict, StoreError> {
        let counters = vec![(rule, "count".to_owned())];
        Ok(self.take(quotas, rule, key, counters).await?.verdict)
    }

    /// Reserves a guess at the password of `email`, which may be nobody's. Both limits stand in one item, so that they
    /// are taken together or not at all: a stranger who is over the limit of one address takes nothing from the limit
    /// of all.
    ///
    /// # Errors
    ///
    /// When the table cannot be written.
    pub async fn guess(&self, quotas: &Quotas, email: &Email, source: &Source) -> Result<Guess, StoreError> {
        let (account, source) = (email.digest(), source.as_str());
        if self.limits.of(Rule::GuessesEverywhere) == 0 {
            // Nothing would bound how many addresses are counted in one item: each has its own.
            let counters = vec![(Rule::Guesses, "count".to_owned())];
            let key = format!("{account}#{source}");
            return self.take(quotas, Rule::Guesses, &key, counters).await;
        }
        let counters = vec![
            (Rule::Guesses, format!("from {source}")),
            (Rule::GuessesEverywhere, "count".to_owned()),
        ];
        self.take(quotas, Rule::Guesses, &account, counters).await
    }

    /// Gives a guess back. A failure is only logged: the guess then counts until its window ends.
    pub async fn give_back(&self, quotas: &Quotas, guess: Guess) {
        let Some(reserved) = guess.reserved else { return };
        match self.store.give_back(&reserved.tally).await {
            Ok(()) => {
                for quota in reserved.quotas {
                    let remaining = quota.remaining.saturating_add(1).min(quota.limit);
                    quotas.note(Quota { remaining, ..quota });
                }
            }
            Err(error) => {
                tracing::warn!(error = %Error::from(error).report(), "a guess could not be given back");
            }
        }
    }

    /// Takes one from each counter whose rule is on, or from none.
    async fn take(
        &self,
        quotas: &Quotas,
        name: Rule,
        key: &str,
        counters: Vec<(Rule, String)>,
    ) -> Result<Guess, StoreError> {
        let on = counters.into_iter().filter(|(rule, _)| self.limits.of(*rule) > 0);
        let (rules, counters): (Vec<_>, Vec<_>) = on
            .map(|(rule, counter)| (rule, (counter, self.limits.of(rule))))
            .unzip();
        if counters.is_empty() {
            return Ok(Guess {
                verdict: Verdict::Allowed,
                reserved: None,
            });
        }
        let now = self.clock.now().seconds();
        let resets_in = WINDOW_SECONDS - now.0.rem_euclid(WINDOW_SECONDS);
        let tally = Tally {
            rule: name.name(),
            key: key.to_owned(),
            ends_at: Seconds(now.0 + resets_in),
            counters,
        };
        let (taken, counts) = match self.store.take(&tally).await? {
            Counts::Taken(counts) => (true, counts),
            Counts::Refused(counts) => (false, counts),
        };
        let quota = |(rule, count): (Rule, u32)| {
            let limit = self.limits.of(rule);
            Quota {
                rule,
                limit,
                remaining: limit.saturating_sub(count),
                resets_in,
            }
        };
        let noted: Vec<_> = rules.into_iter().zip(counts).map(quota).collect();
        for quota in &noted {
            quotas.note(*quota);
        }
        Ok(if taken {
            Guess {
                verdict: Verdict::Allowed,
                reserved: Some(Reserved { tally, quotas: noted }),
            }
        } else {
            Guess {
                verdict: Verdict::Refused {
                    retry_after: resets_in,
                },
                reserved: None,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(address: &str) -> String {
        Source::of(Some(address.parse().unwrap())).0
    }

    #[test]
    fn an_ipv6_client_is_its_64() {
        assert_eq!(source("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(source("2001:db8:1:2:ffff::"), source("2001:db8:1:2::1"));
        assert_ne!(source("2001:db8:1:3::1"), source("2001:db8:1:2::1"));
    }

    #[test]
    fn a_mapped_address_is_its_ipv4() {
        assert_eq!(source("::ffff:203.0.113.7"), "203.0.113.7");
        assert_eq!(source("::ffff:cb00:7107"), "203.0.113.7");
        assert_ne!(source("::ffff:203.0.113.7"), source("::ffff:203.0.113.8"));
    }

    #[test]
    fn clients_without_an_address_share_one_source() {
        assert_eq!(Source::of(None).as_str(), "unknown");
    }
}
