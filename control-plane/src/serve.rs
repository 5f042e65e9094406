//! `cambist serve`: the service on a socket until it is told to stop.

use core::{net::SocketAddr, time::Duration};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::serve::ListenerExt as _;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{
    admin,
    app::{App, Options},
    args::ServeArguments,
    clock::Clock,
    data::{DataFolder, StartError},
    fetching::schedule::Schedule,
    keys::seal::{CHECK_SETTING, Kek, SealError},
    store::{Store, records::Author, sqlite::SqliteStore},
};

/// How long requests may take to finish once the service was told to stop.
const DRAIN: Duration = Duration::from_secs(20);

const DAY: i64 = 86_400;

/// Serves until SIGTERM or SIGINT. Requests under way are finished, long polls end at once.
pub async fn run(arguments: ServeArguments, clock: Clock) -> Result<(), StartError> {
    let ServeArguments { data, listen, metrics_listen, port_file, key_lifetime, log: _ } = arguments;
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Listen)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Listen)?;
    let folder = DataFolder::open(&data)?;
    let kek = folder.kek()?;
    let store = Arc::new(SqliteStore::open(&folder.database()).await?);
    check(&*store, &kek, &data).await?;

    let key_lifetime = i64::from(key_lifetime).saturating_mul(DAY);
    let options = Options { key_lifetime, ..Options::default() };
    let (app, stop) = App::with(Arc::<SqliteStore>::clone(&store), kek, clock, options);
    let author = Author { actor: String::from("system"), request: String::new(), at: app.clock.now() };
    store.start(author).await?;
    app.keep_keys().await.map_err(|error| StartError::Internal(error.to_string()))?;
    let listener = TcpListener::bind(listen).await.map_err(StartError::Listen)?;
    let address = listener.local_addr().map_err(StartError::Listen)?;
    tracing::info!(%address, "listening");
    if !address.ip().to_canonical().is_loopback() {
        tracing::warn!(%address, "tokens and secrets come here in the clear; put TLS in front of it");
    }
    if let Some(file) = port_file {
        announce(&file, address).map_err(|error| StartError::File(file, error))?;
    }
    if let Some(address) = metrics_listen {
        let listener = TcpListener::bind(address).await.map_err(StartError::Listen)?;
        let address = listener.local_addr().map_err(StartError::Listen)?;
        tracing::info!(%address, "metrics");
        let mut stopping = stop.subscribe();
        let server = axum::serve(listener, admin::metrics::open(Arc::clone(&app)));
        let server = server.with_graceful_shutdown(async move {
            stopping.wait_for(|stop| *stop).await.ok();
        });
        tokio::spawn(server.into_future());
    }
    let upkeep = tokio::spawn(Arc::clone(&app).upkeep());
    let schedule = tokio::spawn(Schedule::new(Arc::clone(&app)).run(stop.subscribe()));
    let stopping = stop.subscribe();
    let server = tokio::spawn(serve(listener, Arc::clone(&app), stopping));

    tokio::select! {
        _ = terminate.recv() => tracing::info!("stopping on SIGTERM"),
        _ = interrupt.recv() => tracing::info!("stopping on SIGINT"),
    }
    stop.send_replace(true);
    match tokio::time::timeout(DRAIN, server).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => tracing::error!(%error, "the server failed"),
        Ok(Err(error)) => tracing::error!(%error, "the server failed"),
        Err(_) => tracing::warn!("some requests did not finish in time"),
    }
    if let Err(error) = schedule.await {
        tracing::error!(%error, "fetching keys failed");
    }
    if let Err(error) = upkeep.await {
        tracing::error!(%error, "upkeep failed");
    }
    app.engine.settle().await;
    store.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Serves `app` on `listener` until `stopping` turns true.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    mut stopping: watch::Receiver<bool>,
) -> io::Result<()> {
    // Answers to long polls are small and late: they must not wait for more.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let service = app.router().into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(async move {
            // An error means that nobody can tell any more: stop as well.
            stopping.wait_for(|stop| *stop).await.ok();
        })
        .await
}

async fn check(store: &dyn Store, kek: &Kek, data: &Path) -> Result<(), StartError> {
    match store.setting(CHECK_SETTING).await? {
        None => Err(StartError::NotInitialised(data.to_owned())),
        Some(record) => kek.check(&record).map_err(|_| StartError::Kek(SealError::Refused)),
    }
}

/// Writes the address in one step: who sees the file sees all of it.
fn announce(file: &Path, address: SocketAddr) -> io::Result<()> {
    let mut partial = file.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    fs::write(&partial, format!("{address}\n"))?;
    fs::rename(&partial, file)
}
