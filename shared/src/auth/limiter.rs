//! Counts requests in the table.
//!
//! A request is counted in parallel with its own reads, so it waits no longer. If counting fails, so does the request:
//! otherwise whoever could stop the counting could guess without limit.

use crate::{
    domain::{
        clock::{Clock, Seconds},
        email::Email,
        error::Error,
        ids::SessionId,
        rate::{Admission, Limits, Quota, Quotas, Rule, Source, WINDOW_SECONDS},
    },
    store::{CountOutcome, RateCounters, Store, StoreError},
};

/// A password about to be verified: counted beforehand, and refunded if it is right.
#[must_use]
#[derive(Debug)]
pub struct Guess {
    /// Whether it may be verified.
    pub admission: Admission,
    reserved: Option<Reserved>,
}

#[derive(Debug)]
struct Reserved {
    tally: RateCounters,
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
    /// If the table cannot be written.
    pub async fn login(&self, quotas: &Quotas, source: &Source) -> Result<Admission, StoreError> {
        self.count(quotas, Rule::Login, source.as_str()).await
    }

    /// Counts a request of a session: were it counted by account, a thief's session could spend its owner's limit.
    ///
    /// # Errors
    ///
    /// If the table cannot be written.
    pub async fn by_session(
        &self,
        quotas: &Quotas,
        rule: Rule,
        session: SessionId,
    ) -> Result<Admission, StoreError> {
        self.count(quotas, rule, &session.to_string()).await
    }

    async fn count(&self, quotas: &Quotas, rule: Rule, key: &str) -> Result<Admission, StoreError> {
        let counters = vec![(rule, "count".to_owned())];
        Ok(self.take(quotas, rule, key, counters).await?.admission)
    }

    /// Reserves a guess at the password of `email`, which need not exist. Both limits are in one item, so that they are
    /// taken together or not at all: a stranger over the per-address limit uses up none of the account's limit.
    ///
    /// # Errors
    ///
    /// If the table cannot be written.
    pub async fn guess(&self, quotas: &Quotas, email: &Email, source: &Source) -> Result<Guess, StoreError> {
        let (account, source) = (email.digest(), source.as_str());
        if self.limits.for_rule(Rule::GuessesEverywhere) == 0 {
            // Nothing bounds how many addresses one item would count, so each has its own.
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

    /// Refunds a guess. A failure is only logged: the guess then counts until its window ends.
    pub async fn refund(&self, quotas: &Quotas, guess: Guess) {
        let Some(reserved) = guess.reserved else { return };
        match self.store.refund(&reserved.tally).await {
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

    /// Takes one from all counters whose rule is on, or from none.
    async fn take(
        &self,
        quotas: &Quotas,
        name: Rule,
        key: &str,
        counters: Vec<(Rule, String)>,
    ) -> Result<Guess, StoreError> {
        let on = counters
            .into_iter()
            .filter(|(rule, _)| self.limits.for_rule(*rule) > 0);
        let (rules, counters): (Vec<_>, Vec<_>) = on
            .map(|(rule, counter)| (rule, (counter, self.limits.for_rule(rule))))
            .unzip();
        if counters.is_empty() {
            return Ok(Guess {
                admission: Admission::Allowed,
                reserved: None,
            });
        }
        let now = self.clock.now().seconds();
        let resets_in = WINDOW_SECONDS - now.0.rem_euclid(WINDOW_SECONDS);
        let tally = RateCounters {
            rule: name.name(),
            key: key.to_owned(),
            ends_at: Seconds(now.0 + resets_in),
            counters,
        };
        let (taken, counts) = match self.store.count(&tally).await? {
            CountOutcome::Counted(counts) => (true, counts),
            CountOutcome::OverLimit(counts) => (false, counts),
        };
        let quota = |(rule, count): (Rule, u32)| {
            let limit = self.limits.for_rule(rule);
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
                admission: Admission::Allowed,
                reserved: Some(Reserved { tally, quotas: noted }),
            }
        } else {
            Guess {
                admission: Admission::Refused {
                    retry_after: resets_in,
                },
                reserved: None,
            }
        })
    }
}
