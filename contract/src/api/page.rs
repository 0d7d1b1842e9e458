//! Query parameters of listings: pages in both spellings, status filters, moments in time.
//! Pure: a look-up of parameters by name comes as an argument.

use domain::limits::{PAGE_DEPTH_MAX, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX};
use domain::{Ms, Rejection, Status, calendar};

/// A page of a listing, newest first. Counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub number: u32,
    pub size: u32,
}

/// First value of a parameter, `None` where absent or empty.
pub trait Parameters {
    fn first(&self, name: &str) -> Option<String>;
}

impl<F: Fn(&str) -> Option<String>> Parameters for F {
    fn first(&self, name: &str) -> Option<String> {
        self(name)
    }
}

impl Page {
    /// `page` from 1, `page_size` or `pageSize` from 1 to 100; by default the first ten.
    pub fn parse(query: &impl Parameters) -> Result<Page, Rejection> {
        let number = count(query, "page")?.unwrap_or(1);
        let (size_name, size) = match count(query, "page_size")? {
            Some(size) => ("page_size", size),
            None => (
                "pageSize",
                count(query, "pageSize")?.unwrap_or(PAGE_SIZE_DEFAULT),
            ),
        };
        if size > PAGE_SIZE_MAX {
            return Err(Rejection::invalid(
                size_name,
                format!("must be from 1 to {PAGE_SIZE_MAX}"),
            ));
        }
        let page = Page { number, size };
        match page.checked_end() {
            Some(end) if end <= PAGE_DEPTH_MAX => Ok(page),
            _ => Err(Rejection::invalid(
                "page",
                format!("reaches past the first {PAGE_DEPTH_MAX} rows; narrow the filter instead"),
            )),
        }
    }

    fn checked_end(&self) -> Option<u32> {
        self.number.checked_mul(self.size)
    }

    /// Rows before the page.
    pub fn offset(&self) -> u32 {
        (self.number - 1).saturating_mul(self.size)
    }

    /// Rows up to the end of the page.
    pub fn end(&self) -> u32 {
        self.checked_end().unwrap_or(u32::MAX)
    }
}

/// How many there are at least, where so many rows stand behind so many others: they are counted at another moment.
pub fn at_least(offset: u32, rows: usize) -> u64 {
    match rows {
        0 => 0,
        rows => u64::from(offset) + rows as u64,
    }
}

fn count(query: &impl Parameters, name: &str) -> Result<Option<u32>, Rejection> {
    let Some(text) = query.first(name) else {
        return Ok(None);
    };
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .map(Some)
        .ok_or_else(|| Rejection::invalid(name, "must be a whole number from 1"))
}

/// The status to filter by; `all` is no filter.
pub fn status(query: &impl Parameters) -> Result<Option<Status>, Rejection> {
    match query.first("status").as_deref() {
        None | Some("all" | "全部") => Ok(None),
        Some(text) => Status::parse(text)
            .map(Some)
            .ok_or_else(|| Rejection::invalid("status", "is not a known status")),
    }
}

/// Which edge of a day a bare date stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    Start,
    /// The first moment behind the day, so that `to=2024-01-31` includes that day.
    End,
}

/// A moment as a date `2024-01-31` or in milliseconds since the epoch.
pub fn moment(query: &impl Parameters, name: &str, edge: Edge) -> Result<Option<Ms>, Rejection> {
    const DAY_MS: Ms = 86_400_000;
    /// Year 10000: beyond it a number is no time in milliseconds.
    const MS_MAX: Ms = 253_402_300_800_000;
    let Some(text) = query.first(name) else {
        return Ok(None);
    };
    let parsed = match (calendar::parse_date(&text), edge) {
        (Some(midnight), Edge::Start) => Some(midnight),
        (Some(midnight), Edge::End) => Some(midnight + DAY_MS),
        (None, _) => text.parse().ok().filter(|ms| *ms <= MS_MAX),
    };
    parsed.map(Some).ok_or_else(|| {
        Rejection::invalid(name, "must be a date such as 2024-01-31 or milliseconds")
    })
}

/// Whole numbers above 0 from parameters that are lists, repeated, or both; at most a page of them.
pub fn ids(values: &[String]) -> Result<Vec<u64>, Rejection> {
    let texts = values.iter().flat_map(|value| value.split(','));
    let mut ids = Vec::new();
    for text in texts.map(str::trim).filter(|text| !text.is_empty()) {
        let id = text
            .parse()
            .ok()
            .filter(|id| *id > 0)
            .ok_or_else(|| Rejection::invalid("ids", "must be whole numbers above 0"))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
        if ids.len() > PAGE_SIZE_MAX as usize {
            return Err(Rejection::invalid(
                "ids",
                format!("has more than {PAGE_SIZE_MAX} ids"),
            ));
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
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
        for size in ["page_size", "pageSize"] {
            let pairs = Box::leak(Box::new([("page", "3"), (size, "20")]));
            let third = page(pairs).unwrap();
            assert_eq!((third.offset(), third.end()), (40, 60));
        }
        assert!(page(&[("page", "100"), ("page_size", "100")]).is_ok());
        for bad in [
            &[("page", "0")],
            &[("page", "-1")],
            &[("page", "x")],
            &[("page", "4294967295")],
            &[("page_size", "101")],
            &[("pageSize", "0")],
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

        let at = |text: &'static str, edge| {
            moment(&query(Box::leak(Box::new([("to", text)]))), "to", edge)
        };
        assert_eq!(at("2024-01-01", Edge::Start), Ok(Some(1_704_067_200_000)));
        assert_eq!(at("2024-01-01", Edge::End), Ok(Some(1_704_153_600_000)));
        assert_eq!(at("1704067200001", Edge::End), Ok(Some(1_704_067_200_001)));
        for bad in ["2024-13-01", "yesterday", "-5", "99999999999999999"] {
            assert!(at(bad, Edge::Start).is_err(), "{bad}");
        }
    }

    #[test]
    fn id_lists() {
        let read =
            |values: &[&str]| ids(&values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>());
        assert_eq!(read(&["1,2", "3", "2", ""]), Ok(vec![1, 2, 3]));
        assert_eq!(read(&[]), Ok(vec![]));
        for bad in ["a", "0", "-1", "1;2"] {
            assert!(read(&[bad]).is_err(), "{bad}");
        }
        let many = (1..=101)
            .map(|id| id.to_string())
            .collect::<Vec<_>>()
            .join(",");
        assert!(read(&[&many]).is_err());
    }
}
