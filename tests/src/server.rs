//! A server in this process that can vanish and come back on the same port, connections and all.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::wait;

/// A running server. Dropping it closes its connections.
pub struct Server {
    converse: Converse,
    port: u16,
    task: Option<JoinHandle<()>>,
}

/// Serves one connection to its end.
type Converse = Arc<dyn Fn(TcpStream) -> Conversation + Send + Sync>;

type Conversation = Pin<Box<dyn Future<Output = ()> + Send>>;

// === impl Server ===

impl Server {
    /// Serves `router` on a free loopback port.
    pub async fn start(router: Router) -> Self {
        Self::start_on(0, router).await
    }

    /// Serves `router` on `port` of loopback; 0 takes a free one.
    pub async fn start_on(port: u16, router: Router) -> Self {
        Self::start_raw(port, move |stream| http(stream, router.clone())).await
    }

    /// Serves each connection to `port` of loopback with `converse`; 0 takes a free one.
    pub async fn start_raw<F>(port: u16, converse: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let converse: Converse = Arc::new(move |stream| Box::pin(converse(stream)));
        let listener = listen(port).await.unwrap_or_else(|error| panic!("port {port}: {error}"));
        let port = listener.local_addr().expect("a listener has an address").port();
        let task = tokio::spawn(serve(listener, Arc::clone(&converse)));
        Self { converse, port, task: Some(task) }
    }

    /// The port, the same over its whole life.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Refuses connections from now on, and cuts those that are open.
    pub async fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            // Once it has ended, the listener is closed.
            let _ = task.await;
        }
    }

    /// Serves again.
    pub async fn resume(&mut self) {
        if self.task.is_some() {
            return;
        }
        let port = self.port;
        let listener =
            wait::until_some("the port is free again", wait::PATIENCE, async || listen(port).await.ok())
                .await;
        self.task = Some(tokio::spawn(serve(listener, Arc::clone(&self.converse))));
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn listen(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
}

async fn serve(listener: TcpListener, converse: Converse) {
    // Owned here, so that aborting this task ends every connection too.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                connections.spawn(converse(stream));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn http(stream: TcpStream, router: Router) {
    let mut builder = http1::Builder::new();
    // Whatever a gateway lets through is to be seen, not refused here.
    builder.max_headers(4_096).max_buf_size(4 * 1024 * 1024);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // Clients that leave are no concern of ours.
    let _ = connection.with_upgrades().await;
}
