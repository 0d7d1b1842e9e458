//! Cache groups (RFC 9875): names of stored replies that are invalidated together. The application is one origin, so a
//! group means the same in all its components.

use super::structured::{Item, list};
use crate::limits::{CACHE_GROUP_BYTES_MAX, CACHE_GROUPS_MAX};
use http::{HeaderMap, HeaderName};

/// The groups that a reply is part of: a list of strings.
pub const CACHE_GROUPS: HeaderName = HeaderName::from_static("cache-groups");
/// The groups that an unsafe request has made stale: a list of strings.
pub const CACHE_GROUP_INVALIDATION: HeaderName =
    HeaderName::from_static("cache-group-invalidation");

/// The groups that a field names.
#[derive(Debug, PartialEq, Eq)]
pub enum Groups {
    /// These; none where the field is absent.
    Named(Vec<String>),
    /// More, or longer ones, than the cache accepts.
    TooMany,
    /// The field is not a list of strings.
    Malformed,
}

/// Reads the field `name`.
pub fn read(headers: &HeaderMap, name: &HeaderName) -> Groups {
    if !headers.contains_key(name) {
        return Groups::Named(Vec::new());
    }
    let Some(members) = list(headers, name) else {
        return Groups::Malformed;
    };
    let mut groups = Vec::with_capacity(members.len());
    for member in members {
        match member {
            Item::Text(text) if text.len() > CACHE_GROUP_BYTES_MAX => return Groups::TooMany,
            Item::Text(text) => groups.push(text),
            _ => return Groups::Malformed,
        }
    }
    match groups.len() > CACHE_GROUPS_MAX {
        true => Groups::TooMany,
        false => Groups::Named(groups),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn groups(value: &str) -> Groups {
        let value = HeaderValue::from_str(value).unwrap();
        read(
            &HeaderMap::from_iter([(CACHE_GROUPS, value)]),
            &CACHE_GROUPS,
        )
    }

    #[test]
    fn strings_and_nothing_else() {
        let named = Groups::Named(vec!["order-1".to_owned(), "user-2".to_owned()]);
        assert_eq!(groups("\"order-1\", \"user-2\";x=1"), named);
        assert_eq!(groups(""), Groups::Named(vec![]));
        assert_eq!(
            read(&HeaderMap::new(), &CACHE_GROUPS),
            Groups::Named(vec![])
        );
        for bad in ["order-1", "\"a\", 7", "\"a", "(\"a\")"] {
            assert_eq!(groups(bad), Groups::Malformed, "{bad}");
        }
    }

    #[test]
    fn their_number_is_bounded() {
        let list = |count: usize| vec!["\"g\""; count].join(", ");
        assert!(matches!(groups(&list(CACHE_GROUPS_MAX)), Groups::Named(all) if all.len() >= 32));
        assert_eq!(groups(&list(CACHE_GROUPS_MAX + 1)), Groups::TooMany);
        let long = format!("\"{}\"", "g".repeat(CACHE_GROUP_BYTES_MAX + 1));
        assert_eq!(groups(&long), Groups::TooMany);
    }
}
