//! Fills a table to a given size with other users' records, hundreds of thousands of them, written directly to the
//! engine.

use dynoxide::{AttributeValue, Database, ImportOptions, Item, actions::scan::ScanRequest};
use shared::domain::{
    clock::Clock,
    ids::{Ids, SessionId, UserId},
};
use tokio::task::spawn_blocking;

use testkit::Outcome;

use crate::stack::BenchStack;

/// Items per transaction of the engine.
const BATCH: usize = 10_000;

/// Fills a table with copies of one user's records, each for another user.
pub struct Filler {
    table: String,
    engine: Database,
    ids: Ids,
    /// User, session and address.
    ids_of_original: [String; 3],
    originals: Vec<Item>,
    items: usize,
}

impl Filler {
    /// Copies what a login leaves in the table of `stack`, which must be new.
    ///
    /// # Errors
    ///
    /// If the table cannot be read or written.
    pub async fn new(stack: &BenchStack) -> Outcome<Self> {
        let email = stack.account().await?;
        let session = stack.phone(&email).await?.session;
        let (user, session) = (session.user_id.to_string(), session.id.to_string());
        let table = stack.state.config.table_name.clone();
        let mut originals = all_items(&stack.engine, &table)?;
        let items = originals.len();
        originals.retain(|item| strings(item).any(|text| text.contains(&user)));
        if originals.len() < 4 {
            return Err(
                "a login left less behind than an account, its credential, a session and events".into(),
            );
        }
        Ok(Self {
            table,
            engine: stack.engine.clone(),
            ids: stack.state.ids.clone(),
            ids_of_original: [user, session, email],
            originals,
            items,
        })
    }

    /// Adds records up to `items` in total.
    ///
    /// # Errors
    ///
    /// If the table cannot be written.
    pub async fn fill(&mut self, items: usize) -> Outcome<()> {
        let (from, missing) = (self.items, items.saturating_sub(self.items));
        let users = std::iter::repeat_with(|| self.another_user());
        let copies = users.flatten().take(missing);
        write_all(&self.engine, &self.table, copies, |written| {
            format!("filling the table: {} of {items} items", from + written)
        })
        .await?;
        self.items += missing;
        Ok(())
    }

    fn another_user(&self) -> Vec<Item> {
        let (user, session): (UserId, SessionId) = (self.ids.user(), self.ids.session(Clock::system().now()));
        let ids = [
            user.to_string(),
            session.to_string(),
            format!("{user}@example.com"),
        ];
        let originals = self.originals.iter();
        originals
            .map(|item| copy(item, &self.ids_of_original, &ids))
            .collect()
    }
}

/// Copies a record with other ids.
pub fn copy<const N: usize>(item: &Item, ids: &[String; N], others: &[String; N]) -> Item {
    let copy = |value: &AttributeValue| match value {
        AttributeValue::S(text) => {
            let pairs = ids.iter().zip(others);
            AttributeValue::S(pairs.fold(text.clone(), |text, (old, new)| text.replace(old, new)))
        }
        other => other.clone(),
    };
    item.iter()
        .map(|(name, value)| (name.clone(), copy(value)))
        .collect()
}

/// The strings in a record, including keys.
pub fn strings(item: &Item) -> impl Iterator<Item = &str> {
    item.values().filter_map(|value| match value {
        AttributeValue::S(text) => Some(text.as_str()),
        _ => None,
    })
}

/// All records of a table.
///
/// # Errors
///
/// If it cannot be read.
pub fn all_items(engine: &Database, table: &str) -> Outcome<Vec<Item>> {
    let (mut items, mut from) = (Vec::new(), None);
    loop {
        let page = engine.scan(ScanRequest {
            table_name: table.to_owned(),
            exclusive_start_key: from,
            ..ScanRequest::default()
        })?;
        items.extend(page.items.unwrap_or_default());
        from = page.last_evaluated_key;
        if from.is_none() {
            return Ok(items);
        }
    }
}

/// Writes records while making the next ones; `progress` gets the number written so far.
///
/// # Errors
///
/// If the table cannot be written.
pub async fn write_all(
    engine: &Database,
    table: &str,
    mut items: impl Iterator<Item = Item>,
    progress: impl Fn(usize) -> String,
) -> Outcome<()> {
    let mut written = 0;
    let mut batch: Vec<_> = items.by_ref().take(BATCH).collect();
    while !batch.is_empty() {
        let (engine, table) = (engine.clone(), table.to_owned());
        let write = spawn_blocking(move || engine.import_items(&table, batch, ImportOptions::default()));
        batch = items.by_ref().take(BATCH).collect();
        written += write.await??.items_imported;
        crate::progress::show(&progress(written));
    }
    Ok(())
}
