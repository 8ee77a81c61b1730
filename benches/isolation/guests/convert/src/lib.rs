//! What the tool of every guest does: it converts units by the table of `examples/units`.

// The table is that of the example, which uses more of it.
#[path = "../../../../../examples/units/src/unit.rs"]
#[expect(dead_code, reason = "the example also lists its units")]
mod unit;

use unit::Unit;

/// The name of the tool, which every guest has. hyper-mcp puts a plugin's name and a dash before
/// those of its tools, so the others have the dash too.
pub const NAME: &str = "units-convert";

/// What a client is told of the tool.
pub const DESCRIPTION: &str = "Converts a value from one unit into another of the same quantity";

/// A value in words, such as `10 km = 6.21371192237 mi`, or why it cannot be converted.
///
/// # Errors
///
/// A symbol names no unit, or the two measure different quantities.
pub fn converted(value: f64, from: &str, to: &str) -> Result<String, String> {
    let (from, to) = (named(from)?, named(to)?);
    if from.quantity != to.quantity {
        let (of, other) = (from.quantity, to.quantity);
        return Err(format!(
            "`{from}` measures {of} and `{to}` measures {other}"
        ));
    }
    let converted = rounded(to.of_base(from.to_base(value)));
    Ok(format!("{value} {from} = {converted} {to}"))
}

fn named(symbol: &str) -> Result<&'static Unit, String> {
    unit::find(symbol).ok_or_else(|| format!("there is no unit `{symbol}`"))
}

/// Twelve significant digits, as the example gives them.
fn rounded(value: f64) -> f64 {
    format!("{value:.11e}").parse().unwrap_or(value)
}
