//! Starts the `login` function.

use shared::runtime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve_signing(&login::FUNCTION, login::LoginState::new, |state, request| {
        Box::pin(login::handle(state, request))
    })
    .await
}
