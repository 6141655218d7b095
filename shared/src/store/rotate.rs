//! Refreshing: one conditional `UpdateItem`.

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use backon::Retryable;

use super::{
    error::{StoreError, collided},
    expression::{Update, number, text},
    item_keys::ItemKey,
    items,
    retry::pauses,
    table::Store,
};
use crate::domain::{
    clock::{Millis, Seconds},
    ids::{SessionId, TokenId, UserId},
    session::{Origin, Session},
    ticket::MAX_TICKET_SECONDS,
};

/// The exchange of one refresh token for the next.
#[derive(Clone, Debug)]
pub struct RotateRequest {
    /// The owner.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
    /// The presented `jti`.
    pub presented: TokenId,
    /// The presented token's `iat`.
    pub issued_at: Seconds,
    /// The successor's `jti`.
    pub successor: TokenId,
    /// SHA-256 of the request's `Idempotency-Key`.
    pub idempotency_hash: Option<[u8; 32]>,
    /// Now, but never before the presented token's `iat`; also the successor's `iat`.
    pub at: Millis,
    /// The new expiry.
    pub expires_at: Seconds,
    /// Where the request came from.
    pub origin: Origin,
    /// The device's name, if the request has it.
    pub device_name: Option<String>,
}

/// The outcome of a rotation.
#[derive(Clone, Debug)]
pub enum RotateOutcome {
    /// Done. Holds the session as it was before.
    Rotated(Box<Session>),
    /// Refused. Holds the current session, if any.
    Refused(Option<Box<Session>>),
}

impl Store {
    /// Makes `successor` the current refresh token if `presented` is and the session is active.
    ///
    /// It changes no indexed attribute and does not recreate a deleted item. A retry (say, the SDK's after a lost
    /// answer) is refused, and the returned item then has `successor` as its current token, which tells the caller that
    /// the rotation was done.
    ///
    /// # Errors
    ///
    /// If the write fails. It may still have been applied; the same request may be retried.
    pub async fn rotate(&self, rotate: &RotateRequest) -> Result<RotateOutcome, StoreError> {
        let mut update = Update::default();
        update
            .set("refresh_jti", text(rotate.successor.as_str()))
            .set("previous_jti", text(rotate.presented.as_str()))
            .set("rotated_at", number(rotate.at.0))
            .set("last_used_at", number(rotate.at.0))
            .set("expires_at", number(rotate.expires_at.0))
            .set_or_remove(
                "rotation_key",
                rotate
                    .idempotency_hash
                    .as_ref()
                    .map(|key| text(items::encode_hash(key))),
            )
            .set_or_remove(
                "ip_address",
                rotate.origin.ip_address.map(|ip| text(ip.to_string())),
            )
            .set_or_remove("user_agent", items::session_agent(&rotate.origin).map(text))
            .set_or_remove("location_city", rotate.origin.city.clone().map(text))
            .set_or_remove("location_country", rotate.origin.country.clone().map(text));
        if let Some(name) = &rotate.device_name {
            update.set("device_name", text(name));
        }
        // No ticket lives longer: what is kept of the one that opened the session decides nothing any more.
        if rotate.at.seconds().since(rotate.issued_at) >= MAX_TICKET_SECONDS {
            update
                .set_or_remove("ticket_hash", None)
                .set_or_remove("ticket_expires_at", None);
        }
        update
            .value(":one", number(1))
            .value(":now", number(rotate.at.seconds().0));
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(
                ItemKey::session(rotate.user_id, rotate.session_id).attributes(),
            ))
            .update_expression(update.expression("ADD rotation_count :one"))
            .condition_expression(
                "refresh_jti = :previous_jti AND attribute_not_exists(revoked_at) AND expires_at > :now",
            )
            .set_expression_attribute_values(Some(update.values))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let outcome = (|| request.clone().send()).retry(pauses()).when(collided).await;
        let error = match outcome {
            Ok(answer) => {
                let before = items::session(answer.attributes.unwrap_or_default())?;
                return Ok(RotateOutcome::Rotated(Box::new(before)));
            }
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                let session = failed.item().cloned().map(items::session).transpose()?;
                Ok(RotateOutcome::Refused(session.map(Box::new)))
            }
            _ => Err(StoreError::from_sdk("UpdateItem", error)),
        }
    }
}
