//! What is tested over the whole of Milepost. This crate is for development only: nothing depends on it.
