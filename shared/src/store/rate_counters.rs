//! Rate counters: one item per window, removed by TTL.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    config::retry::RetryConfig,
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};

use super::{
    error::StoreError,
    expression::{Attributes, number},
    item_keys::ItemKey,
    table::Store,
};
use crate::domain::clock::Seconds;

/// Seconds a counter outlives its window, for machines whose clocks are behind.
const KEPT_SECONDS: i64 = 60;

/// The counters of one client in one window, stored in one item: all of them count a request, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateCounters {
    /// The rule's name.
    pub rule: &'static str,
    /// The client.
    pub key: String,
    /// Which part of the client, if each has counters of its own.
    pub part: Option<String>,
    /// When the window ends.
    pub ends_at: Seconds,
    /// The counters and their limits.
    pub counters: Vec<(String, u32)>,
}

/// The counters' values, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CountOutcome {
    /// With this request.
    Counted(Vec<u32>),
    /// Not counted: at least one is at its limit.
    OverLimit(Vec<u32>),
}

impl Store {
    /// Adds 1 to each counter if all of them are below their limits.
    ///
    /// A retry (the SDK's, after a lost answer) counts twice; at worst a client is refused a little early.
    ///
    /// # Errors
    ///
    /// If the table cannot be written.
    pub async fn count(&self, counters: &RateCounters) -> Result<CountOutcome, StoreError> {
        let mut condition = Vec::new();
        let mut update = self.change(counters, 1);
        for (index, (_, limit)) in counters.counters.iter().enumerate() {
            condition.push(format!(
                "(attribute_not_exists(#c{index}) OR #c{index} < :l{index})"
            ));
            update = update.expression_attribute_values(format!(":l{index}"), number(*limit));
        }
        let outcome = update
            .condition_expression(condition.join(" AND "))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let error = match outcome {
            Ok(answer) => {
                return Ok(CountOutcome::Counted(
                    counters.counts(answer.attributes.as_ref())?,
                ));
            }
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                Ok(CountOutcome::OverLimit(counters.counts(failed.item())?))
            }
            _ => Err(StoreError::from_sdk("UpdateItem", error)),
        }
    }

    /// Refunds what [`Store::count`] added: takes 1 from each counter.
    ///
    /// Not retried if the answer is lost: a double refund would allow one guess too many, while a missing refund costs
    /// the owner one attempt of that minute.
    ///
    /// # Errors
    ///
    /// If the table cannot be written, or the counters are gone.
    pub async fn refund(&self, counters: &RateCounters) -> Result<(), StoreError> {
        let positive = |index| format!("#c{index} > :none");
        let condition: Vec<_> = (0..counters.counters.len()).map(positive).collect();
        let once = aws_sdk_dynamodb::Config::builder().retry_config(RetryConfig::disabled());
        let outcome = self
            .change(counters, -1)
            .expression_attribute_values(":none", number(0))
            .condition_expression(condition.join(" AND "))
            .customize()
            .config_override(once)
            .send()
            .await;
        outcome
            .map(drop)
            .map_err(|error| StoreError::from_sdk("UpdateItem", error))
    }

    /// Removes all of a client's counters, of every part, in the window of this rule that ends then.
    ///
    /// A retry finds nothing left.
    ///
    /// # Errors
    ///
    /// If the table cannot be read or written. Some may be removed by then.
    pub async fn forget_counters(
        &self,
        rule: &'static str,
        key: &str,
        ends_at: Seconds,
    ) -> Result<(), StoreError> {
        let window = ItemKey::rate(rule, key, ends_at, None);
        let mut last = None;
        loop {
            let page = self
                .query(window.pk.as_str(), &window.sk)
                .projection_expression("pk, sk")
                .set_exclusive_start_key(last)
                .send()
                .await
                .map_err(|error| StoreError::from_sdk("Query", error))?;
            for found in page.items.unwrap_or_default() {
                self.delete(found).await?;
            }
            last = page.last_evaluated_key;
            if last.is_none() {
                return Ok(());
            }
        }
    }

    /// An update that adds `step` to each counter.
    fn change(&self, counters: &RateCounters, step: i32) -> UpdateItemFluentBuilder {
        let additions: Vec<_> = (0..counters.counters.len())
            .map(|index| format!("#c{index} :step"))
            .collect();
        let names = counters.counters.iter().enumerate();
        let names: HashMap<_, _> = names
            .map(|(index, (name, _))| (format!("#c{index}"), name.clone()))
            .collect();
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(counters.item_key().attributes()))
            .update_expression(format!("SET expires_at = :expires ADD {}", additions.join(", ")))
            .set_expression_attribute_names(Some(names))
            .expression_attribute_values(":expires", number(counters.ends_at.plus(KEPT_SECONDS).0))
            .expression_attribute_values(":step", number(step))
    }
}

impl RateCounters {
    fn item_key(&self) -> ItemKey {
        ItemKey::rate(self.rule, &self.key, self.ends_at, self.part.as_deref())
    }

    /// A missing counter counts as 0.
    fn counts(&self, item: Option<&Attributes>) -> Result<Vec<u32>, StoreError> {
        let count = |(name, _): &(String, u32)| match item.and_then(|item| item.get(name)) {
            None => Ok(0),
            Some(value) => value
                .as_n()
                .ok()
                .and_then(|number| number.parse().ok())
                .ok_or_else(|| StoreError::Corrupt {
                    item: format!("rate counter {}", self.rule),
                    attribute: name.clone(),
                    reason: "not a count".to_owned(),
                }),
        };
        self.counters.iter().map(count).collect()
    }
}
