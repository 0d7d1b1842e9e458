//! What the functions serve, as one table. Made from it: `Allow` and the answer to `OPTIONS`, the OpenAPI document, the
//! table of routes in the README, and the list of what the tests must have called.

pub mod access;
mod documents;
mod flash_sales;
pub mod limited;
mod login;
mod operations;
mod orders;
mod orders_api;
mod orders_demo;
pub mod parameter;
mod products;
pub mod refusal;
pub mod reply;

use access::Access;
use limited::Limited;
use parameter::Parameter;
use refusal::Refusal;
use reply::Reply;

/// One operation: a method of a path.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// `GET`, `POST`, `PUT` or `PATCH`. `HEAD` is served wherever `GET` is, and `OPTIONS` everywhere.
    pub method: &'static str,
    /// With parameters in braces.
    pub path: &'static str,
    /// Name of the operation, unique: generated clients call it by this.
    pub id: &'static str,
    /// The group it is shown in.
    pub tag: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Who may ask for it.
    pub access: Access,
    /// By what it is limited.
    pub limited: Limited,
    /// What the summary leaves open; may be empty.
    pub description: &'static str,
    /// Of the path, the query and the header.
    pub parameters: &'static [Parameter],
    /// `None` where it takes none.
    pub body: Option<Body>,
    /// Every successful reply.
    pub replies: &'static [Reply],
    /// Its own refusals, besides those that every route has.
    pub refusals: &'static [Refusal],
}

/// Body of a request.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    /// Its name in the components of the document.
    pub schema: &'static str,
    /// False where the body may be missing.
    pub required: bool,
    /// The content types it may be labelled with.
    pub media: &'static [&'static str],
    /// One that is accepted, as JSON.
    pub example: &'static str,
}

/// A group of operations.
#[derive(Clone, Copy, Debug)]
pub struct Tag {
    /// As the operations have it.
    pub name: &'static str,
    /// A sentence or two.
    pub description: &'static str,
}

const JSON: &[&str] = &["application/json"];
const JSON_OR_PATCH: &[&str] = &["application/json", "application/merge-patch+json"];

const TABLES: [(Tag, &[Route]); 10] = [
    (orders::TAG, orders::ROUTES),
    (orders_api::TAG, orders_api::ROUTES),
    (orders_demo::TAG, orders_demo::ROUTES),
    (products::TAG, products::ROUTES),
    (products::DEMO, products::DEMO_ROUTES),
    (flash_sales::TAG, flash_sales::ROUTES),
    (login::TAG, login::ROUTES),
    (operations::STATISTICS, operations::STATISTICS_ROUTES),
    (operations::TAG, operations::ROUTES),
    (documents::TAG, documents::ROUTES),
];

const COUNT: usize = {
    let (mut count, mut at) = (0, 0);
    while at < TABLES.len() {
        count += TABLES[at].1.len();
        at += 1;
    }
    count
};

/// The groups, in the order of the document.
pub const TAGS: [Tag; TABLES.len()] = {
    let mut tags = [TABLES[0].0; TABLES.len()];
    let mut at = 0;
    while at < TABLES.len() {
        tags[at] = TABLES[at].0;
        at += 1;
    }
    tags
};

/// Every operation, by group.
pub const ROUTES: [Route; COUNT] = {
    let mut routes = [TABLES[0].1[0]; COUNT];
    let (mut table, mut at, mut filled) = (0, 0, 0);
    while table < TABLES.len() {
        while at < TABLES[table].1.len() {
            routes[filled] = TABLES[table].1[at];
            (at, filled) = (at + 1, filled + 1);
        }
        (table, at) = (table + 1, 0);
    }
    routes
};

/// What the functions carry of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    method: &'static str,
    path: &'static str,
    /// Who may ask for it.
    pub access: Access,
    /// By what it is limited.
    pub limited: Limited,
}

/// Every operation. Of the table, the functions carry only this.
static SERVED: [Served; COUNT] = {
    let mut served = [ROUTES[0].served(); COUNT];
    let mut at = 0;
    while at < COUNT {
        served[at] = ROUTES[at].served();
        at += 1;
    }
    served
};

/// The route that a path is of, with its parameters in braces: a literal segment wins over a parameter.
fn route_of(path: &str) -> Option<&'static str> {
    SERVED
        .iter()
        .map(|served| served.path)
        .filter(|route| matches(route, path))
        .min_by_key(|route| route.matches('{').count())
}

/// What this method of a path is; `None` where it is not served.
pub fn served(method: &str, path: &str) -> Option<&'static Served> {
    let route = route_of(path)?;
    let mut of_route = SERVED.iter().filter(|served| served.path == route);
    of_route.find(|served| served.method == method)
}

/// Who may use this method of a path; `None` where it is not served.
pub fn access(method: &str, path: &str) -> Option<Access> {
    served(method, path).map(|served| served.access)
}

/// The methods that a path takes, as `Allow` lists them: those of its routes, `HEAD` where there is `GET`, and
/// `OPTIONS`; `None` where no route has this path. Searches all routes, so it is for `OPTIONS` and errors.
pub fn allow(path: &str) -> Option<String> {
    if access::of_method(path).is_some() {
        return Some("POST, OPTIONS".to_owned());
    }
    let route = route_of(path)?;
    let mut methods = Vec::new();
    for served in SERVED.iter().filter(|served| served.path == route) {
        methods.push(served.method);
        if served.method == "GET" {
            methods.push("HEAD");
        }
    }
    methods.push("OPTIONS");
    Some(methods.join(", "))
}

fn matches(route: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let all = route.split('/').all(|wanted| {
        segments
            .next()
            .is_some_and(|segment| match wanted.starts_with('{') {
                true => !segment.is_empty(),
                false => segment == wanted,
            })
    });
    all && segments.next().is_none()
}

impl Route {
    const fn new(method: &'static str, path: &'static str, id: &'static str) -> Route {
        Route {
            method,
            path,
            id,
            tag: "",
            summary: "",
            // Nobody, until the table says who.
            access: Access::Roles(&[]),
            limited: Limited::of_method(method),
            description: "",
            parameters: &[],
            body: None,
            replies: &[],
            refusals: &[],
        }
    }

    const fn get(path: &'static str, id: &'static str) -> Route {
        Route::new("GET", path, id)
    }

    const fn post(path: &'static str, id: &'static str) -> Route {
        Route::new("POST", path, id)
    }

    const fn put(path: &'static str, id: &'static str) -> Route {
        Route::new("PUT", path, id)
    }

    const fn patch(path: &'static str, id: &'static str) -> Route {
        Route::new("PATCH", path, id)
    }

    const fn tagged(self, tag: Tag) -> Route {
        Route {
            tag: tag.name,
            ..self
        }
    }

    const fn by(self, access: Access) -> Route {
        Route { access, ..self }
    }

    const fn places_orders(self) -> Route {
        let limited = Limited::ByUser;
        Route { limited, ..self }
    }

    const fn served(&self) -> Served {
        Served {
            method: self.method,
            path: self.path,
            access: self.access,
            limited: self.limited,
        }
    }

    const fn about(self, summary: &'static str, description: &'static str) -> Route {
        Route {
            summary,
            description,
            ..self
        }
    }

    const fn with(self, parameters: &'static [Parameter]) -> Route {
        Route { parameters, ..self }
    }

    const fn takes(self, schema: &'static str, example: &'static str) -> Route {
        let body = Some(Body {
            schema,
            required: true,
            media: JSON,
            example,
        });
        Route { body, ..self }
    }

    const fn takes_patch(self, schema: &'static str, example: &'static str) -> Route {
        let body = Some(Body {
            schema,
            required: true,
            media: JSON_OR_PATCH,
            example,
        });
        Route { body, ..self }
    }

    const fn may_take(self, schema: &'static str, example: &'static str) -> Route {
        let body = Some(Body {
            schema,
            required: false,
            media: JSON,
            example,
        });
        Route { body, ..self }
    }

    const fn gives(self, replies: &'static [Reply]) -> Route {
        Route { replies, ..self }
    }

    const fn refuses(self, refusals: &'static [Refusal]) -> Route {
        Route { refusals, ..self }
    }
}

#[cfg(test)]
mod tests;
