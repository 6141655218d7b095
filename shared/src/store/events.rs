//! Reading an account's audit trail, and recording single events.

use super::{
    error::StoreError,
    expression::text,
    item_keys::{self, ItemKey},
    items,
    table::Store,
};
use crate::domain::{
    audit::{AuditEvent, EventType},
    clock::DAY,
    email::Email,
    ids::{EventId, UserId},
};

/// How many events a query for some types looks at, at most: it costs what a page of as many would.
const MAX_LOOKED_AT: i32 = 500;

/// A page of an audit trail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events, newest first.
    pub events: Vec<AuditEvent>,
    /// Cursor of the next page, if there may be older ones.
    pub next: Option<EventId>,
}

impl Store {
    /// Up to `limit` events of a user, of these types (of all, if none is named), newest first, starting after `after`
    /// (which may be deleted by now): one strongly consistent query.
    ///
    /// For some types, it looks at no more than 500 events, so a page may have fewer than `limit`, even none, and still a
    /// cursor.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn events(
        &self,
        user: UserId,
        types: &[EventType],
        after: Option<EventId>,
        limit: u8,
    ) -> Result<EventPage, StoreError> {
        let query = self
            .query(item_keys::trail_pk(user), item_keys::EVENT_PREFIX)
            .scan_index_forward(false)
            .limit(if types.is_empty() {
                // One more than is shown tells whether there are older ones.
                i32::from(limit) + 1
            } else {
                MAX_LOOKED_AT
            })
            .set_exclusive_start_key(after.map(|event| ItemKey::event(user, event).attributes()));
        let query = if types.is_empty() {
            query
        } else {
            let values = types
                .iter()
                .enumerate()
                .map(|(number, _)| format!(":type{number}"));
            let filter = format!("#type IN ({})", values.collect::<Vec<_>>().join(", "));
            let query = query
                .filter_expression(filter)
                .expression_attribute_names("#type", "type");
            let values = types.iter().enumerate();
            values.fold(query, |query, (number, wanted)| {
                query.expression_attribute_values(format!(":type{number}"), text(wanted.name()))
            })
        };
        let answer = query
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("Query", error))?;
        // Where the query stopped looking, which may be at an event of another type.
        let stopped_at = answer
            .last_evaluated_key()
            .map(items::event_owner_and_id)
            .transpose()?
            .map(|(_, event)| event);
        let mut events = answer
            .items
            .unwrap_or_default()
            .into_iter()
            .map(items::event)
            .collect::<Result<Vec<_>, _>>()?;
        let more = events.len() > usize::from(limit);
        events.truncate(limit.into());
        let next = if more || types.is_empty() {
            events.last().filter(|_| more).map(|event| event.id)
        } else {
            stopped_at
        };
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
