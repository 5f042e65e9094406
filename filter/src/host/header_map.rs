//! All headers of a request as the host wrote them: one buffer, read in place.
//!
//! The SDK's own reader makes two allocations per header and panics on a name that is not UTF-8; this one does neither.

/// A header map of the proxy-wasm ABI: a count, the sizes of all names and values, then names and values, each followed
/// by a zero byte. Numbers are little-endian `u32`.
#[derive(Clone, Debug, Default)]
pub struct HeaderMap {
    bytes: Vec<u8>,
}

/// The headers of a [`HeaderMap`], name and value, in order. Stops at the first byte that is not as it should be.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    sizes: &'a [u8],
    data: &'a [u8],
}

// === impl HeaderMap ===

impl HeaderMap {
    /// A map from the bytes that the host gave.
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// The map that a host would give for these headers.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let (mut sizes, mut data, mut count) = (Vec::new(), Vec::new(), 0_u32);
        for (name, value) in pairs {
            count = count.saturating_add(1);
            for part in [name, value] {
                sizes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
                data.extend_from_slice(part);
                data.push(0);
            }
        }
        Self { bytes: [&count.to_le_bytes()[..], &sizes, &data].concat() }
    }

    /// The bytes that the host gave.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The headers; none if the map is not well-formed from the start.
    pub fn headers(&self) -> Headers<'_> {
        self.split().unwrap_or(Headers { sizes: &[], data: &[] })
    }

    fn split(&self) -> Option<Headers<'_>> {
        let (count, rest) = self.bytes.split_first_chunk::<4>()?;
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let (sizes, data) = rest.split_at_checked(count.checked_mul(8)?)?;
        Some(Headers { sizes, data })
    }
}

// === impl Headers ===

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.part()?;
        Some((name, self.part()?))
    }
}

impl<'a> Headers<'a> {
    /// Whether nothing is left that could not be read.
    pub const fn is_complete(&self) -> bool {
        self.sizes.is_empty()
    }

    fn part(&mut self) -> Option<&'a [u8]> {
        let (size, sizes) = self.sizes.split_first_chunk::<4>()?;
        let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
        let (part, rest) = self.data.split_at_checked(size)?;
        let (_zero, data) = rest.split_first()?;
        (self.sizes, self.data) = (sizes, data);
        Some(part)
    }
}

#[cfg(test)]
mod tests {
    use super::HeaderMap;

    #[test]
    fn gives_back_what_was_put_in() {
        let pairs = [(&b":path"[..], &b"/"[..]), (b"x-empty", b""), (b"x-\xff", b"\x00\xfe")];
        let map = HeaderMap::from_pairs(pairs);
        assert_eq!(map.headers().collect::<Vec<_>>(), pairs);
        assert_eq!(HeaderMap::from_pairs([]).headers().count(), 0);
    }

    #[test]
    fn every_truncation_gives_fewer_headers_and_no_panic() {
        let pairs = [(&b"a"[..], &b"1"[..]), (b"b", b"22")];
        let whole = HeaderMap::from_pairs(pairs).bytes;
        for length in 0..whole.len() {
            let map = HeaderMap::new(whole[..length].to_vec());
            let mut headers = map.headers();
            assert!(headers.by_ref().count() < 2, "{length}");
            assert!(!headers.is_complete() || map.headers().count() == 0, "{length}");
        }
    }

    #[test]
    fn sizes_that_lie_end_the_reading() {
        for count in [1_u32, 2, 0x2000_0000, u32::MAX] {
            let mut bytes = count.to_le_bytes().to_vec();
            bytes.extend_from_slice(&[0xff; 24]);
            assert_eq!(HeaderMap::new(bytes).headers().count(), 0);
        }
    }
}
