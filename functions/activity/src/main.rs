//! Starts the `activity` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::runtime::run(activity::ROUTE, 1, |state, request| {
        Box::pin(activity::handle(state, request))
    })
    .await
}
