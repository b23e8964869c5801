//! Decimal arithmetic on floating-point numbers: what they look like is what they are.

use num_bigint::{BigInt, Sign};

use super::to_float;
use crate::error::Fault;
use crate::function::{Called, Scope};
use crate::value::Value;

#[derive(Clone, Copy)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// Decimal places of a quotient.
const DIVISION_PLACES: i64 = 16;

/// An integer times a power of ten.
struct Decimal {
    digits: BigInt,
    exponent: i64,
}

/// Combines a number with all the others, one by one.
pub(super) fn fold(scope: &Scope<'_>, first: f64, others: &[Value], operation: Operation) -> Called {
    let mut sum = Decimal::new(first)?;
    for other in others {
        let other = Decimal::new(to_float(other))?;
        let size = sum.digits.bits() / 64 + sum.exponent.unsigned_abs() / 16 + 1;
        scope.meter.step(size.saturating_mul(size) / 256 + 1)?;
        sum = match operation {
            Operation::Add => sum.plus(other),
            Operation::Subtract => sum.plus(Decimal { digits: -other.digits, ..other }),
            Operation::Multiply => Decimal { digits: sum.digits * other.digits, exponent: sum.exponent + other.exponent },
            Operation::Divide => sum.divided_by(&other)?,
        };
    }
    Ok(Value::Float(sum.to_float()))
}

impl Decimal {
    fn new(number: f64) -> Called<Self> {
        let bad = || Fault::exec("not a finite number");
        if !number.is_finite() {
            return Err(bad());
        }
        let text = format!("{number:e}");
        let (mantissa, exponent) = text.split_once('e').ok_or_else(bad)?;
        let places = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i64);
        let digits = mantissa.replace('.', "").parse().map_err(|_| bad())?;
        Ok(Self { digits, exponent: exponent.parse::<i64>().map_err(|_| bad())? - places })
    }

    fn plus(self, other: Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        let digits = scaled(self.digits, self.exponent - exponent) + scaled(other.digits, other.exponent - exponent);
        Self { digits, exponent }
    }

    /// Rounds half away from zero.
    fn divided_by(self, other: &Self) -> Called<Self> {
        if other.digits.sign() == Sign::NoSign {
            return Err(Fault::exec("division by zero"));
        }
        let shift = self.exponent - other.exponent + DIVISION_PLACES;
        let dividend = scaled(self.digits, shift.max(0));
        let divisor = scaled(other.digits.clone(), (-shift).max(0));
        let mut quotient = &dividend / &divisor;
        let rest = dividend - &quotient * &divisor;
        if rest.magnitude() * 2_u32 >= *divisor.magnitude() {
            let same = rest.sign() == divisor.sign();
            quotient += if same { 1 } else { -1 };
        }
        Ok(Self { digits: quotient, exponent: -DIVISION_PLACES })
    }

    fn to_float(&self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::NAN)
    }
}

fn scaled(number: BigInt, places: i64) -> BigInt {
    number * BigInt::from(10).pow(u32::try_from(places).unwrap_or(0))
}
