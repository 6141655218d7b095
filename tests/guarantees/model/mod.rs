//! A model of one user's session life cycle, and its real counterpart.

pub mod explain;
pub mod invariants;
pub mod operations;
pub mod phone;
pub mod state;
pub mod steps;
pub mod table;

use shared::domain::clock::Seconds;
use shared::domain::rate::Rule;
use tests::{TestService, Tokens};

use self::{
    explain::{Call, History, Order},
    operations::{Label, Operation},
    phone::Phones,
    state::{Model, Rules},
    table::Records,
};

/// A table for many accounts with the same rules.
pub struct ModelRun {
    pub rules: Rules,
    service: TestService,
    /// Another account's session, and when its access token expires.
    foreign: Tokens,
    foreign_expires_at: Seconds,
}

/// An account in a run, and the model of it.
pub struct Play {
    pub service: TestService,
    pub model: Model,
    pub phones: Phones,
    /// The next operation's label.
    pub next: Label,
}

impl ModelRun {
    pub async fn new(rules: Rules) -> Self {
        let variables = [
            ("ACCESS_TOKEN_SECONDS", rules.access.to_string()),
            ("REFRESH_IDLE_SECONDS", rules.idle.to_string()),
            ("SESSION_ABSOLUTE_SECONDS", rules.absolute.to_string()),
            ("REFRESH_GRACE_SECONDS", rules.grace.to_string()),
            ("MAX_SESSIONS_PER_USER", rules.sessions.to_string()),
        ];
        let limits = Rule::ALL.map(|rule| (rule.variable(), rules.requests.to_string()));
        let variables: Vec<_> = variables
            .iter()
            .chain(&limits)
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let service = TestService::with(&variables).await;
        let foreign = service.log_in("foreign").await;
        let foreign_expires_at = service.clock.now().seconds().plus(rules.access.min(rules.idle));
        Self {
            rules,
            service,
            foreign,
            foreign_expires_at,
        }
    }

    /// An account with its own time, after these operations.
    pub async fn play(&self, before: &[Operation]) -> Play {
        let service = self.service.neighbour().await;
        let model = Model::new(self.rules, service.clock.now(), self.foreign_expires_at);
        let phones = Phones::new(service.account.clone(), self.foreign.clone());
        let mut play = Play {
            service,
            model,
            phones,
            next: 0,
        };
        for operation in before {
            play.carry_out(operation).await;
        }
        play
    }
}

impl Play {
    /// Performs an operation, which must match the model.
    async fn carry_out(&mut self, operation: &Operation) {
        let outcome = self.model.step(self.next, operation);
        if let Some(answer) = self.phones.perform(&mut self.service, self.next, operation).await {
            let heard = self.phones.hear(self.next, &outcome, &answer, &self.model, false);
            heard.unwrap_or_else(|reason| panic!("{operation:?}: {reason}"));
        }
        self.next += 1;
        self.tick();
    }

    /// Asserts that the model explains these answers and the table; `how` they arose is part of a failure.
    ///
    /// With `about_counts`, the answers' counts may be too low, as after an answer lost on its way to the function.
    pub async fn explain(&self, calls: &[Call], order: Order, about_counts: bool, how: &str) {
        let end = Records::read(&self.service).await;
        let history = History {
            start: &self.model,
            phones: &self.phones,
            calls,
            end: &end,
            order,
            about_counts,
        };
        if let Err(reason) = history.explain() {
            panic!("{how}: {reason}\n{calls:#?}\n{end:#?}");
        }
        invariants::the_trail_explains_the_sessions(&end);
        let Rules {
            absolute, sessions, ..
        } = self.model.rules;
        invariants::limits_hold(&end, self.service.clock.now(), absolute, sessions);
    }

    /// Moves the clock on, since events in the same millisecond have no known order.
    pub fn tick(&mut self) {
        self.model.now.0 += 1;
        self.service.clock.set(self.model.now);
    }
}
