//! Transactions.

use std::borrow::Cow;

use aws_sdk_dynamodb::{
    error::BuildError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure,
        TransactWriteItem, Update,
    },
};
use backon::BackoffBuilder;

use super::{
    error::StoreError,
    expression::{ABSENT, Attributes, Update as Changes},
    item_keys::ItemKey,
    retry::pauses,
    table::Store,
};

/// One action of a transaction. Building it cannot fail: every field that `DynamoDB` requires is here.
pub(super) enum Action {
    /// Puts an audit event, which is new: an event is never written over.
    Tell { event: Attributes },
    /// Puts an item where there is none.
    Put { item: Attributes },
    Update {
        key: ItemKey,
        changes: Changes,
        also: &'static str,
        condition: Cow<'static, str>,
    },
    Check {
        key: ItemKey,
        condition: &'static str,
        values: Attributes,
    },
    Delete {
        key: ItemKey,
        condition: &'static str,
        values: Attributes,
    },
}

/// The outcome of a transaction.
pub(super) enum Outcome {
    /// It was applied, now or by an earlier attempt of the same request.
    Committed,
    /// Conditions failed and nothing was applied. For each action: whether its condition failed, with the current item.
    Failed(Vec<ConditionOutcome>),
}

/// The outcome of one action of a transaction that was not applied.
pub(super) enum ConditionOutcome {
    /// Its condition held or was not evaluated.
    Held,
    /// Its condition failed on this item (`None` if there is no such item).
    Failed(Option<Attributes>),
}

impl Store {
    /// Commits all actions or none.
    ///
    /// The SDK retries time-outs and server errors but not `TransactionConflict`, so that is retried here, with jitter.
    /// Every attempt carries the same `ClientRequestToken`: for ten minutes, if an attempt was applied but its answer
    /// was lost, the next one succeeds without being applied again.
    ///
    /// # Errors
    ///
    /// [`StoreError::Contended`] if the retries run out.
    pub(super) async fn transact(
        &self,
        operation: &'static str,
        actions: Vec<Action>,
    ) -> Result<Outcome, StoreError> {
        let count = actions.len();
        let tells: Vec<_> = actions
            .iter()
            .map(|action| matches!(action, Action::Tell { .. }))
            .collect();
        let actions: Vec<_> = actions
            .into_iter()
            .map(|action| self.build(action))
            .collect::<Result<_, _>>()
            .map_err(|error| StoreError::from_build("TransactWriteItems", error))?;
        let token = self.ids.request_token();
        let mut pauses = pauses().build();
        loop {
            let request = self.client.transact_write_items().client_request_token(&token);
            let Err(error) = request.set_transact_items(Some(actions.clone())).send().await else {
                return Ok(Outcome::Committed);
            };
            let service = error.as_service_error();
            let again = service.is_some_and(TransactWriteItemsError::is_transaction_in_progress_exception);
            let reasons = service.and_then(cancellation);
            match reasons {
                Some(reasons) if reasons.iter().any(is_failed_condition) => {
                    let mut outcomes: Vec<_> = reasons.into_iter().map(outcome).collect();
                    outcomes.resize_with(count, || ConditionOutcome::Held);
                    let told = |(outcome, tells): (_, &bool)| {
                        *tells && matches!(outcome, &ConditionOutcome::Failed(_))
                    };
                    if outcomes.iter().zip(&tells).any(told) {
                        // Its id is new, so only an earlier attempt of this can have put it there.
                        return Ok(Outcome::Committed);
                    }
                    return Ok(Outcome::Failed(outcomes));
                }
                Some(reasons) if reasons.iter().any(passes) => {}
                _ if again => {}
                _ => return Err(StoreError::from_sdk("TransactWriteItems", error)),
            }
            let pause = pauses.next().ok_or(StoreError::Contended { operation })?;
            tokio::time::sleep(pause).await;
        }
    }

    fn build(&self, action: Action) -> Result<TransactWriteItem, BuildError> {
        let old = ReturnValuesOnConditionCheckFailure::AllOld;
        let table = &self.table;
        let item = TransactWriteItem::builder();
        let put = |attributes| {
            Put::builder()
                .table_name(table)
                .set_item(Some(attributes))
                .condition_expression(ABSENT)
                .return_values_on_condition_check_failure(old.clone())
                .build()
        };
        Ok(match action {
            Action::Put { item: attributes } | Action::Tell { event: attributes } => {
                item.put(put(attributes)?).build()
            }

            Action::Update {
                key,
                changes,
                also,
                condition,
            } => {
                let update = Update::builder()
                    .table_name(table)
                    .set_key(Some(key.attributes()))
                    .update_expression(changes.expression(also))
                    .condition_expression(condition)
                    .set_expression_attribute_values(Some(changes.values))
                    .return_values_on_condition_check_failure(old);
                item.update(update.build()?).build()
            }
            Action::Check {
                key,
                condition,
                values,
            } => {
                let check = ConditionCheck::builder()
                    .table_name(table)
                    .set_key(Some(key.attributes()))
                    .condition_expression(condition)
                    .set_expression_attribute_values(Some(values))
                    .return_values_on_condition_check_failure(old);
                item.condition_check(check.build()?).build()
            }
            Action::Delete {
                key,
                condition,
                values,
            } => {
                let condition = (!condition.is_empty()).then(|| condition.to_owned());
                let delete = Delete::builder()
                    .table_name(table)
                    .set_key(Some(key.attributes()))
                    .set_condition_expression(condition)
                    .set_expression_attribute_values(Some(values).filter(|values| !values.is_empty()));
                item.delete(delete.build()?).build()
            }
        })
    }
}

fn cancellation(error: &TransactWriteItemsError) -> Option<Vec<CancellationReason>> {
    match error {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            Some(cancelled.cancellation_reasons().to_vec())
        }
        _ => None,
    }
}

fn is_failed_condition(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

/// Whether a retry may succeed.
fn passes(reason: &CancellationReason) -> bool {
    matches!(
        reason.code(),
        Some("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
    )
}

fn outcome(reason: CancellationReason) -> ConditionOutcome {
    if is_failed_condition(&reason) {
        ConditionOutcome::Failed(reason.item)
    } else {
        ConditionOutcome::Held
    }
}
