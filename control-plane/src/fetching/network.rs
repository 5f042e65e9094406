//! Names to addresses and addresses to connections: what tests put something else in the place of.

use core::net::{IpAddr, SocketAddr};
use std::io;

use async_trait::async_trait;
use tokio::net::{TcpStream, lookup_host};

/// The way out.
#[async_trait]
pub trait Network: Send + Sync {
    /// All addresses of a name.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;

    /// A connection to exactly this address.
    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream>;
}

/// The system's resolver and sockets.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

#[async_trait]
impl Network for System {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}
