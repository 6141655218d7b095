//! Starts the `admin` function.

use admin::Invocation;
use lambda_http::lambda_runtime::{self, LambdaEvent};
use serde_json::Value;
use shared::domain::{clock::Millis, password::Hasher};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let (state, _) = shared::State::from_env(&admin::FUNCTION).await?;
    let hasher = Hasher::new(state.config.argon2, state.ids.clone())?;
    let admin = admin::AdminState { state, hasher };
    let handle = |event: LambdaEvent<Value>| {
        let admin = &admin;
        async move {
            let deadline = i64::try_from(event.context.deadline).ok().map(Millis);
            let invocation = Invocation {
                request_id: &event.context.request_id,
                // The development server sends one long past.
                deadline: deadline.filter(|deadline| *deadline > admin.state.clock.now()),
            };
            let answer = admin::handle(admin, event.payload, invocation).await;
            Ok::<_, lambda_http::Error>(answer)
        }
    };
    lambda_runtime::run(lambda_runtime::service_fn(handle)).await
}
