//! Starts the `jwks` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::app::run(jwks::ROUTE, 1, |state, request| {
        Box::pin(jwks::handle(state, request))
    })
    .await
}
