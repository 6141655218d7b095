//! Starts the `refresh` function.

use shared::runtime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve_signing(&refresh::FUNCTION, Ok, |state, request| {
        Box::pin(refresh::handle(state, request))
    })
    .await
}
