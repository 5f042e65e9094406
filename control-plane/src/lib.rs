//! The control plane of Cambist.
