//! Starts the `prune` function.

use lambda_http::lambda_runtime::{self, LambdaEvent};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let (state, sdk) = shared::State::from_env(&prune::FUNCTION).await?;
    let prune = prune::PruneState::new(state, &sdk);
    let handle = |event: LambdaEvent<Value>| {
        let prune = &prune;
        async move {
            let time = prune::time_until(event.context.deadline, prune.state.clock.now());
            Ok::<_, lambda_http::Error>(Box::pin(prune::handle(prune, time)).await?)
        }
    };
    lambda_runtime::run(lambda_runtime::service_fn(handle)).await
}
