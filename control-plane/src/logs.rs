//! Structured logs: one JSON object a line, on standard error or wherever a test reads them.

use tracing::{Level, level_filters::LevelFilter, subscriber::SetGlobalDefaultError};
use tracing_subscriber::fmt::MakeWriter;

/// Sends this process's logs of `level` and above to `writer`.
pub fn install<W>(level: Level, writer: W) -> Result<(), SetGlobalDefaultError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_max_level(LevelFilter::from_level(level))
        .with_writer(writer)
        .finish();
    tracing::subscriber::set_global_default(subscriber)
}
