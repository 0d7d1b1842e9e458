//! A component that never handles a request: its initialisation, which runs when a host creates an instance, does not
//! end.

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

struct EndlessStart;

wasip2::http::proxy::export!(EndlessStart);

impl Guest for EndlessStart {
    fn handle(_: IncomingRequest, _: ResponseOutparam) {}
}

extern "C" fn initialise() {
    let mut turns = 0_u64;
    while turns < u64::MAX {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

/// The functions in this section are called before anything else in the component.
// SAFETY: the section holds pointers to functions without parameters, and this is one.
#[used]
#[unsafe(link_section = ".init_array")]
static INITIALISE: extern "C" fn() = initialise;
