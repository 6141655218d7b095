//! Starts the `logout-all` function.

use shared::runtime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&logout_all::FUNCTION, |state, request| {
        Box::pin(logout_all::handle(state, request))
    })
    .await
}
