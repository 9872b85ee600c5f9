//! Exact decimals for prices and quantities: what a connector computes never passes through a float.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::error::{Error, Result};

/// An exact decimal number of up to 38 digits; it keeps as many digits after the point as it was written with.
///
/// It is written into values as a JSON number with exactly its digits.
///
/// ```
/// use bindery_plugin::Decimal;
///
/// let cents: Decimal = "1999".parse()?;
/// assert_eq!(cents.shift(-2).to_string(), "19.99");
/// assert_eq!(("0.10".parse::<Decimal>()? + "0.2".parse()?).to_string(), "0.30");
/// # Ok::<_, bindery_plugin::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Decimal {
    units: i128,
    scale: u32,
}

impl Decimal {
    /// Zero.
    ///
    /// ```
    /// assert_eq!(bindery_plugin::Decimal::ZERO.to_string(), "0");
    /// ```
    pub const ZERO: Self = Self { units: 0, scale: 0 };

    /// `units / 10^scale`.
    ///
    /// ```
    /// assert_eq!(bindery_plugin::Decimal::new(1250, 2).to_string(), "12.50");
    /// ```
    pub const fn new(units: i64, scale: u32) -> Self {
        Self { units: units as i128, scale: if scale > 30 { 30 } else { scale } }
    }

    /// The number times ten to the power of `places`: `shift(-2)` makes units of cents.
    ///
    /// ```
    /// assert_eq!(bindery_plugin::Decimal::new(5, 0).shift(-2).to_string(), "0.05");
    /// ```
    pub fn shift(self, places: i32) -> Self {
        let scale = i64::from(self.scale) - i64::from(places);
        if scale >= 0 {
            return Self { units: self.units, scale: u32::try_from(scale).unwrap_or(u32::MAX) };
        }
        let factor = power(u32::try_from(-scale).unwrap_or(u32::MAX));
        Self { units: self.units.saturating_mul(factor), scale: 0 }
    }

    /// The number with `scale` digits after the point, rounded half to even where digits are lost.
    ///
    /// ```
    /// assert_eq!(bindery_plugin::Decimal::new(12345, 3).round(2).to_string(), "12.34");
    /// ```
    pub fn round(self, scale: u32) -> Self {
        if scale >= self.scale {
            return Self { units: self.units.saturating_mul(power(scale - self.scale)), scale };
        }
        let factor = power(self.scale - scale);
        let (whole, rest) = (self.units / factor, (self.units % factor).abs());
        let up = match (rest * 2).cmp(&factor) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => whole % 2 != 0,
            std::cmp::Ordering::Greater => true,
        };
        Self { units: if up { whole + self.units.signum() } else { whole }, scale }
    }

    /// Whether it is zero, however it was written.
    ///
    /// ```
    /// assert!("0.00".parse::<bindery_plugin::Decimal>().unwrap().is_zero());
    /// ```
    pub const fn is_zero(self) -> bool {
        self.units == 0
    }

    fn aligned(self, other: Self) -> (i128, i128, u32) {
        let scale = self.scale.max(other.scale);
        (self.round(scale).units, other.round(scale).units, scale)
    }
}

fn power(exponent: u32) -> i128 {
    10i128.checked_pow(exponent).unwrap_or(i128::MAX)
}

impl std::str::FromStr for Decimal {
    type Err = Error;

    /// Reads `-12.50`, `1e3`, `2.5E-2`. More than 38 digits are an error, never rounded.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::invalid(format!("{text:?} is not a decimal number of at most 38 digits"));
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], text[at + 1..].parse::<i32>().map_err(|_| wrong())?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let unsigned = whole.strip_prefix(['-', '+']).unwrap_or(whole);
        let is_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if unsigned.is_empty() && fraction.is_empty() || !is_digits(unsigned) || !is_digits(fraction) {
            return Err(wrong());
        }
        if exponent.abs() > 60 || fraction.len() > 38 {
            return Err(wrong());
        }
        let units: i128 = format!("{whole}{fraction}").parse().map_err(|_| wrong())?;
        let read = Self { units, scale: fraction.len() as u32 }.shift(exponent);
        if read.units == i128::MAX || read.units == i128::MIN || read.scale > 38 { Err(wrong()) } else { Ok(read) }
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let scale = self.scale as usize;
        let digits = format!("{:0>width$}", self.units.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        if scale == 0 { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{fraction}") }
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.to_string()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    /// Reads a number or a text, exactly.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        raw.get().trim_matches('"').parse().map_err(serde::de::Error::custom)
    }
}

impl Default for Decimal {
    fn default() -> Self {
        Self::ZERO
    }
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Self {
        Self { units: number.into(), scale: 0 }
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let (left, right, _) = self.aligned(*other);
        left.cmp(&right)
    }
}

impl std::ops::Add for Decimal {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (left, right, scale) = self.aligned(other);
        Self { units: left.saturating_add(right), scale }
    }
}

impl std::ops::Sub for Decimal {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        let (left, right, scale) = self.aligned(other);
        Self { units: left.saturating_sub(right), scale }
    }
}

impl std::ops::Mul for Decimal {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self { units: self.units.saturating_mul(other.units), scale: self.scale.saturating_add(other.scale) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().expect("a number")
    }

    #[test]
    fn text_survives() {
        for text in ["0", "-0.05", "12.50", "12345678901234567890.123456789", "-1"] {
            assert_eq!(number(text).to_string(), text);
        }
        assert_eq!(number("1e3").to_string(), "1000");
        assert_eq!(number("2.5E-2").to_string(), "0.025");
    }

    #[test]
    fn what_is_no_number_or_too_long_is_refused() {
        for text in ["", "-", ".", "1.2.3", "abc", "1e", "NaN", "1e99", &"9".repeat(40)] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }

    #[test]
    fn arithmetic_is_exact() {
        assert_eq!(number("0.1") + number("0.2"), number("0.3"));
        assert_eq!((number("1.10") * number("3")).to_string(), "3.30");
        assert_eq!((number("1") - number("0.01")).to_string(), "0.99");
        assert_eq!(number("2.5").round(0).to_string(), "2");
        assert_eq!(number("-2.51").round(0).to_string(), "-3");
        assert!(number("1.50") == number("1.5") && number("1.49") < number("1.5"));
    }

    #[test]
    fn json_keeps_the_digits() {
        let read: Decimal = serde_json::from_str("12.30").expect("number");
        assert_eq!(serde_json::to_string(&read).expect("number"), "12.30");
        let read: Decimal = serde_json::from_str("\"7.00\"").expect("text");
        assert_eq!(read.to_string(), "7.00");
    }
}
