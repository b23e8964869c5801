use tests::suite::Case;
pub(super) fn cases() -> Vec<Case> {
    Vec::new()
}
