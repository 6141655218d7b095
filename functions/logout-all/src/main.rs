//! Starts the `logout-all` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::runtime::run(logout_all::ROUTE, logout_all::CONNECTIONS, |state, request| {
        Box::pin(logout_all::handle(state, request))
    })
    .await
}
