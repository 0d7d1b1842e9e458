//! A component that never gets as far as a request: its initialisation, which runs when a host makes an instance, has
//! no end.

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

/// What the linker finds in this section is called before anything else of the component.
// SAFETY: the section holds pointers to functions without parameters, and this is one.
#[used]
#[unsafe(link_section = ".init_array")]
static INITIALISE: extern "C" fn() = initialise;
