//! Counts requests in the table.
//!
//! A request is counted in parallel with its own reads, so it waits no longer. If counting fails, so does the request:
//! otherwise whoever could stop the counting could guess without limit.

use futures_util::future::join_all;

use crate::{
    domain::{
        clock::{Clock, Seconds},
        email::Email,
        error::Error,
        ids::{SessionId, TokenId},
        rate::{Admission, Limits, Quota, Quotas, Rule, Source},
    },
    store::{CountOutcome, RateCounters, Store, StoreError},
};

/// A password about to be verified: counted beforehand, and refunded if it is right.
#[must_use]
#[derive(Debug)]
pub struct Guess {
    /// Whether it may be verified.
    pub admission: Admission,
    reserved: Vec<Reserved>,
    of_day: Client,
}

#[derive(Debug)]
struct Reserved {
    tally: RateCounters,
    quotas: Vec<Quota>,
}

/// Whose counters they are.
#[derive(Debug)]
struct Client {
    /// The rule that names them.
    rule: Rule,
    key: String,
    part: Option<String>,
}

/// What one item of counters said.
struct Taken {
    admission: Admission,
    reserved: Option<Reserved>,
}

/// The rules of guesses: their counters are named by the address's digest.
const GUESSING: [Rule; 4] = [Rule::Guesses, Rule::GuessesDay, Rule::Device, Rule::DeviceDay];

impl Guess {
    /// Whether it was the last that strangers to the account had this day.
    #[must_use]
    pub fn spends_the_day(&self) -> bool {
        let quotas = self.reserved.iter().flat_map(|reserved| &reserved.quotas);
        quotas
            .into_iter()
            .any(|quota| quota.rule == Rule::GuessesDay && quota.remaining == 0)
    }
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
        let client = Client {
            rule,
            key: key.to_owned(),
            part: None,
        };
        Ok(self.take(quotas, &client, counted(rule)).await?.admission)
    }

    /// Reserves a guess at the password of `email`, which need not exist, in the counters of the minute. Both limits are
    /// in one item, so that they are taken together or not at all: a stranger over the limit of one source uses up none
    /// of the account's. A `lane`, which a valid device token names, is counted in their place.
    ///
    /// # Errors
    ///
    /// If the table cannot be written.
    pub async fn guess(
        &self,
        quotas: &Quotas,
        email: &Email,
        source: &Source,
        lane: Option<&TokenId>,
    ) -> Result<Guess, StoreError> {
        let lane = lane.filter(|_| self.limits.for_rule(Rule::Device) > 0);
        let client = |rule, part: Option<&str>| Client {
            rule,
            key: email.digest(),
            part: part.map(str::to_owned),
        };
        let (of_minute, counters, of_day) = if let Some(lane) = lane {
            let lane = Some(lane.as_str());
            let of_minute = client(Rule::Device, lane);
            (of_minute, counted(Rule::Device), client(Rule::DeviceDay, lane))
        } else if self.limits.for_rule(Rule::GuessesEverywhere) == 0 {
            // Nothing bounds how many sources one item would count, so each has its own.
            let of_minute = client(Rule::Guesses, Some(source.as_str()));
            (of_minute, counted(Rule::Guesses), client(Rule::GuessesDay, None))
        } else {
            let counters = vec![
                (Rule::Guesses, format!("from {}", source.as_str())),
                (Rule::GuessesEverywhere, "count".to_owned()),
            ];
            (
                client(Rule::Guesses, None),
                counters,
                client(Rule::GuessesDay, None),
            )
        };
        let taken = self.take(quotas, &of_minute, counters).await?;
        Ok(Guess {
            admission: taken.admission,
            reserved: taken.reserved.into_iter().collect(),
            of_day,
        })
    }

    /// Counts an admitted guess in the day, beside its hash. If it is refused, so is the login, whatever the hash said;
    /// and the minute keeps the guess, or there would be no limit to the hashes of that day.
    ///
    /// # Errors
    ///
    /// If the table cannot be written.
    pub async fn guess_of_day(&self, quotas: &Quotas, guess: &mut Guess) -> Result<Admission, StoreError> {
        let counters = counted(guess.of_day.rule);
        let taken = self.take(quotas, &guess.of_day, counters).await?;
        guess.reserved.extend(taken.reserved);
        Ok(taken.admission)
    }

    /// Removes all counters of guesses at this address: its owner has a new password.
    ///
    /// # Errors
    ///
    /// If the table cannot be read or written. Some may be removed by then.
    pub async fn forget_guesses(&self, email: &Email) -> Result<(), StoreError> {
        let (now, key) = (self.clock.now().seconds(), email.digest());
        for rule in GUESSING {
            let ends_at = now.plus(resets_in(rule, now));
            self.store.forget_counters(rule.name(), &key, ends_at).await?;
        }
        Ok(())
    }

    /// Refunds a guess. A failure is only logged: the guess then counts until its windows end.
    pub async fn refund(&self, quotas: &Quotas, guess: Guess) {
        let refunds = guess.reserved.into_iter().map(|reserved| async move {
            let outcome = self.store.refund(&reserved.tally).await;
            (reserved.quotas, outcome)
        });
        for (refunded, outcome) in join_all(refunds).await {
            if let Err(error) = outcome {
                tracing::warn!(error = %Error::from(error).report(), "a guess could not be given back");
                continue;
            }
            for quota in refunded {
                let remaining = quota.remaining.saturating_add(1).min(quota.limit);
                quotas.note(Quota { remaining, ..quota });
            }
        }
    }

    /// Takes one from all counters whose rule is on, or from none.
    async fn take(
        &self,
        quotas: &Quotas,
        client: &Client,
        counters: Vec<(Rule, String)>,
    ) -> Result<Taken, StoreError> {
        let on = counters
            .into_iter()
            .filter(|(rule, _)| self.limits.for_rule(*rule) > 0);
        let (rules, counters): (Vec<_>, Vec<_>) = on
            .map(|(rule, counter)| (rule, (counter, self.limits.for_rule(rule))))
            .unzip();
        if counters.is_empty() {
            return Ok(Taken {
                admission: Admission::Allowed,
                reserved: None,
            });
        }
        let now = self.clock.now().seconds();
        let resets_in = resets_in(client.rule, now);
        let tally = RateCounters {
            rule: client.rule.name(),
            key: client.key.clone(),
            part: client.part.clone(),
            ends_at: now.plus(resets_in),
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
            Taken {
                admission: Admission::Allowed,
                reserved: Some(Reserved { tally, quotas: noted }),
            }
        } else {
            Taken {
                admission: Admission::Refused {
                    retry_after: resets_in,
                },
                reserved: None,
            }
        })
    }
}

/// The counter of a rule that has an item to itself.
fn counted(rule: Rule) -> Vec<(Rule, String)> {
    vec![(rule, "count".to_owned())]
}

/// How many seconds are left of a rule's window.
fn resets_in(rule: Rule, now: Seconds) -> i64 {
    let window = rule.window_seconds();
    window - now.0.rem_euclid(window)
}
