//! Numbers.

use crate::error::Fault;
use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::number::{parse_float, parse_int, read_int, scale_by_two, truncate_to_int};
use crate::value::{Element, Signed, Value};

use super::strings::to_text;

mod decimal;

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::variadic("add", &[], Kind::Any, |_, arguments| Ok(Value::int64(arguments.all().iter().map(to_int).fold(0, i64::wrapping_add)))),
    Function::fixed("add1", &[Kind::Any], |_, arguments| Ok(Value::int64(to_int(arguments.any(0)).wrapping_add(1)))),
    Function::fixed("add1f", &[Kind::Any], |scope, arguments| {
        decimal::fold(scope, to_float(arguments.any(0)), &[Value::int(1)], decimal::Operation::Add)
    }),
    Function::variadic("addf", &[], Kind::Any, |scope, arguments| decimal::fold(scope, 0.0, arguments.all(), decimal::Operation::Add)),
    Function::fixed("atoi", &[Kind::Text], |_, arguments| Ok(Value::int(read_int(arguments.text(0)?, 10).0))),
    Function::variadic("biggest", &[Kind::Any], Kind::Any, |_, arguments| extreme(arguments, i64::max)),
    Function::fixed("ceil", &[Kind::Any], |_, arguments| Ok(Value::Float(to_float(arguments.any(0)).ceil()))),
    Function::fixed("div", &[Kind::Any, Kind::Any], |_, arguments| divide(arguments, i64::wrapping_div)),
    Function::variadic("divf", &[Kind::Any], Kind::Any, |scope, arguments| {
        decimal::fold(scope, to_float(arguments.any(0)), arguments.from(1), decimal::Operation::Divide)
    }),
    Function::fixed("float64", &[Kind::Any], |_, arguments| Ok(Value::Float(to_float(arguments.any(0))))),
    Function::fixed("floor", &[Kind::Any], |_, arguments| Ok(Value::Float(to_float(arguments.any(0)).floor()))),
    Function::fixed("int", &[Kind::Any], |_, arguments| Ok(Value::int(to_int(arguments.any(0))))),
    Function::fixed("int64", &[Kind::Any], |_, arguments| Ok(Value::int64(to_int(arguments.any(0))))),
    Function::variadic("max", &[Kind::Any], Kind::Any, |_, arguments| extreme(arguments, i64::max)),
    Function::variadic("maxf", &[Kind::Any], Kind::Any, |_, arguments| extreme_float(arguments, larger)),
    Function::variadic("min", &[Kind::Any], Kind::Any, |_, arguments| extreme(arguments, i64::min)),
    Function::variadic("minf", &[Kind::Any], Kind::Any, |_, arguments| extreme_float(arguments, |one, other| -larger(-one, -other))),
    Function::fixed("mod", &[Kind::Any, Kind::Any], |_, arguments| divide(arguments, i64::wrapping_rem)),
    Function::variadic("mul", &[Kind::Any], Kind::Any, |_, arguments| {
        Ok(Value::int64(arguments.all().iter().map(to_int).fold(1, i64::wrapping_mul)))
    }),
    Function::variadic("mulf", &[Kind::Any], Kind::Any, |scope, arguments| {
        decimal::fold(scope, to_float(arguments.any(0)), arguments.from(1), decimal::Operation::Multiply)
    }),
    Function::variadic("round", &[Kind::Any, Kind::Int], Kind::Float, round),
    Function::variadic("seq", &[], Kind::Int, seq),
    Function::fixed("sub", &[Kind::Any, Kind::Any], |_, arguments| Ok(Value::int64(to_int(arguments.any(0)).wrapping_sub(to_int(arguments.any(1)))))),
    Function::variadic("subf", &[Kind::Any], Kind::Any, |scope, arguments| {
        decimal::fold(scope, to_float(arguments.any(0)), arguments.from(1), decimal::Operation::Subtract)
    }),
    Function::fixed("toDecimal", &[Kind::Any], to_decimal),
    Function::fixed("until", &[Kind::Int], |scope, arguments| {
        let stop = arguments.int(0)?;
        integers(scope, 0, stop, if stop < 0 { -1 } else { 1 })
    }),
    Function::fixed("untilStep", &[Kind::Int, Kind::Int, Kind::Int], |scope, arguments| {
        integers(scope, arguments.int(0)?, arguments.int(1)?, arguments.int(2)?)
    }),
];

/// A value as integer; what cannot be one is 0.
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(number, Signed::Int | Signed::Int64 | Signed::Month | Signed::Weekday) => *number,
        Value::Uint(number, _) => *number as i64,
        Value::Float(number) => truncate_to_int(*number),
        Value::Bool(truth) => i64::from(*truth),
        Value::Text(text) => parse_int(without_zero_decimals(text), 0).unwrap_or(0),
        _ => 0,
    }
}

/// `1.00` is `1`.
fn without_zero_decimals(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte != b'0').map_or(0, |last| last + 1);
    match text.get(..end).and_then(|text| text.strip_suffix(b".")) {
        Some(whole) if end < text.len() => whole,
        _ => text,
    }
}

/// A value as floating-point number; what cannot be one is 0.
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(number, Signed::Int | Signed::Int64 | Signed::Month | Signed::Weekday) => *number as f64,
        Value::Uint(number, _) => *number as f64,
        Value::Float(number) => *number,
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::Text(text) => parse_float(text).unwrap_or(0.0),
        _ => 0.0,
    }
}

fn extreme(arguments: &Arguments, choose: fn(i64, i64) -> i64) -> Called {
    let chosen = arguments.all().iter().map(to_int).reduce(choose);
    Ok(Value::int64(chosen.unwrap_or(0)))
}

fn extreme_float(arguments: &Arguments, choose: fn(f64, f64) -> f64) -> Called {
    let chosen = arguments.all().iter().map(to_float).reduce(choose);
    Ok(Value::Float(chosen.unwrap_or(0.0)))
}

/// The larger number: infinity before NaN, NaN before numbers, and 0 before -0.
fn larger(one: f64, other: f64) -> f64 {
    if one == f64::INFINITY || other == f64::INFINITY {
        return f64::INFINITY;
    }
    if one.is_nan() || other.is_nan() {
        return f64::NAN;
    }
    if one == 0.0 && other == 0.0 {
        return if one.is_sign_negative() { other } else { one };
    }
    if one > other { one } else { other }
}

fn divide(arguments: &Arguments, divide: fn(i64, i64) -> i64) -> Called {
    let (dividend, divisor) = (to_int(arguments.any(0)), to_int(arguments.any(1)));
    if divisor == 0 { Err(Fault::exec("division by zero")) } else { Ok(Value::int64(divide(dividend, divisor))) }
}

fn round(_: &Scope<'_>, arguments: &Arguments) -> Called {
    let threshold = if arguments.len() > 2 { arguments.float(2)? } else { 0.5 };
    let scale = ten_to_the(arguments.int(1)?);
    let scaled = scale * to_float(arguments.any(0));
    let rounded = if scaled.fract() >= threshold { scaled.ceil() } else { scaled.floor() };
    Ok(Value::Float(rounded / scale))
}

/// A power of ten with the rounding errors of Go's `math.Pow`, which squares a fraction between 1/2 and 1.
fn ten_to_the(exponent: i64) -> f64 {
    let (mut result, mut power) = (1.0_f64, 0_i64);
    let (mut fraction, mut scale) = (0.625_f64, 4_i64);
    let mut rest = exponent.unsigned_abs();
    while rest != 0 {
        if scale.abs() > 1 << 12 {
            power += scale;
            break;
        }
        if rest & 1 == 1 {
            result *= fraction;
            power += scale;
        }
        fraction *= fraction;
        scale <<= 1;
        if fraction < 0.5 {
            fraction += fraction;
            scale -= 1;
        }
        rest >>= 1;
    }
    if exponent < 0 { scale_by_two(1.0 / result, -power) } else { scale_by_two(result, power) }
}

/// Reads octal digits.
fn to_decimal(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    Ok(Value::int64(parse_int(&to_text(scope, arguments.any(0))?, 8).unwrap_or(0)))
}

/// How many numbers there are from a start up or down to a stop, which is not one of them.
fn count(start: i64, stop: i64, step: i64) -> u64 {
    let toward = if stop < start { step < 0 } else { step > 0 };
    if toward { start.abs_diff(stop).div_ceil(step.unsigned_abs()) } else { 0 }
}

fn integers(scope: &Scope<'_>, start: i64, stop: i64, step: i64) -> Called {
    let count = count(start, stop, step);
    scope.reserve(usize::try_from(count).unwrap_or(usize::MAX))?;
    let numbers = (0..count as i64).map(|index| Value::int(start.wrapping_add(step.wrapping_mul(index))));
    scope.list_of(numbers.collect(), Element::Int)
}

/// Numbers with spaces between, the last one included.
fn seq(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let (start, step, end) = match arguments.len() {
        1 => (1, None, arguments.int(0)?),
        2 => (arguments.int(0)?, None, arguments.int(1)?),
        3 => (arguments.int(0)?, Some(arguments.int(1)?), arguments.int(2)?),
        _ => return Ok(Value::text("")),
    };
    let direction = if end < start { -1 } else { 1 };
    let step = step.unwrap_or(direction);
    if end < start && step > 0 {
        return Ok(Value::text(""));
    }
    let count = count(start, end.wrapping_add(direction), step);
    scope.meter.step(count)?;
    let mut out = scope.buffer();
    for index in 0..count as i64 {
        if index > 0 {
            out.push(b" ")?;
        }
        out.push(start.wrapping_add(step.wrapping_mul(index)).to_string().as_bytes())?;
    }
    Ok(scope.finish(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_numbers_or_zero() {
        for (text, expected) in [("12", 12), ("0x1f", 31), ("010", 8), ("1.00", 1), ("1.5", 0), ("", 0), ("1_0", 10)] {
            assert_eq!(to_int(&Value::text(text)), expected, "{text}");
        }
        assert_eq!(to_int(&Value::Float(1e300)), i64::MIN);
    }

    #[test]
    fn ranges_are_counted_before_they_are_made() {
        assert_eq!((count(0, 5, 2), count(5, 0, -2), count(0, 5, -1)), (3, 3, 0));
        assert_eq!(count(i64::MIN, i64::MAX, 1), u64::MAX);
    }
}
