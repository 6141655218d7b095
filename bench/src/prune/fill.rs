//! Fills the table with events as large as those of real phones.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use dynoxide::{Database, Item};
use local::table::TableDefinition;
use shared::{
    domain::{
        audit::{AuditContext, AuditEvent, EventType},
        clock::Millis,
        day::Day,
        ids::Ids,
        session::Origin,
    },
    store::Store,
};

use testkit::Outcome;

use crate::fill;

pub(super) const TABLE: &str = "holdfast";
pub(super) const RETENTION_DAYS: u8 = 30;
const DAY_MILLIS: i64 = 86_400_000;
/// How many events of each day the service's own code makes; the others are copies.
const ORIGINALS_A_DAY: i64 = 64;

/// Events of each needed day, as the service stores them.
pub(crate) struct Originals {
    engine: Database,
    ids: Ids,
    /// Today's, yesterday's and so on.
    days: Vec<Vec<Original>>,
}

struct Original {
    item: Item,
    /// Ids of event, user and session.
    ids: [String; 3],
}

impl Originals {
    /// Events back to the newest day past retention.
    ///
    /// # Errors
    ///
    /// If they cannot be stored in a table of their own, or read back.
    pub(crate) async fn new(
        engine: Database,
        client: &Client,
        definition: &TableDefinition,
        today: Day,
    ) -> Outcome<Self> {
        const ORIGINALS: &str = "originals";
        definition.create(client, ORIGINALS).await?;
        let ids = Ids::system();
        let store = Store::new(client.clone(), ORIGINALS, ids.clone());
        let (mut known, newest) = (HashMap::new(), i64::from(RETENTION_DAYS) + 1);
        for (back, number) in
            (0..=newest).flat_map(|back| (0..ORIGINALS_A_DAY).map(move |number| (back, number)))
        {
            let start = today.plus(-back).since(Day::containing(Millis(0))) * DAY_MILLIS;
            let event = event(&ids, Millis(start + number * DAY_MILLIS / ORIGINALS_A_DAY));
            store.record(&event).await?;
            let session = event.session_id.ok_or("an original has a session")?;
            let own = [
                event.id.to_string(),
                event.user_id.to_string(),
                session.to_string(),
            ];
            known.insert(event.id.to_string(), (back, own));
        }
        let mut days: Vec<_> = (0..=newest).map(|_| Vec::new()).collect();
        for item in fill::all_items(&engine, ORIGINALS)? {
            let (back, ids) = fill::strings(&item)
                .find_map(|text| known.remove(text))
                .ok_or("there is an event that nobody recorded")?;
            days[usize::try_from(back)?].push(Original { item, ids });
        }
        if !known.is_empty() {
            return Err("there are events missing that were just recorded".into());
        }
        Ok(Self { engine, ids, days })
    }

    /// Writes `count` events; event number n is `back(n)` days old.
    ///
    /// # Errors
    ///
    /// If the table cannot be written.
    pub(crate) async fn fill(&self, count: usize, back: impl Fn(usize) -> usize) -> Outcome<()> {
        let events = (0..count).map(|number| {
            let originals = &self.days[back(number)];
            originals[number / self.days.len() % originals.len()].copy(&self.ids)
        });
        let told = |written| format!("prune: {written} of {count} events written");
        fill::write_all(&self.engine, TABLE, events, told).await
    }
}

impl Original {
    /// The same event for another user, at the same time and in the same shard (chosen by the end of its id).
    fn copy(&self, ids: &Ids) -> Item {
        let (old, new) = (&self.ids[0], ids.event(Millis(0)).to_string());
        let others = [
            format!("{}{}{}", &old[..13], &new[13..34], &old[34..]),
            ids.user().to_string(),
            ids.session(Millis(0)).to_string(),
        ];
        fill::copy(&self.item, &self.ids, &others)
    }
}

fn event(ids: &Ids, at: Millis) -> AuditEvent {
    let context = AuditContext {
        at,
        origin: Origin {
            ip_address: Some([203, 0, 113, 7].into()),
            user_agent: Some(
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Mobile/15E148"
                    .to_owned(),
            ),
            city: Some("Bern".to_owned()),
            country: Some("CH".to_owned()),
        },
        request_id: Some("JKJaXmPLvHcESHA=".to_owned()),
        actor: None,
    };
    let mut event = context.event(ids, ids.user(), EventType::LoginSucceeded);
    event.session_id = Some(ids.session(at));
    event.device_name = Some("Apple iPhone".to_owned());
    event
}
