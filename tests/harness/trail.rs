//! An audit trail with events of any age, and pruning it.

use registry::prune;
use std::time::Duration;

use registry::prune::{Archive, PruneState, Report};
use shared::{
    State,
    domain::{
        audit::{AuditContext, EventType},
        clock::Millis,
        day::Day,
        ids::UserId,
        session::Origin,
    },
};

use crate::{TestService, recorded};

/// Enough time for any run.
pub const PLENTY: Duration = Duration::from_mins(10);

/// A service, and a user's trail in it.
pub struct Trail {
    /// The service.
    pub service: TestService,
    user: UserId,
}

impl Trail {
    /// A trail whose older days are recorded as pruned, up to the day before the newest one past retention.
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// The same, with these variables set.
    ///
    /// # Panics
    ///
    /// If the table cannot be written.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        let fast = [("PRUNE_WRITE_UNITS_PER_SECOND", "100000")];
        let service = TestService::with(&[variables, &fast].concat()).await;
        let trail = Self::of(service);
        trail.record(trail.newest().plus(-1)).await;
        trail
    }

    /// A trail in this service, with no day recorded as pruned.
    #[must_use]
    pub fn of(service: TestService) -> Self {
        let user = service.state.ids.user();
        Self { service, user }
    }

    /// Goes on with another user's trail, in the same table.
    pub fn go_on_with_another(&mut self) {
        self.user = self.service.state.ids.user();
    }

    /// The trail's user.
    #[must_use]
    pub fn user(&self) -> String {
        self.user.to_string()
    }

    /// The newest day past retention.
    #[must_use]
    pub fn newest(&self) -> Day {
        self.today()
            .plus(-1 - self.service.state.config.audit_retention_days)
    }

    /// Today.
    #[must_use]
    pub fn today(&self) -> Day {
        Day::containing(self.service.clock.now())
    }

    /// Records all days up to `day` as pruned.
    ///
    /// # Panics
    ///
    /// If the table cannot be written.
    pub async fn record(&self, day: Day) {
        let store = &self.service.state.store;
        let recorded = store.record_pruned_up_to(day, self.service.clock.now()).await;
        recorded.expect("the table can be written");
    }

    /// The day up to which all are recorded as pruned.
    ///
    /// # Panics
    ///
    /// If the table cannot be read.
    pub async fn recorded(&self) -> Option<Day> {
        let recorded = self.service.state.store.pruned_up_to().await;
        recorded.expect("the table can be read")
    }

    /// Writes an event at noon of `day`. Returns its id.
    pub async fn write(&self, day: Day) -> String {
        self.write_at(Millis(start(day).0 + 43_200_000), |_| true).await
    }

    /// Writes several events at noon of `day`, all in this shard of it. Returns their ids.
    pub async fn write_many(&self, day: Day, shard: u8, count: usize) -> Vec<String> {
        let noon = Millis(start(day).0 + 43_200_000);
        let mut ids = Vec::with_capacity(count);
        for _ in 0..count {
            ids.push(self.write_at(noon, |last_byte| last_byte % 16 == shard).await);
        }
        ids
    }

    /// Writes an event whose id ends in a byte that `suits`. Returns its id.
    ///
    /// # Panics
    ///
    /// If the table cannot be written.
    pub async fn write_at(&self, at: Millis, suits: impl Fn(u8) -> bool) -> String {
        let context = AuditContext {
            at,
            origin: Origin {
                user_agent: Some("Agent/1".to_owned()),
                ..Origin::default()
            },
            request_id: Some("request-1".to_owned()),
            actor: None,
        };
        let event = loop {
            let event = context.event(&self.service.state.ids, self.user, EventType::LoginFailed);
            if suits(event.id.last_byte()) {
                break event;
            }
        };
        let recorded = self.service.state.store.record(&event).await;
        recorded.expect("the table can be written");
        event.id.to_string()
    }

    /// The sorted ids of this trail's events in the table.
    pub async fn left(&self) -> Vec<String> {
        let pk = format!("TRAIL#{}", self.user);
        let items = self.service.items().await;
        let own = items.iter().filter(|item| item["pk"] == pk.as_str());
        let mut ids: Vec<_> = own
            .filter_map(|item| Some(item["sk"].as_str()?.strip_prefix("EVENT#")?.to_owned()))
            .collect();
        ids.sort();
        ids
    }

    /// Prunes without an archive, with plenty of time.
    pub async fn prune(&self) -> Report {
        self.prune_over(self.service.state.clone(), None).await
    }

    /// Prunes with this state and archive, in plenty of time.
    pub async fn prune_over(&self, state: State, archive: Option<Archive>) -> Report {
        recorded::by("prune", prune::run(&PruneState { state, archive }, PLENTY)).await
    }
}

/// The first millisecond of a day.
///
/// # Panics
///
/// Never.
#[must_use]
pub fn start(day: Day) -> Millis {
    Millis(day.since(Day::containing(Millis(0))) * 86_400_000)
}
