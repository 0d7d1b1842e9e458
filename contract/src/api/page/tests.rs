//! Tests of `page`.

use super::*;

fn query(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
    move |name| {
        let found = pairs.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    }
}

#[test]
fn rows_that_are_shown_count() {
    assert_eq!((at_least(20, 3), at_least(0, 10)), (23, 10));
    assert_eq!(at_least(20, 0), 0, "past the end: anything up to 20");
}

#[test]
fn pages_in_both_spellings() {
    let page = |pairs| Page::parse(&query(pairs));
    assert_eq!(
        page(&[]),
        Ok(Page {
            number: 1,
            size: 10
        })
    );
    let third = page(&[("page", "3"), ("page_size", "20")]).unwrap();
    assert_eq!((third.offset(), third.end()), (40, 60));
    assert!(page(&[("page", "100"), ("page_size", "100")]).is_ok());
    for bad in [
        &[("page", "0")],
        &[("page", "-1")],
        &[("page", "x")],
        &[("page", "+1")],
        &[("page", "4294967295")],
        &[("page_size", "101")],
        &[("page_size", "0")],
        &[("page", "1001")],
    ] {
        assert!(page(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn statuses_and_moments() {
    let all = |text: &'static str| status(&move |_: &str| Some(text.to_owned()));
    assert_eq!((all("all"), all("全部")), (Ok(None), Ok(None)));
    assert_eq!(all("delivered"), Ok(Some(Status::Completed)));
    assert!(all("lost").is_err());
    assert_eq!(status(&query(&[])), Ok(None));

    let at =
        |text: &'static str, edge| moment(&query(Box::leak(Box::new([("to", text)]))), "to", edge);
    assert_eq!(at("2024-01-01", Edge::Start), Ok(Some(1_704_067_200_000)));
    assert_eq!(at("2024-01-01", Edge::End), Ok(Some(1_704_153_600_000)));
    assert_eq!(at("1704067200001", Edge::End), Ok(Some(1_704_067_200_001)));
    assert_eq!(at("0", Edge::Start), Ok(Some(0)));
    for bad in [
        "2024-13-01",
        "yesterday",
        "-5",
        "+1704067200001",
        "99999999999999999",
        "20240209",
        "1704067200",
    ] {
        assert!(at(bad, Edge::Start).is_err(), "{bad}");
    }
}

#[test]
fn id_lists() {
    let read = |values: &[&str]| ids(&values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>());
    assert_eq!(read(&["1,2", "3", "2", ""]), Ok(vec![1, 2, 3]));
    assert_eq!(read(&[]), Ok(vec![]));
    for bad in ["a", "0", "-1", "+1", "1;2"] {
        assert!(read(&[bad]).is_err(), "{bad}");
    }
    let many = (1..=101)
        .map(|id| id.to_string())
        .collect::<Vec<_>>()
        .join(",");
    assert!(read(&[&many]).is_err());
}
