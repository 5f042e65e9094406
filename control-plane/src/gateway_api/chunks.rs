//! A response body of two shared pieces, of known length and without copying them together.

use core::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};

/// What is still to be sent.
pub(super) struct Chunks([Option<Bytes>; 2]);

// === impl Chunks ===

impl Chunks {
    /// `first`, then `second`.
    pub(super) const fn new(first: Bytes, second: Bytes) -> Self {
        Self([Some(first), Some(second)])
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.0.iter_mut().find_map(Option::take);
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.0.iter().flatten().map(Bytes::len).fold(0, usize::saturating_add);
        SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
    }
}
