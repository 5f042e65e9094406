//! Load at a steady rate, for latencies that are not those of a queue: each connection sends at random moments of its
//! own, which together make the rate.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Connections, each served by a thread that sleeps between requests.
const CONNECTIONS: u32 = 16;

/// Sends `token` to `port` at `rate` requests per second for some seconds; returns the 99th percentile of the latency.
///
/// # Panics
/// When an answer is not 200 or a connection fails.
pub(crate) fn p99(port: u16, token: &str, rate: f64, seconds: u32) -> Duration {
    let request = format!(
        "GET /orders?page=2 HTTP/1.1\r\nhost: api.example\r\nuser-agent: shop-cart/2.31.0 (linux; amd64)\r\n\
         accept: application/json\r\naccept-encoding: gzip, deflate, br\r\naccept-language: en\r\n\
         authorization: Bearer {token}\r\ncache-control: no-cache\r\n\
         x-correlation-id: 0b6f6d0e-6f3c-4d57-8a66-1f2f6f2a9d11\r\n\
         traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nx-shop-region: eu-central\r\n\r\n"
    );
    let mean = Duration::from_secs_f64(f64::from(CONNECTIONS) / rate);
    let span = Duration::from_secs(u64::from(seconds));
    let mut latencies: Vec<Duration> = thread::scope(|scope| {
        let request = request.as_str();
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|number| scope.spawn(move || keep_asking(port, request, mean, span, number)))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("a connection is served to its end"))
            .collect()
    });
    latencies.sort_unstable();
    latencies[latencies.len() * 99 / 100]
}

fn keep_asking(port: u16, request: &str, mean: Duration, span: Duration, seed: u32) -> Vec<Duration> {
    let mut stream =
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the gateway accepts connections");
    stream.set_nodelay(true).expect("a socket takes options");
    let mut random = u64::from(seed) + 1;
    let mut latencies = Vec::new();
    let begun = Instant::now();
    let mut due = begun;
    while due - begun < span {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let sent = Instant::now();
        stream.write_all(request.as_bytes()).expect("the gateway takes requests");
        read_answer(&mut stream);
        latencies.push(sent.elapsed());
        due += mean.mul_f64(gap(&mut random));
    }
    latencies
}

/// A random gap with mean one, as between independent arrivals.
fn gap(state: &mut u64) -> f64 {
    // xorshift64: any spread serves.
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    #[expect(clippy::cast_precision_loss, reason = "53 bits are kept")]
    let uniform = (*state >> 11) as f64 / (1_u64 << 53) as f64;
    -(1.0 - uniform).ln()
}

/// Reads one answer of our upstream, whose body is `ok` and a line end.
fn read_answer(stream: &mut TcpStream) {
    let mut buffer = [0; 4096];
    let mut filled = 0;
    while !buffer[..filled].ends_with(b"\r\n\r\nok\n") {
        let read = stream.read(&mut buffer[filled..]).expect("the gateway answers");
        assert!(read > 0, "the gateway ended the connection: {}", String::from_utf8_lossy(&buffer[..filled]));
        filled += read;
    }
    assert!(buffer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&buffer[..filled]));
}
