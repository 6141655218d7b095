//! Reading an account's audit trail, and recording single events.

use super::{
    error::StoreError,
    item_keys::{self, ItemKey},
    items,
    table::Store,
};
use crate::domain::{
    audit::AuditEvent,
    clock::DAY,
    email::Email,
    ids::{EventId, UserId},
};

/// A page of an audit trail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events, newest first.
    pub events: Vec<AuditEvent>,
    /// Cursor of the next page: this page's last event, if there are older ones.
    pub next: Option<EventId>,
}

impl Store {
    /// Up to `limit` events of a user, newest first, starting after `after` (which may be deleted by now): one strongly
    /// consistent query.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn events(
        &self,
        user: UserId,
        after: Option<EventId>,
        limit: u8,
    ) -> Result<EventPage, StoreError> {
        let answer = self
            .query(item_keys::trail_pk(user), item_keys::EVENT_PREFIX)
            .scan_index_forward(false)
            // One more than is shown tells whether there are older ones.
            .limit(i32::from(limit) + 1)
            .set_exclusive_start_key(after.map(|event| ItemKey::event(user, event).attributes()))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("Query", error))?;
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

    /// Records an event that accompanies no other change, unless it is there already.
    ///
    /// A retry finds the item and leaves it.
    ///
    /// # Errors
    ///
    /// If the table cannot be written.
    pub async fn record(&self, event: &AuditEvent) -> Result<(), StoreError> {
        self.put_new(items::event_item(event)).await
    }

    /// Records a refused login of an unknown address, for 30 days, unless it is there already.
    ///
    /// A retry finds the item and leaves it.
    ///
    /// # Errors
    ///
    /// If the table cannot be written.
    pub async fn record_unknown_login(&self, email: &Email, event: &AuditEvent) -> Result<(), StoreError> {
        let expires_at = event.at.seconds().plus(30 * DAY);
        self.put_new(items::unknown_login_item(email, event, expires_at))
            .await
    }
}
