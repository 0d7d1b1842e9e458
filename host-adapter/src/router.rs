//! Routes to components. Exact segments win over `:name`, those over `/...`, and the longer prefix over the shorter. A
//! path with a slash at its end is another path, which only a wildcard matches.

use http_rules::path;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

/// Routes in order of precedence.
#[derive(Debug, Default)]
pub struct Router {
    /// Routes without parameters or wildcard, by trimmed path: these win over all others.
    exact: HashMap<String, Route>,
    /// The others, most specific first.
    patterns: Vec<Route>,
}

/// One route of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The route as written in the manifest.
    pub raw: String,
    /// The route with the application's base before it.
    pub based: String,
    /// Its place among the application's routes.
    pub number: usize,
    /// Index of the component it leads to.
    pub component: usize,
    segments: Vec<Segment>,
}

/// The order of the variants is the order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Exact(String),
    Param(String),
    Wildcard,
}

/// A route that matched, and the path it matched.
#[derive(Debug, Clone, Copy)]
pub struct RouteMatch<'r, 'p> {
    /// The route.
    pub route: &'r Route,
    path: &'p str,
}

impl Router {
    /// Builds the table. The error names the route and what is wrong with it; two routes that match the same paths
    /// are an error, since one of them could never be reached.
    pub fn build<'a>(
        base: &str,
        routes: impl IntoIterator<Item = (&'a str, usize)>,
    ) -> Result<Self, (String, String)> {
        let mut router = Self::default();
        for (number, (raw, component)) in routes.into_iter().enumerate() {
            let fail = |reason: String| (raw.to_owned(), reason);
            let route = Route::parse(base, raw, component).map_err(fail)?;
            let route = Route { number, ..route };
            if route.is_exact() {
                if let Some(other) = router.exact.insert(route.key(), route) {
                    return Err(fail(format!(
                        "matches the same path as route {:?}",
                        other.raw
                    )));
                }
            } else {
                if let Some(other) = router.patterns.iter().find(|other| other.equals(&route)) {
                    return Err(fail(format!(
                        "matches the same paths as route {:?}",
                        other.raw
                    )));
                }
                router.patterns.push(route);
            }
        }
        router.patterns.sort_by(Route::precedence);
        Ok(router)
    }

    /// The route for a canonical `path`, if any.
    pub fn route<'r, 'p>(&'r self, path: &'p str) -> Option<RouteMatch<'r, 'p>> {
        let trimmed = trim(path);
        let open = path::ends_in_slash(path);
        let exact = self.exact.get(trimmed).filter(|_| !open);
        let mut patterns = self.patterns.iter();
        exact
            .or_else(|| {
                patterns.find(|route| route.matches(trimmed) && (route.is_wildcard() || !open))
            })
            .map(|route| RouteMatch { route, path })
    }

    /// All routes, exact ones first.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.exact.values().chain(&self.patterns)
    }
}

impl Route {
    fn parse(base: &str, raw: &str, component: usize) -> Result<Self, String> {
        if !raw.starts_with('/') {
            return Err("a route starts with '/'".to_owned());
        }
        let based = format!("{}{}", base.trim_end_matches('/'), raw);
        let mut segments = Vec::new();
        for part in trim(&based).split('/').filter(|part| !part.is_empty()) {
            if segments.last() == Some(&Segment::Wildcard) {
                return Err("'...' is only allowed at the end".to_owned());
            }
            segments.push(match part.strip_prefix(':') {
                Some("") => return Err("':' needs a name after it".to_owned()),
                Some(name) if segments.contains(&Segment::Param(name.to_owned())) => {
                    return Err(format!("parameter {name:?} occurs twice"));
                }
                // The name becomes part of a header, `spin-path-match-NAME`.
                Some(name)
                    if name
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') =>
                {
                    Segment::Param(name.to_owned())
                }
                Some(name) => {
                    return Err(format!(
                        "parameter {name:?} may hold letters, digits, '-' and '_'"
                    ));
                }
                None if part == "..." || part == "*" => Segment::Wildcard,
                None if part.contains("...") || part.contains('*') || part.contains(':') => {
                    return Err(format!("{part:?} is neither a text, a ':name' nor '...'"));
                }
                None => Segment::Exact(part.to_owned()),
            });
        }
        Ok(Self {
            raw: raw.to_owned(),
            based,
            number: 0,
            component,
            segments,
        })
    }

    fn is_exact(&self) -> bool {
        self.segments.iter().all(|s| matches!(s, Segment::Exact(_)))
    }

    fn key(&self) -> String {
        trim(&self.based).to_owned()
    }

    /// Whether both match exactly the same paths, whatever their parameters are called.
    fn equals(&self, other: &Self) -> bool {
        self.segments.len() == other.segments.len()
            && self
                .segments
                .iter()
                .zip(&other.segments)
                .all(|pair| match pair {
                    (Segment::Param(_), Segment::Param(_)) => true,
                    (a, b) => a == b,
                })
    }

    fn precedence(a: &Self, b: &Self) -> std::cmp::Ordering {
        let rank = |segment: &Segment| match segment {
            Segment::Exact(_) => 0,
            Segment::Param(_) => 1,
            Segment::Wildcard => 2,
        };
        a.segments
            .iter()
            .map(rank)
            .cmp(b.segments.iter().map(rank))
            .then_with(|| b.segments.len().cmp(&a.segments.len()))
            .then_with(|| a.based.cmp(&b.based))
    }

    fn matches(&self, trimmed: &str) -> bool {
        let mut parts = trimmed.split('/').filter(|part| !part.is_empty());
        for segment in &self.segments {
            match segment {
                Segment::Wildcard => return true,
                Segment::Param(_) if parts.next().is_some() => {}
                Segment::Exact(text) if parts.next() == Some(text) => {}
                _ => return false,
            }
        }
        parts.next().is_none()
    }

    /// The route without its trailing wildcard, as written in the manifest.
    pub fn prefix(&self) -> &str {
        self.raw.strip_suffix("/...").unwrap_or(&self.raw)
    }

    /// Whether the route ends in a wildcard.
    pub fn is_wildcard(&self) -> bool {
        self.segments.last() == Some(&Segment::Wildcard)
    }

    /// Whether the route has parameters.
    pub fn has_params(&self) -> bool {
        self.segments.iter().any(|s| matches!(s, Segment::Param(_)))
    }
}

impl<'p> RouteMatch<'_, 'p> {
    /// The part of the path that a trailing wildcard matched, with its leading slash; empty without one.
    pub fn path_info(&self) -> Cow<'p, str> {
        if !self.route.is_wildcard() {
            return Cow::Borrowed("");
        }
        let fixed = self.route.segments.len() - 1;
        let mut rest = self.path.trim_start_matches('/');
        for _ in 0..fixed {
            rest = rest
                .split_once('/')
                .map_or("", |(_, rest)| rest.trim_start_matches('/'));
        }
        let slash = self.path.ends_with('/');
        match (rest.is_empty(), slash) {
            (true, true) => Cow::Borrowed("/"),
            (true, false) => Cow::Borrowed(""),
            _ => Cow::Owned(format!("/{rest}")),
        }
    }

    /// Name and value of each `:name` segment.
    pub fn params(&self) -> impl Iterator<Item = (&str, &'p str)> {
        let parts = trim(self.path).split('/').filter(|part| !part.is_empty());
        self.route
            .segments
            .iter()
            .zip(parts)
            .filter_map(|(segment, part)| match segment {
                Segment::Param(name) => Some((name.as_str(), part)),
                _ => None,
            })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.based)
    }
}

fn trim(path: &str) -> &str {
    path.trim_matches('/')
}

#[cfg(test)]
mod tests;
