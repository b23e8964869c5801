//! Observed and desired to an action; pure, and the same for a cluster and for a folder.

/// Who a Secret that already exists belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The SealedSecret that is looked at.
    Ours,
    /// Nobody, or somebody else.
    Foreign,
}

/// The Secret that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Existing {
    /// Who it belongs to.
    pub owner: Owner,
    /// Its annotation says that it may be taken over.
    pub managed: bool,
    /// Its annotation says that it may be added to.
    pub patch: bool,
    /// Its data can never be changed.
    pub immutable: bool,
    /// It already is what it should be.
    pub same: bool,
}

/// What was done before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// This SealedSecret never produced a Secret.
    Never,
    /// It did, from the same content.
    Same,
    /// It did, from other content.
    Other,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write a new Secret.
    Create(Reason),
    /// Write over the existing one.
    Replace(Reason),
    /// Add to the existing one, and own it only if it is managed too.
    Patch(Reason),
    /// Nothing.
    Keep,
    /// Nothing, and say so.
    Refuse(Refusal),
}

/// Why something is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There was none.
    New,
    /// The SealedSecret changed.
    Changed,
    /// Somebody deleted it.
    Deleted,
    /// Somebody edited it.
    Edited,
    /// It allows itself to be taken over.
    Adopted,
}

/// Why nothing may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The Secret belongs to somebody else, and does not say that it may be taken over.
    Unmanaged,
    /// The Secret is immutable and different.
    Immutable,
}

/// Decides about one Secret.
///
/// *Source*: sealed-secrets `pkg/controller/controller.go`, v0.38.4: an unmanaged Secret is never touched, whatever it holds.
#[must_use]
pub fn decide(existing: Option<Existing>, memory: Memory) -> Action {
    let Some(existing) = existing else {
        return Action::Create(if memory == Memory::Never { Reason::New } else { Reason::Deleted });
    };
    if existing.owner == Owner::Foreign && !existing.managed && !existing.patch {
        return Action::Refuse(Refusal::Unmanaged);
    }
    if existing.same && (existing.owner == Owner::Ours || !existing.managed) {
        return Action::Keep;
    }
    if existing.immutable && !existing.same {
        return Action::Refuse(Refusal::Immutable);
    }
    let reason = match (existing.owner, memory) {
        (Owner::Foreign, _) => Reason::Adopted,
        (Owner::Ours, Memory::Same) => Reason::Edited,
        (Owner::Ours, _) => Reason::Changed,
    };
    if existing.patch { Action::Patch(reason) } else { Action::Replace(reason) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Existing = Existing { owner: Owner::Ours, managed: false, patch: false, immutable: false, same: false };
    const FOREIGN: Existing = Existing { owner: Owner::Foreign, ..OURS };

    #[track_caller]
    fn check(existing: Option<Existing>, memory: Memory, action: Action) {
        assert_eq!(decide(existing, memory), action);
    }

    #[test]
    fn what_is_missing_is_created_or_healed() {
        check(None, Memory::Never, Action::Create(Reason::New));
        check(None, Memory::Same, Action::Create(Reason::Deleted));
        check(None, Memory::Other, Action::Create(Reason::Deleted));
    }

    #[test]
    fn what_is_ours_is_kept_updated_or_healed() {
        check(Some(Existing { same: true, ..OURS }), Memory::Same, Action::Keep);
        check(Some(Existing { same: true, immutable: true, ..OURS }), Memory::Other, Action::Keep);
        check(Some(OURS), Memory::Same, Action::Replace(Reason::Edited));
        check(Some(OURS), Memory::Other, Action::Replace(Reason::Changed));
        check(Some(OURS), Memory::Never, Action::Replace(Reason::Changed));
        check(Some(Existing { patch: true, ..OURS }), Memory::Other, Action::Patch(Reason::Changed));
    }

    #[test]
    fn what_is_foreign_is_never_touched_unless_it_says_so() {
        for memory in [Memory::Never, Memory::Same, Memory::Other] {
            check(Some(FOREIGN), memory, Action::Refuse(Refusal::Unmanaged));
            check(Some(Existing { same: true, ..FOREIGN }), memory, Action::Refuse(Refusal::Unmanaged));
            check(Some(Existing { managed: true, ..FOREIGN }), memory, Action::Replace(Reason::Adopted));
            check(Some(Existing { patch: true, ..FOREIGN }), memory, Action::Patch(Reason::Adopted));
            check(Some(Existing { patch: true, managed: true, ..FOREIGN }), memory, Action::Patch(Reason::Adopted));
            // Equal content still has to be taken over, so that it is deleted with its source; a patch without ownership is done.
            check(Some(Existing { same: true, managed: true, ..FOREIGN }), memory, Action::Replace(Reason::Adopted));
            check(Some(Existing { same: true, patch: true, ..FOREIGN }), memory, Action::Keep);
        }
    }

    #[test]
    fn what_is_immutable_is_never_written_over() {
        check(Some(Existing { immutable: true, ..OURS }), Memory::Other, Action::Refuse(Refusal::Immutable));
        check(Some(Existing { immutable: true, managed: true, ..FOREIGN }), Memory::Never, Action::Refuse(Refusal::Immutable));
        check(Some(Existing { immutable: true, managed: true, same: true, ..FOREIGN }), Memory::Never, Action::Replace(Reason::Adopted));
    }
}
