//! Starts the `authorizer` function.

use authorizer::Authorizer;
use lambda_http::lambda_runtime::{self, LambdaEvent};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let (state, _) = shared::State::from_env(&authorizer::FUNCTION).await?;
    state.warm(authorizer::FUNCTION.connections).await;
    let authorizer = Authorizer::new(state);
    let handle = |event: LambdaEvent<authorizer::AuthorizerRequest>| {
        let authorizer = &authorizer;
        Box::pin(async move {
            let answer = authorizer::handle(authorizer, &event.payload).await;
            answer.map_err(|error| lambda_http::Error::from(error.report()))
        })
    };
    lambda_runtime::run(lambda_runtime::service_fn(handle)).await
}
