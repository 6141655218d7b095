//! Starts the `jwks` function.

use shared::runtime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&jwks::FUNCTION, |state, request| {
        Box::pin(jwks::handle(state, request))
    })
    .await
}
