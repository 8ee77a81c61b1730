//! An MCP server that converts units. It needs no right at all, so its manifest grants none.

mod unit;

use std::process::ExitCode;
use stdio_server::{Answer, Argument, Call, Kind, Outcome, Server, Tool};
use unit::{Quantity, Unit};

const TOOLS: &[Tool] = &[
    Tool {
        name: "convert",
        description: "Converts a value from one unit into another of the same quantity",
        arguments: &[
            Argument::required("value", Kind::Number, "How many of the first unit"),
            Argument::required("from", Kind::Text, "The unit of the value, for example km"),
            Argument::required("to", Kind::Text, "The unit that is wanted, for example mi"),
        ],
        call: convert,
    },
    Tool {
        name: "list_units",
        description: "Lists the units that can be converted",
        arguments: &[Argument::optional(
            "quantity",
            Kind::Text,
            "Only these: length, mass, temperature, time or data",
        )],
        call: list_units,
    },
];

/// Why nothing can be converted.
#[derive(Debug, thiserror::Error)]
enum Unconvertible {
    #[error("there is no unit `{0}`: list_units names those that there are")]
    Unit(String),
    #[error("there is no quantity `{0}`: it is one of length, mass, temperature, time and data")]
    Quantity(String),
    #[error("`{0}` measures {from} and `{1}` measures {to}", from = .0.quantity, to = .1.quantity)]
    Quantities(&'static Unit, &'static Unit),
}

fn main() -> ExitCode {
    let version = env!("CARGO_PKG_VERSION");
    stdio_server::run(&Server {
        name: "units",
        version,
        tools: &[TOOLS],
    })
}

fn convert(call: &mut Call<'_, '_>) -> Outcome {
    let value = call.number("value")?;
    let (from, to) = (
        unit_named(call.text("from")?)?,
        unit_named(call.text("to")?)?,
    );
    if from.quantity != to.quantity {
        return Err(Unconvertible::Quantities(from, to).into());
    }
    let converted = to.of_base(from.to_base(value));
    Ok(Answer::Text(format!(
        "{value} {from} = {} {to}",
        rounded(converted)
    )))
}

fn list_units(call: &mut Call<'_, '_>) -> Outcome {
    let only = match call.text_if_given("quantity")? {
        Some(name) => {
            Some(Quantity::named(name).ok_or_else(|| Unconvertible::Quantity(name.into()))?)
        }
        None => None,
    };
    let listed = unit::ALL
        .iter()
        .filter(|unit| only.is_none_or(|only| unit.quantity == only));
    let lines = listed.map(|unit| format!("{unit}: {} ({})", unit.name, unit.quantity));
    Ok(Answer::Text(lines.collect::<Vec<_>>().join("\n")))
}

fn unit_named(symbol: &str) -> Result<&'static Unit, Unconvertible> {
    unit::find(symbol).ok_or_else(|| Unconvertible::Unit(symbol.into()))
}

/// Twelve significant digits: what a double carries safely through two conversions, and enough to
/// keep the last bits of binary fractions from the reader.
fn rounded(value: f64) -> f64 {
    format!("{value:.11e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[track_caller]
    fn check(value: f64, from: &str, to: &str, wanted: &str) {
        let (from, to) = (unit_named(from).unwrap(), unit_named(to).unwrap());
        assert_eq!(rounded(to.of_base(from.to_base(value))).to_string(), wanted);
    }

    #[test]
    fn conversions_agree_with_the_definitions() {
        check(1.0, "mi", "km", "1.609344");
        check(1.0, "ft", "in", "12");
        check(100.0, "°C", "°F", "212");
        check(-40.0, "°F", "°C", "-40");
        check(32.0, "°F", "°C", "0");
        check(0.0, "K", "°C", "-273.15");
        check(1.0, "GiB", "MB", "1073.741824");
        check(1.0, "GB", "bit", "8000000000");
        check(2.0, "lb", "kg", "0.90718474");
        check(1.5, "h", "s", "5400");
    }

    #[test]
    fn every_unit_comes_back_from_its_base() {
        for unit in unit::ALL {
            assert_eq!(
                rounded(unit.of_base(unit.to_base(123.456))).to_string(),
                "123.456"
            );
        }
    }

    #[test]
    fn symbols_are_unique_and_their_case_counts() {
        for unit in unit::ALL {
            assert!(std::ptr::eq(unit, unit_named(unit.symbol).unwrap()));
        }
        assert!(unit_named("KM").is_err());
    }
}
