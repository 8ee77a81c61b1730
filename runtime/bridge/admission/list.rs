//! Lists without what may not be seen.

use brig_policies::Rules;
use brig_policies::strict::{Object, Unclear, Value};

use super::super::cuts::Cuts;
use super::super::method::List;
use super::Review;

/// The keys of a list's result that are read here.
const CACHE_SCOPE: &str = "cacheScope";
const TTL: &str = "ttlMs";

/// Whether any rule reads this list, or it is held to what was reviewed.
pub(super) fn is_narrowed(rules: &Rules, has_review: bool, list: List) -> bool {
    match list {
        List::Tools => has_review || rules.narrows_tools(),
        List::Resources | List::Templates => rules.narrows_resources(),
        List::Prompts => rules.narrows_prompts(),
    }
}

/// Takes out of one page what may not be seen. The order, the cursor and every other field stay; a
/// page may become empty and still lead to the next.
pub(super) fn narrow<'a>(
    rules: &Rules,
    mut review: Option<&mut Review>,
    list: List,
    result: Value<'a>,
    cuts: &mut Cuts<'a>,
) -> Result<(), Unclear> {
    let reserved = [list.key(), "nextCursor", CACHE_SCOPE, TTL];
    let result = Object::read(result, "result", &reserved)?;
    let Some(elements) = result.get(list.key()) else {
        return Ok(());
    };
    let elements = elements.elements().ok_or(Unclear::Form(list.key()))?;
    let parts = elements.into_iter();
    let parts: Vec<(&str, bool)> = parts
        .map(|element| {
            let review = review.as_deref_mut().filter(|_| list == List::Tools);
            // What the rules keep from the client is nothing that it could be told of.
            let stays = is_admitted(rules, list, element)
                && review.is_none_or(|review| review.admits(element.raw()));
            (element.raw(), !stays)
        })
        .collect();
    cuts.parts(&parts)?;
    if parts.iter().any(|(_, goes)| *goes) {
        keep_private(&result, cuts)?;
    }
    Ok(())
}

/// Whether an element may be seen. One whose name readers could take differently may not: the
/// others of its page are no less clear for it.
fn is_admitted(rules: &Rules, list: List, element: Value<'_>) -> bool {
    let Ok(element) = Object::read(element, list.key(), &[list.name_key()]) else {
        return false;
    };
    let Some(name) = element.get(list.name_key()).and_then(Value::text) else {
        return false;
    };
    match list {
        List::Tools => rules.admit_tool(&name).is_ok(),
        List::Resources | List::Templates => rules.admit_resource(&name).is_ok(),
        List::Prompts => rules.admit_prompt(&name).is_ok(),
    }
}

/// What was narrowed for one policy is nobody else's: no cache may give it to others (2026-07-28).
pub(super) fn keep_private<'a>(result: &Object<'a>, cuts: &mut Cuts<'a>) -> Result<(), Unclear> {
    const PRIVATE: &str = "\"private\"";
    if let Some(scope) = result.get(CACHE_SCOPE) {
        return if scope.raw() == PRIVATE {
            Ok(())
        } else {
            cuts.replace(scope, PRIVATE)
        };
    }
    // A result with a time to live and no scope is public to some readers.
    let ttl = result.spelled().find(|(key, _)| *key == TTL);
    ttl.map_or(Ok(()), |(_, ttl)| {
        cuts.insert(ttl, "\"cacheScope\":\"private\",")
    })
}
