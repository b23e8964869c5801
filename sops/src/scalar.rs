//! Texts of scalars, as Go's libraries write them.

/// Writes a number without exponent, as short as it goes.
///
/// *Source*: `strconv.FormatFloat(x, 'f', -1, 64)`, Go 1.26.
pub(crate) fn float_text(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    number.to_string()
}
