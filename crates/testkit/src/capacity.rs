//! The cost of requests: the capacity units that DynamoDB reports, and how many requests run concurrently.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{
                BeforeTransmitInterceptorContextMut, BeforeTransmitInterceptorContextRef,
                FinalizerInterceptorContextRef,
            },
        },
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{
    body::SdkBody,
    config_bag::{ConfigBag, Storable, StoreReplace},
};
use serde_json::Value;

use crate::dynamodb;

/// Sums what clients consume. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct CapacityMeter(Arc<Mutex<Readings>>);

#[derive(Debug, Default)]
struct Readings {
    units: Units,
    under_way: usize,
    most_at_once: usize,
}

/// Request units of an on-demand table, including its indexes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Units {
    /// Write request units. Each write in a transaction costs two per KB.
    pub write: f64,
    /// Read request units: half a unit per 4 KB for eventually consistent reads.
    pub read: f64,
}

/// Whether a request writes, kept until its answer arrives.
#[derive(Debug)]
struct Writes(bool);

impl Storable for Writes {
    type Storer = StoreReplace<Self>;
}

impl CapacityMeter {
    /// Units consumed since the last call.
    #[expect(clippy::must_use_candidate, reason = "asked in order to forget, too")]
    pub fn take(&self) -> Units {
        std::mem::take(&mut self.readings().units)
    }

    /// The most requests that ran concurrently since the last call.
    #[expect(clippy::must_use_candidate, reason = "asked in order to forget, too")]
    pub fn take_most_at_once(&self) -> usize {
        std::mem::take(&mut self.readings().most_at_once)
    }

    fn readings(&self) -> MutexGuard<'_, Readings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for CapacityMeter {
    fn name(&self) -> &'static str {
        "CapacityMeter"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let writes = dynamodb::is_write(dynamodb::operation(target));
        config.interceptor_state().store_put(Writes(writes));
        let body = dynamodb::with_capacity(request.body().bytes().unwrap_or_default())?;
        request
            .headers_mut()
            .insert("content-length", body.len().to_string());
        *request.body_mut() = SdkBody::from(body);
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut readings = self.readings();
        readings.under_way += 1;
        readings.most_at_once = readings.most_at_once.max(readings.under_way);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut readings = self.readings();
        readings.under_way = readings.under_way.saturating_sub(1);
        drop(readings);
        let (Some(&Writes(writes)), Some(response)) = (config.load::<Writes>(), context.response()) else {
            return Ok(()); // an attempt that got no answer
        };
        // A truncated answer reports nothing. An error here would keep the SDK from retrying.
        let answer: Value =
            serde_json::from_slice(response.body().bytes().unwrap_or_default()).unwrap_or_default();
        let consumed = dynamodb::consumed_capacity(&answer).unwrap_or_default();
        let units = &mut self.readings().units;
        *(if writes { &mut units.write } else { &mut units.read }) += consumed;
        Ok(())
    }
}
