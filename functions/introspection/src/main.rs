//! Starts the `introspection` function.

use aws_sdk_secretsmanager::Client;
use introspection::IntrospectionState;
use shared::runtime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let build = async |state, sdk| Ok(IntrospectionState::start(state, &Client::new(&sdk)).await);
    runtime::serve_with(&introspection::FUNCTION, build, |state, request| {
        Box::pin(introspection::handle(state, request))
    })
    .await
}
