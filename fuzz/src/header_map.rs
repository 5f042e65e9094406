//! The header map that the host hands to the filter.

use cambist_filter::host::HeaderMap;

/// The input is what a host wrote.
///
/// No header reaches beyond the map; a map that is read to its end says the same when it is written again.
pub fn header_map(data: &[u8]) {
    let map = HeaderMap::new(data.to_vec());
    let mut headers = map.headers();
    let pairs: Vec<_> = headers.by_ref().collect();
    let size: usize = pairs.iter().map(|(name, value)| name.len() + value.len() + 10).sum();
    assert!(size <= data.len(), "headers were read that are not there");
    let complete = headers.is_complete();
    let written = HeaderMap::from_pairs(pairs.iter().copied());
    assert_eq!(written.headers().collect::<Vec<_>>(), pairs, "headers change when they are written again");
    assert!(written.headers().count() == 0 || !complete || counted(data) == pairs.len());
}

/// How many headers the map says it has.
fn counted(data: &[u8]) -> usize {
    let count = data.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes)).unwrap_or_default();
    usize::try_from(count).unwrap_or(usize::MAX)
}
