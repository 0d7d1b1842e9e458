//! Query parameters of listings: pages, status filters, moments in time. Pure: parameters are looked
//! up through an argument.

use crate::api::identity::IdText;
use domain::limits::{PAGE_DEPTH_MAX, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX};
use domain::{Ms, Rejection, Status, calendar};

/// A page of a listing, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// From 1.
    pub number: u32,
    /// Elements per page, 1 to 100.
    pub size: u32,
}

/// Query parameters by name, in snake case.
pub trait Parameters {
    /// First value of a parameter; `None` where absent or empty.
    fn first(&self, name: &str) -> Option<String>;
}

impl<F: Fn(&str) -> Option<String>> Parameters for F {
    fn first(&self, name: &str) -> Option<String> {
        self(name)
    }
}

impl Page {
    /// `page` from 1, `page_size` from 1 to 100; by default the first ten.
    ///
    /// # Errors
    /// Where a parameter is no such number, or the page reaches past the first 10,000 rows.
    pub fn parse(query: &impl Parameters) -> Result<Page, Rejection> {
        let number = count(query, "page")?.unwrap_or(1);
        let size = count(query, "page_size")?.unwrap_or(PAGE_SIZE_DEFAULT);
        if size > PAGE_SIZE_MAX {
            return Err(Rejection::invalid(
                "page_size",
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

/// Lower bound of a total, from a page's offset and number of rows: rows and total are read at different moments.
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
    IdText(text)
        .number()
        .and_then(|number| u32::try_from(number).ok())
        .filter(|number| *number > 0)
        .map(Some)
        .ok_or_else(|| Rejection::invalid(name, "must be a whole number from 1"))
}

/// The status to filter by; `None` where absent or `all`.
///
/// # Errors
/// Where it is no known status.
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
    /// The day's first moment, UTC.
    Start,
    /// The first moment after the day, so that `to=2024-01-31` includes that day.
    End,
}

/// Moments in milliseconds: from March 1973 to the year 10000.
pub(crate) const MOMENTS: std::ops::Range<Ms> = 100_000_000_000..253_402_300_800_000;

/// A moment in milliseconds since 1970; 0 is the beginning of time. Other small numbers are none: `20240209` is a date
/// to its writer, and `1700000000` counts seconds.
pub(crate) fn milliseconds(text: &IdText) -> Option<Ms> {
    text.number().filter(|ms| *ms == 0 || MOMENTS.contains(ms))
}

/// A moment as a date `2024-01-31` (UTC) or in milliseconds since the epoch; `None` where absent.
///
/// # Errors
/// Where it is neither.
pub fn moment(query: &impl Parameters, name: &str, edge: Edge) -> Result<Option<Ms>, Rejection> {
    const DAY_MS: Ms = 86_400_000;
    let Some(text) = query.first(name) else {
        return Ok(None);
    };
    let parsed = match (calendar::parse_date(&text), edge) {
        (Some(midnight), Edge::Start) => Some(midnight),
        (Some(midnight), Edge::End) => Some(midnight + DAY_MS),
        (None, _) => milliseconds(&IdText(text)),
    };
    parsed.map(Some).ok_or_else(|| {
        Rejection::invalid(
            name,
            "must be a date such as 2024-01-31, or milliseconds since 1970",
        )
    })
}

/// Distinct whole numbers above 0 from comma-separated or repeated parameters; at most 100.
///
/// # Errors
/// Where one is no such number, or there are more.
pub fn ids(values: &[String]) -> Result<Vec<u64>, Rejection> {
    let texts = values.iter().flat_map(|value| value.split(','));
    let mut ids = Vec::new();
    for text in texts.map(str::trim).filter(|text| !text.is_empty()) {
        let id = IdText(text.to_owned())
            .number()
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
mod tests;
