use crate::error::Result;
use keys::Fields;
/// Flattens.
pub(crate) fn flatten(_block: &Fields) -> Vec<(String, String)> {
    Vec::new()
}
/// Unflattens.
pub(crate) fn unflatten(_pairs: Vec<(String, String)>) -> Result<Fields> {
    Ok(Fields::new())
}
