//! A fake S3 that discards every object.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::Bytes,
    http::{Method, StatusCode},
};
use tokio::{net::TcpListener, task::JoinHandle};

use testkit::Outcome;

/// A running one, on loopback. Stops when dropped.
#[derive(Debug)]
pub(crate) struct Bucket {
    endpoint: String,
    objects: Arc<AtomicUsize>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Bucket {
    /// Starts one on a free port.
    ///
    /// # Errors
    ///
    /// If it cannot listen.
    pub(crate) async fn start() -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let objects = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&objects);
        let api = Router::new().fallback(async move |method: Method, content: Bytes| {
            if method != Method::PUT || content.is_empty() {
                return StatusCode::NOT_IMPLEMENTED;
            }
            counter.fetch_add(1, Ordering::Relaxed);
            StatusCode::OK
        });
        let server = tokio::spawn(async { axum::serve(listener, api).await });
        Ok(Self {
            endpoint,
            objects,
            server,
        })
    }

    /// Its URL.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// How many objects were stored since the last call.
    pub(crate) fn take_objects(&self) -> usize {
        self.objects.swap(0, Ordering::Relaxed)
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.server.abort();
    }
}
