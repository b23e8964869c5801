//! The comma list of a flag that may name many files.

/// Splits the first line of a text into fields; a field in double quotes may hold commas and doubled quotes.
///
/// *Source*: Go `encoding/csv` (`Reader.readRecord`); the positions in its errors count bytes from one.
///
/// # Errors
/// The text of Go's error if a quote stands in the wrong place.
pub(super) fn split(text: &str) -> Result<Vec<String>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let text = text.trim_start_matches(['\n', '\r']);
    if text.is_empty() {
        return Err("EOF".to_owned());
    }
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let column = text.len() - rest.len() + 1;
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted, column + 1)?,
            None => bare_field(rest, column)?,
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Ok(fields),
        }
    }
}

fn bare_field(rest: &str, column: usize) -> Result<(String, &str), String> {
    let end = rest.find([',', '\n']).unwrap_or(rest.len());
    let field = rest[..end].trim_end_matches('\r');
    match field.find('"') {
        Some(at) => Err(format!("parse error on line 1, column {}: bare \" in non-quoted-field", column + at)),
        None => Ok((field.to_owned(), &rest[end..])),
    }
}

fn quoted_field(mut rest: &str, mut column: usize) -> Result<(String, &str), String> {
    let wrong = |column: usize| format!("parse error on line 1, column {column}: extraneous or missing \" in quoted-field");
    let mut field = String::new();
    loop {
        let Some(at) = rest.find('"') else { return Err(wrong(column + rest.len())) };
        field.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        column += at + 1;
        if let Some(next) = rest.strip_prefix('"') {
            field.push('"');
            rest = next;
            column += 1;
        } else if rest.is_empty() || rest.starts_with([',', '\n']) || rest.starts_with("\r\n") {
            return Ok((field, rest));
        } else {
            return Err(wrong(column - 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(split(text).map_err(|error| vec![error]), Ok(expected.iter().map(|&field| field.to_owned()).collect()), "{text:?}");
    }

    #[test]
    fn fields_are_split_at_commas_outside_quotes() {
        check("", &[]);
        check("a", &["a"]);
        check("a,,b", &["a", "", "b"]);
        check("\"a,b\",c", &["a,b", "c"]);
        check("\"a\"\"b\"", &["a\"b"]);
        check("a\nb", &["a"]);
    }

    #[test]
    fn wrong_quotes_are_named_by_column() {
        assert_eq!(split("a,\"b"), Err("parse error on line 1, column 5: extraneous or missing \" in quoted-field".to_owned()));
        assert_eq!(split("\"a\"b"), Err("parse error on line 1, column 3: extraneous or missing \" in quoted-field".to_owned()));
        assert_eq!(split("a\"b"), Err("parse error on line 1, column 2: bare \" in non-quoted-field".to_owned()));
    }
}
