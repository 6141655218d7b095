//! Calls to AWS that fail, as a test wants it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use aws_sdk_dynamodb::config::{
    ConfigBag, Intercept, RuntimeComponents,
    interceptors::{BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef},
};

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Makes one call of the clients that it is given to fail, or all from now on. Clones share the count.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<State>);

#[derive(Debug, Default)]
struct State {
    calls: AtomicUsize,
    /// The call that fails, counted from 1; 0 for none.
    failing: usize,
    /// Whether it reaches the service, and only its answer is lost.
    is_answer_lost: bool,
    down: AtomicBool,
}

impl Faults {
    /// The call number `failing`, counted from 1, fails: before it reaches the service, or after.
    #[must_use]
    pub fn at_call(failing: usize, is_answer_lost: bool) -> Self {
        Self(Arc::new(State {
            failing,
            is_answer_lost,
            ..State::default()
        }))
    }

    /// Whether the call that is to fail was made.
    #[must_use]
    pub fn happened(&self) -> bool {
        self.0.calls.load(Ordering::SeqCst) >= self.0.failing
    }

    /// From now on everything fails.
    pub fn take_down(&self) {
        self.0.down.store(true, Ordering::SeqCst);
    }
}

impl Intercept for Faults {
    fn name(&self) -> &'static str {
        "Faults"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Outcome {
        let call = self.0.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let fails = self.0.down.load(Ordering::SeqCst) || (call == self.0.failing && !self.0.is_answer_lost);
        if fails { Err("cut short".into()) } else { Ok(()) }
    }

    fn read_after_transmit(
        &self,
        _: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Outcome {
        let fails = self.0.is_answer_lost && self.0.calls.load(Ordering::SeqCst) == self.0.failing;
        if fails {
            Err("the answer was lost".into())
        } else {
            Ok(())
        }
    }
}
