//! The tool as a typed export of a component, which wassette makes a tool of.
#![allow(
    missing_docs,
    unsafe_op_in_unsafe_fn,
    clippy::pedantic,
    reason = "the bindings are written by a macro"
)]

wit_bindgen::generate!({ world: "units" });

struct Units;

impl Guest for Units {
    fn units_convert(value: f64, from: String, to: String) -> Result<String, String> {
        convert::converted(value, &from, &to)
    }
}

export!(Units);
