//! The Envoy filter: a thin shell over `cambist-core`.
