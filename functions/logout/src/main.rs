//! Starts the `logout` function.

use shared::runtime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&logout::FUNCTION, |state, request| {
        Box::pin(logout::handle(state, request))
    })
    .await
}
