//! brig
fn main(){}
