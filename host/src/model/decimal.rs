//! Exact decimals: a 64-bit integer and a number of digits after the point. Never a float, never rounded in silence.

/// `units / 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// The digits.
    pub units: i64,
    /// How many of them stand after the point.
    pub scale: u8,
}

/// Why a text is not a decimal of the wanted scale.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a number at all.
    #[error("{0:?} is not a decimal number")]
    NotANumber(String),
    /// More digits than fit into the field.
    #[error("{text} has more digits than the field holds (18 in all, {scale} after the point)")]
    TooLarge {
        /// The text.
        text: String,
        /// The field's scale.
        scale: u8,
    },
    /// Digits after the point that the field can't hold.
    #[error("{text} has more than {scale} digits after the point")]
    TooPrecise {
        /// The text.
        text: String,
        /// The field's scale.
        scale: u8,
    },
}

impl Decimal {
    /// Reads JSON number text or decimal text (`-12.50`, `1e3`) exactly at a scale.
    ///
    /// Digits beyond the scale are an error unless they are zeros; use [`Decimal::parse_rounded`] to round half to even.
    pub fn parse(text: &str, scale: u8) -> Result<Self, Error> {
        match Self::read(text, scale)? {
            (value, false) => Ok(value),
            (_, true) => Err(Error::TooPrecise { text: text.to_owned(), scale }),
        }
    }

    /// As [`Decimal::parse`], but rounds half to even and tells whether it had to.
    pub fn parse_rounded(text: &str, scale: u8) -> Result<(Self, bool), Error> {
        Self::read(text, scale)
    }

    fn read(text: &str, scale: u8) -> Result<(Self, bool), Error> {
        let not = || Error::NotANumber(text.to_owned());
        let large = || Error::TooLarge { text: text.to_owned(), scale };
        let (negative, digits) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            all => (false, all),
        };
        let (mantissa, exponent) = match digits.iter().position(|b| matches!(b, b'e' | b'E')) {
            None => (digits, 0_i32),
            Some(at) => {
                let exponent = std::str::from_utf8(&digits[at + 1..]).ok().and_then(|e| e.parse().ok());
                (&digits[..at], exponent.ok_or_else(not)?)
            }
        };
        let point = mantissa.iter().position(|b| *b == b'.').unwrap_or(mantissa.len());
        let fraction = mantissa.get(point + 1..).unwrap_or_default();
        let count = point + fraction.len();
        if count == 0 || !mantissa[..point].iter().chain(fraction).all(u8::is_ascii_digit) {
            return Err(not());
        }
        // Position of the last digit that is kept, counted from the first.
        let keep =
            i64::try_from(point).unwrap_or(i64::MAX).saturating_add(exponent.into()).saturating_add(scale.into());
        let digit = |at: usize| if at < point { mantissa[at] } else { fraction[at - point] } - b'0';
        let mut units = 0_i64;
        let mut rounded = false;
        let kept = usize::try_from(keep.max(0)).unwrap_or(usize::MAX).min(count);
        for at in 0..kept {
            units = units.checked_mul(10).and_then(|u| u.checked_add(digit(at).into())).ok_or_else(large)?;
        }
        if units != 0 {
            for _ in (count as i64)..keep.min(count as i64 + 40) {
                units = units.checked_mul(10).ok_or_else(large)?;
            }
            if keep > count as i64 + 40 {
                return Err(large());
            }
        }
        if kept < count {
            let tail_zero = (kept + 1..count).all(|at| digit(at) == 0);
            let first = if keep < 0 { 0 } else { digit(kept) };
            let any = (kept..count).any(|at| digit(at) != 0);
            rounded = any;
            let up = first > 5 || (first == 5 && (!tail_zero || units % 2 != 0));
            if up {
                units = units.checked_add(1).ok_or_else(large)?;
            }
        }
        Ok((Self { units: if negative { -units } else { units }, scale }, rounded))
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scale = usize::from(self.scale);
        if scale == 0 {
            return write!(f, "{}", self.units);
        }
        let digits = format!("{:0>width$}", self.units.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        write!(f, "{}{whole}.{fraction}", if self.units < 0 { "-" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_exactly() {
        for (text, scale, units) in [
            ("0", 2, 0),
            ("12.5", 2, 1250),
            ("-0.01", 2, -1),
            ("1e3", 2, 100_000),
            ("1.5e-1", 2, 15),
            ("12.500000", 2, 1250),
            ("9007199254740993", 0, 9_007_199_254_740_993),
            ("0e99", 2, 0),
        ] {
            assert_eq!(Decimal::parse(text, scale), Ok(Decimal { units, scale }), "{text}");
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        assert!(matches!(Decimal::parse("0.001", 2), Err(Error::TooPrecise { .. })));
        assert!(matches!(Decimal::parse("12345678901234567890", 0), Err(Error::TooLarge { .. })));
        assert!(matches!(Decimal::parse("1e30", 2), Err(Error::TooLarge { .. })));
        for text in ["", ".", "-", "1.2.3", "abc", "1e", "NaN", "0x10", "1_000", " 1"] {
            assert!(matches!(Decimal::parse(text, 2), Err(Error::NotANumber(_))), "{text:?}");
        }
    }

    #[test]
    fn rounds_half_to_even_and_says_so() {
        for (text, units, rounded) in
            [("0.125", 12, true), ("0.135", 14, true), ("0.1251", 13, true), ("0.10", 10, false), ("0.001", 0, true)]
        {
            assert_eq!(Decimal::parse_rounded(text, 2), Ok((Decimal { units, scale: 2 }, rounded)), "{text}");
        }
    }

    #[test]
    fn prints_what_it_read() {
        for text in ["0.00", "-0.01", "12.50", "-1234.56"] {
            assert_eq!(Decimal::parse(text, 2).expect(text).to_string(), text);
        }
    }
}
