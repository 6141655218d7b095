//! Starts the `jwks` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::runtime::run(jwks::ROUTE, 1, |state, request| {
        Box::pin(jwks::handle(state, request))
    })
    .await
}
