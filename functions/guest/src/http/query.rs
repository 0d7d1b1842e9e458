//! Query parameters. A name may be written in snake or camel case: `user_id` and `userId` are one parameter, so that no
//! spelling of a filter is ignored.

use domain::Rejection;
use http_rules::path;
use http_rules::percent::{self, Plus};

/// More parameters are refused; each is compared with the others.
const PARAMETERS_MAX: usize = 128;
/// Parameters with several values: a list, and a user, whose spellings its reader compares.
const MANY: [&str; 2] = ["ids", "user_id"];

/// The parameters of a target in their order: name in snake case, and value.
pub(crate) fn pairs(target: &str) -> impl Iterator<Item = (String, String)> {
    percent::pairs(of(target)).map(|(name, value)| {
        let name = snake(&percent::decode(name, Plus::Space));
        (name, percent::decode(value, Plus::Space))
    })
}

/// What follows the question mark, as it was sent; empty where there is none.
pub(crate) fn of(target: &str) -> &str {
    target.split_once('?').map_or("", |(_, query)| query)
}

/// Refuses a query that could be read in two ways: what is no text, or a parameter with several values, of which only
/// one would count.
pub(crate) fn check(target: &str) -> Result<(), Rejection> {
    let Some((_, query)) = target.split_once('?') else {
        return Ok(());
    };
    if !path::has_valid_escapes(query) {
        let reason = "has a percent sign without two hexadecimal digits";
        return Err(Rejection::invalid("query", reason));
    }
    let mut seen: Vec<(String, String)> = Vec::new();
    for (name, value) in pairs(target) {
        if MANY.contains(&name.as_str()) {
            continue;
        }
        match seen.iter().find(|(known, _)| *known == name) {
            Some((_, known)) if *known != value => {
                return Err(Rejection::invalid(name, "has several values"));
            }
            Some(_) => {}
            None if seen.len() == PARAMETERS_MAX => {
                let reason = format!("has more than {PARAMETERS_MAX} parameters");
                return Err(Rejection::invalid("query", reason));
            }
            None => seen.push((name, value)),
        }
    }
    Ok(())
}

/// `userId`, `UserId`, `USER_ID` and `user-id` as `user_id`.
fn snake(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 1);
    let mut after_small = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && after_small {
            text.push('_');
        }
        after_small = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        text.push(match letter {
            '-' => '_',
            letter => letter.to_ascii_lowercase(),
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_name() {
        for name in [
            "user_id",
            "userId",
            "UserId",
            "USER_ID",
            "user-id",
            "user%5Fid",
            "userID",
        ] {
            let all: Vec<_> = pairs(&format!("/x?{name}=7")).collect();
            assert_eq!(all, [("user_id".to_owned(), "7".to_owned())], "{name}");
        }
        for other in ["userid", "user", "pagesize"] {
            assert_eq!(snake(other), other);
        }
        let all: Vec<_> = pairs("/x?a=1+2&&b&=c&d=%26").collect();
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            all,
            [
                text("a", "1 2"),
                text("b", ""),
                text("", "c"),
                text("d", "&")
            ]
        );
    }

    #[test]
    fn a_parameter_has_one_value() {
        for fine in [
            "/x",
            "/x?",
            "/x?a=1&a=1",
            "/x?page_size=5&pageSize=5",
            "/x?ids=1&ids=2",
            "/x?user_id=7&userId=user_7",
        ] {
            assert_eq!(check(fine), Ok(()), "{fine}");
        }
        let many: String = (0..129).map(|number| format!("a{number}&")).collect();
        for (bad, field) in [
            ("/x?a=1&a=2", "a"),
            ("/x?status=&status=paid", "status"),
            ("/x?page_size=5&pageSize=6", "page_size"),
            ("/x?a=%", "query"),
            ("/x?a=%zz", "query"),
            (&format!("/x?{many}"), "query"),
        ] {
            let refused = check(bad).unwrap_err();
            assert!(refused.to_string().starts_with(field), "{bad}: {refused}");
        }
    }
}
