//! Reading an account's audit trail.

use super::{
    Store, StoreError,
    expression::text,
    items,
    keys::{self, Key},
};
use crate::{
    event::Event,
    ids::{EventId, UserId},
};

/// A page of an audit trail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events, newest first.
    pub events: Vec<Event>,
    /// Where the next page begins: the last event of this one, when there are older ones.
    pub next: Option<EventId>,
}

impl Store {
    /// Up to `limit` events of a user, newest first, beginning after `after` (an event that need not exist any more):
    /// one consistent query.
    ///
    /// # Errors
    ///
    /// When the table cannot be read.
    pub async fn events(
        &self,
        user: UserId,
        after: Option<EventId>,
        limit: u8,
    ) -> Result<EventPage, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .scan_index_forward(false)
            // One more than is shown tells whether there are older ones.
            .limit(i32::from(limit) + 1)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(keys::user_pk(user)))
            .expression_attribute_values(":prefix", text(keys::EVENT_PREFIX))
            .set_exclusive_start_key(after.map(|event| Key::event(user, event).attributes()))
            .send()
            .await
            .map_err(|error| StoreError::of("Query", error))?;
        let mut events = answer
            .items
            .unwrap_or_default()
            .into_iter()
            .map(items::event)
            .collect::<Result<Vec<_>, _>>()?;
        let more = events.len() > usize::from(limit);
        events.truncate(limit.into());
        let next = events.last().filter(|_| more).map(|event| event.id);
        Ok(EventPage { events, next })
    }
}
