//! Successful replies of the routes, and the headers of all replies.

/// A successful reply.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Its body.
    pub content: Content,
    /// What it means.
    pub text: &'static str,
    /// Headers, besides those of every reply.
    pub headers: &'static [Header],
}

/// Body of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// JSON of the schema with this name in the components of the document.
    Json(&'static str),
    /// A JSON document of another standard.
    Document,
    /// Text of one of these content types.
    Text(&'static [&'static str]),
    /// None.
    Nothing,
}

/// A header of a reply.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// As it is shown.
    pub name: &'static str,
    /// Whether every such reply has it.
    pub always: bool,
    /// What it says.
    pub text: &'static str,
    /// A value that it may have.
    pub example: &'static str,
}

impl Reply {
    pub(super) const fn json(status: u16, schema: &'static str, text: &'static str) -> Reply {
        Reply {
            status,
            content: Content::Json(schema),
            text,
            headers: &[],
        }
    }

    pub(super) const fn of(content: Content, text: &'static str) -> Reply {
        Reply {
            status: 200,
            content,
            text,
            headers: &[],
        }
    }

    pub(super) const fn with(self, headers: &'static [Header]) -> Reply {
        Reply { headers, ..self }
    }
}

/// The answer where a client's copy is current.
pub(super) const NOT_MODIFIED: Reply = Reply {
    status: 304,
    content: Content::Nothing,
    text: "`If-None-Match` names the present reply.",
    headers: CHECKED,
};

/// The same, of a file.
pub(super) const FILE_NOT_MODIFIED: Reply = Reply {
    headers: &[ETAG, CACHE_CONTROL, VARY],
    ..NOT_MODIFIED
};

/// Of replies that clients keep and ask for again.
pub const CHECKED: &[Header] = &[ETAG, CACHE_CONTROL, AGE, GROUPS];
/// Of files.
pub const FILE: &[Header] = &[ETAG, CACHE_CONTROL, VARY, CONTENT_ENCODING, NO_SNIFF];
/// Of a page.
pub const PAGE: &[Header] = &[ETAG, CACHE_CONTROL, VARY, NO_SNIFF, POLICY];
/// Of what was created.
pub(super) const CREATED: &[Header] = &[LOCATION];
/// Of an order that was placed.
pub(super) const PLACED: &[Header] = &[LOCATION, REPLAYED, LIMIT_POLICY, LIMIT];
/// Of an order that was accepted.
pub const ACCEPTED: &[Header] = &[LOCATION, REPLAYED, APPLIED, LIMIT_POLICY, LIMIT];
/// Of what was made once under a key.
pub(super) const ONCE: &[Header] = &[REPLAYED];
/// Of a state that is no success.
pub(super) const UNWELL: &[Header] = &[RETRY_AFTER, MAY_CACHE_CONTROL];
/// Of the state at this moment.
pub(super) const MOMENTARY: &[Header] = &[CACHE_CONTROL];

const ETAG: Header = Header {
    name: "ETag",
    always: true,
    text: "Changes with the reply.",
    example: "\"5d41402abc4b2a76\"",
};
const CACHE_CONTROL: Header = Header {
    name: "Cache-Control",
    always: true,
    text: "`no-cache`: a copy may be shown again only after it was revalidated; `no-store`: never.",
    example: "no-cache",
};
/// The host's own refusals go without.
const MAY_CACHE_CONTROL: Header = Header {
    always: false,
    ..CACHE_CONTROL
};
const AGE: Header = Header {
    name: "Age",
    always: false,
    text: "Seconds for which the host has kept the reply.",
    example: "0",
};
const GROUPS: Header = Header {
    name: "Cache-Groups",
    always: false,
    text: "What the reply is about, for caches (RFC 9875).",
    example: "\"order-382556363634511872\"",
};
/// Of replies to changes.
pub const INVALIDATION: Header = Header {
    name: "Cache-Group-Invalidation",
    always: false,
    text: "What the change makes stale, for caches (RFC 9875).",
    example: "\"order-382556363634511872\", \"orders\"",
};
const LOCATION: Header = Header {
    name: "Location",
    always: true,
    text: "Path to read it at.",
    example: "/v1/order/382556363634511872",
};
const REPLAYED: Header = Header {
    name: "Idempotent-Replayed",
    always: false,
    text: "`true` in the answer to a repeat; absent in the first.",
    example: "true",
};
const APPLIED: Header = Header {
    name: "Preference-Applied",
    always: false,
    text: "`respond-async`, where `Prefer` asked for it.",
    example: "respond-async",
};
const VARY: Header = Header {
    name: "Vary",
    always: false,
    text: "Request headers that the reply depends on.",
    example: "accept",
};
const CONTENT_ENCODING: Header = Header {
    name: "Content-Encoding",
    always: false,
    text: "`gzip`, where `Accept-Encoding` takes it.",
    example: "gzip",
};
const NO_SNIFF: Header = Header {
    name: "X-Content-Type-Options",
    always: true,
    text: "Browsers must not guess another content type.",
    example: "nosniff",
};
const POLICY: Header = Header {
    name: "Content-Security-Policy",
    always: true,
    text: "What the page may load and run.",
    example: "default-src 'none'",
};
/// Of refusals that say when to come back.
pub const RETRY_AFTER: Header = Header {
    name: "Retry-After",
    always: true,
    text: "Seconds after which the same request may succeed.",
    example: "1",
};
/// Of replies that a limit is about.
pub const LIMIT_POLICY: Header = Header {
    name: "RateLimit-Policy",
    always: false,
    text: "The limit: its name (`path`, `user` or `address`), and the requests (`q`) that it takes in so many seconds \
           (`w`).",
    example: "\"user\";q=10;w=60",
};
/// The same.
pub const LIMIT: Header = Header {
    name: "RateLimit",
    always: false,
    text: "How many more requests (`r`) that limit takes for so many seconds (`t`).",
    example: "\"user\";r=9;t=60",
};
/// Of refusals some of which say when to come back.
pub const MAY_RETRY_AFTER: Header = Header {
    always: false,
    ..RETRY_AFTER
};
/// Of a refused method.
pub const ALLOW: Header = Header {
    name: "Allow",
    always: true,
    text: "The methods that the path takes.",
    example: "GET, HEAD, OPTIONS",
};
/// Of a refused caller.
pub const CHALLENGE: Header = Header {
    name: "WWW-Authenticate",
    always: true,
    text: "Asks for a token (RFC 6750) or a signature; says whether a token that was sent is not valid.",
    example: "Bearer realm=\"flashorder\"",
};
/// Of a refused content coding.
pub const ACCEPT_ENCODING: Header = Header {
    name: "Accept-Encoding",
    always: false,
    text: "`identity`, where the body was compressed.",
    example: "identity",
};
/// Of every error.
pub const OF_ERRORS: &[Header] = &[VARY];
/// Of every reply.
pub const OF_ALL: [Header; 2] = [
    Header {
        name: "Access-Control-Allow-Origin",
        always: false,
        text: "The origin whose pages may read the reply, or `*` for all; absent where none of them may.",
        example: "*",
    },
    Header {
        name: "Access-Control-Expose-Headers",
        always: false,
        text: "The headers of the reply that such a page may read.",
        example: "etag, idempotent-replayed, location, retry-after",
    },
];
