//! Marks what a thread does, for whoever wants to know where its CPU time goes (`roger bench kms`, `roger bench idm`).
//!
//! The marks are `tracing` spans of the target `roger::cpu`, named `tls`, `socket`, `xml`, `crypto`, `wrap`, `token`,
//! `password`. Without a subscriber that asks for this target they cost the look at one flag.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io::{IoSlice, Result};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tracing::{Span, trace_span};

/// The marks of one connection, made once.
#[derive(Clone)]
pub(crate) struct Marks {
    pub(crate) tls: Span,
    pub(crate) socket: Span,
}

impl Marks {
    pub(crate) fn new() -> Self {
        Self {
            tls: trace_span!(target: "roger::cpu", parent: None, "tls"),
            socket: trace_span!(target: "roger::cpu", parent: None, "socket"),
        }
    }
}

/// A stream whose calls run inside a mark.
pub(crate) struct Marked<S> {
    stream: S,
    mark: Span,
}

impl<S> Marked<S> {
    pub(crate) const fn new(stream: S, mark: Span) -> Self {
        Self { stream, mark }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Marked<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let Self { stream, mark } = self.get_mut();
        mark.in_scope(|| Pin::new(stream).poll_read(cx, buffer))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Marked<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<Result<usize>> {
        let Self { stream, mark } = self.get_mut();
        mark.in_scope(|| Pin::new(stream).poll_write(cx, octets))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let Self { stream, mark } = self.get_mut();
        mark.in_scope(|| Pin::new(stream).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let Self { stream, mark } = self.get_mut();
        mark.in_scope(|| Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let Self { stream, mark } = self.get_mut();
        mark.in_scope(|| Pin::new(stream).poll_shutdown(cx))
    }
}
