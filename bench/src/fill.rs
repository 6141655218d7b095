//! Other users' records, so that a table is as big as it shall be.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, PutRequest, WriteRequest},
};
use futures_util::{StreamExt as _, stream};
use shared::ids::{Ids, SessionId, UserId};

use crate::{Outcome, stage::Stage};

/// As many as one request takes.
const BATCH: usize = 25;
/// How many requests are under way at once.
const AT_ONCE: usize = 4;
/// After how many items progress is shown.
const TELL_EVERY: usize = 5000;

/// A record, as the SDK has it.
pub type Item = HashMap<String, AttributeValue>;

/// Fills a table with copies of one user's records, each copy another user's.
pub struct Filler {
    table: String,
    client: Client,
    ids: Ids,
    /// User, session and address.
    ids_of_original: [String; 3],
    originals: Vec<Item>,
    items: usize,
}

impl Filler {
    /// What a login leaves behind, as the table of `stage` has it: the stage must be new.
    ///
    /// # Errors
    ///
    /// When the table cannot be read or written.
    pub async fn new(stage: &Stage) -> Outcome<Self> {
        let email = stage.account().await?;
        let session = stage.phone(&email).await?.session;
        let (user, session) = (session.user_id.to_string(), session.id.to_string());
        let table = stage.state.config.table_name.clone();
        let found = stage
            .client
            .scan()
            .table_name(&table)
            .consistent_read(true)
            .send()
            .await?;
        let items = found.items().len();
        let belongs = |item: &Item| {
            item.values()
                .any(|value| value.as_s().is_ok_and(|text| text.contains(&user)))
        };
        let originals: Vec<_> = found
            .items()
            .iter()
            .filter(|item| belongs(item))
            .cloned()
            .collect();
        if originals.len() < 4 {
            return Err(
                "a login left less behind than an account, its credential, a session and events".into(),
            );
        }
        Ok(Self {
            table,
            client: stage.client.clone(),
            ids: stage.state.ids.clone(),
            ids_of_original: [user, session, email],
            originals,
            items,
        })
    }

    /// Adds records until the table has so many.
    ///
    /// # Errors
    ///
    /// When the table cannot be written.
    pub async fn fill(&mut self, items: usize) -> Outcome<()> {
        let (from, missing) = (self.items, items.saturating_sub(self.items));
        let users = std::iter::repeat_with(|| self.another_user());
        let copies = users.flatten().take(missing);
        write_all(&self.client, &self.table, copies, |written| {
            format!("filling the table: {} of {items} items", from + written)
        })
        .await?;
        self.items += missing;
        Ok(())
    }

    fn another_user(&self) -> Vec<Item> {
        let (user, session): (UserId, SessionId) = (
            self.ids.user(),
            self.ids.session(shared::clock::Clock::system().now()),
        );
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

/// A copy of a record, with other ids.
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

/// Writes records, several batches at once; `progress` tells how many have been written.
///
/// # Errors
///
/// When the table cannot be written.
pub async fn write_all(
    client: &Client,
    table: &str,
    mut items: impl Iterator<Item = Item>,
    progress: impl Fn(usize) -> String,
) -> Outcome<()> {
    let batches = std::iter::from_fn(|| {
        let batch: Vec<_> = items.by_ref().take(BATCH).collect();
        (!batch.is_empty()).then_some(batch)
    });
    let writes = batches.map(|batch| tokio::spawn(write(client.clone(), table.to_owned(), batch)));
    let mut writes = stream::iter(writes).buffer_unordered(AT_ONCE);
    let mut written = 0;
    while let Some(batch) = writes.next().await {
        written += batch??;
        if written % TELL_EVERY == 0 {
            crate::progress(&progress(written));
        }
    }
    Ok(())
}

async fn write(client: Client, table: String, items: Vec<Item>) -> Outcome<usize> {
    let put = |item| -> Outcome<WriteRequest> {
        let put = PutRequest::builder().set_item(Some(item)).build()?;
        Ok(WriteRequest::builder().put_request(put).build())
    };
    let count = items.len();
    let requests: Outcome<Vec<_>> = items.into_iter().map(put).collect();
    let answer = client
        .batch_write_item()
        .request_items(table, requests?)
        .send()
        .await?;
    match answer.unprocessed_items() {
        Some(left) if !left.is_empty() => Err("the database left items out".into()),
        _ => Ok(count),
    }
}
