//! Starts the `refresh` function.

use shared::runtime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let state = |signing| Ok(refresh::RefreshState::new(signing));
    runtime::serve_signing(&refresh::FUNCTION, state, |state, request| {
        Box::pin(refresh::handle(state, request))
    })
    .await
}
