//! The units. Nothing here knows of a protocol.

use std::fmt;

/// What a unit measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantity {
    Length,
    Mass,
    Temperature,
    Time,
    Data,
}

impl Quantity {
    /// The quantity of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let all = [
            Self::Length,
            Self::Mass,
            Self::Temperature,
            Self::Time,
            Self::Data,
        ];
        all.into_iter()
            .find(|quantity| quantity.to_string() == name)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "length",
            Self::Mass => "mass",
            Self::Temperature => "temperature",
            Self::Time => "time",
            Self::Data => "data",
        })
    }
}

/// A unit, as a line through its quantity's base unit: `base = value × factor + offset`.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) symbol: &'static str,
    pub(crate) name: &'static str,
    pub(crate) quantity: Quantity,
    factor: f64,
    offset: f64,
}

impl Unit {
    pub(crate) fn to_base(&self, value: f64) -> f64 {
        value.mul_add(self.factor, self.offset)
    }

    pub(crate) fn of_base(&self, base: f64) -> f64 {
        let shifted = base - self.offset;
        // The difference of two near numbers is noise below 10⁻¹¹: freezing is 0 °C.
        let clean = match self.quantity {
            Quantity::Temperature => (shifted * 1e11).round() / 1e11,
            Quantity::Length | Quantity::Mass | Quantity::Time | Quantity::Data => shifted,
        };
        clean / self.factor
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol)
    }
}

/// The unit of this symbol, whose case counts: a MB is not a Mb.
pub(crate) fn find(symbol: &str) -> Option<&'static Unit> {
    ALL.iter().find(|unit| unit.symbol == symbol)
}

const fn unit(quantity: Quantity, symbol: &'static str, name: &'static str, factor: f64) -> Unit {
    Unit {
        symbol,
        name,
        quantity,
        factor,
        offset: 0.0,
    }
}

const fn degree(symbol: &'static str, name: &'static str, factor: f64, offset: f64) -> Unit {
    Unit {
        symbol,
        name,
        quantity: Quantity::Temperature,
        factor,
        offset,
    }
}

/// Every unit, by quantity and then by size. The bases are metre, kilogram, kelvin, second, bit.
pub(crate) static ALL: &[Unit] = &[
    unit(Quantity::Length, "mm", "millimetre", 0.001),
    unit(Quantity::Length, "cm", "centimetre", 0.01),
    unit(Quantity::Length, "in", "inch", 0.0254),
    unit(Quantity::Length, "ft", "foot", 0.3048),
    unit(Quantity::Length, "yd", "yard", 0.9144),
    unit(Quantity::Length, "m", "metre", 1.0),
    unit(Quantity::Length, "km", "kilometre", 1_000.0),
    unit(Quantity::Length, "mi", "mile", 1_609.344),
    unit(Quantity::Length, "nmi", "nautical mile", 1_852.0),
    unit(Quantity::Mass, "g", "gram", 0.001),
    unit(Quantity::Mass, "oz", "ounce", 0.028_349_523_125),
    unit(Quantity::Mass, "lb", "pound", 0.453_592_37),
    unit(Quantity::Mass, "kg", "kilogram", 1.0),
    unit(Quantity::Mass, "t", "tonne", 1_000.0),
    degree("K", "kelvin", 1.0, 0.0),
    degree("°C", "degree Celsius", 1.0, 273.15),
    degree("°F", "degree Fahrenheit", 5.0 / 9.0, 459.67 * 5.0 / 9.0),
    unit(Quantity::Time, "ms", "millisecond", 0.001),
    unit(Quantity::Time, "s", "second", 1.0),
    unit(Quantity::Time, "min", "minute", 60.0),
    unit(Quantity::Time, "h", "hour", 3_600.0),
    unit(Quantity::Time, "d", "day", 86_400.0),
    unit(Quantity::Data, "bit", "bit", 1.0),
    unit(Quantity::Data, "B", "byte", 8.0),
    unit(Quantity::Data, "kB", "kilobyte", 8e3),
    unit(Quantity::Data, "KiB", "kibibyte", 8_192.0),
    unit(Quantity::Data, "MB", "megabyte", 8e6),
    unit(Quantity::Data, "MiB", "mebibyte", 8_388_608.0),
    unit(Quantity::Data, "GB", "gigabyte", 8e9),
    unit(Quantity::Data, "GiB", "gibibyte", 8_589_934_592.0),
    unit(Quantity::Data, "TB", "terabyte", 8e12),
    unit(Quantity::Data, "TiB", "tebibyte", 8_796_093_022_208.0),
];
