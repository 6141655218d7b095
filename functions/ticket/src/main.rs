//! Starts the `ticket` function.

use lambda_http::lambda_runtime::{self, LambdaEvent};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let (state, _) = shared::State::from_env(&ticket::FUNCTION).await?;
    let handle = |event: LambdaEvent<Value>| {
        let state = &state;
        async move { Ok::<_, lambda_http::Error>(ticket::handle(state, event.payload).await) }
    };
    lambda_runtime::run(lambda_runtime::service_fn(handle)).await
}
