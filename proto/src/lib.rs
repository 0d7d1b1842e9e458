//! The services' protobuf messages and the traits of their servers, generated from the `.proto` files beside this
//! crate by `cargo xtask proto`, and the descriptors that reflection shows.

#![warn(missing_docs, clippy::missing_errors_doc)]

pub mod codec;

/// Every file of the services with all that they import, as a serialised `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.bin");

/// `order.v1`.
pub mod order {
    #[allow(clippy::all, missing_docs)]
    pub mod v1 {
        include!("generated/order.v1.rs");
    }
}

/// `inventory.v1`.
pub mod inventory {
    #[allow(clippy::all, missing_docs)]
    pub mod v1 {
        include!("generated/inventory.v1.rs");
    }
}

/// The standard services of gRPC.
pub mod grpc {
    /// Whether a service can be used.
    pub mod health {
        #[allow(clippy::all, missing_docs)]
        pub mod v1 {
            include!("generated/grpc.health.v1.rs");
        }
    }

    /// Which services there are, for clients without their `.proto` files.
    pub mod reflection {
        #[allow(clippy::all, missing_docs)]
        pub mod v1 {
            include!("generated/grpc.reflection.v1.rs");
        }

        #[allow(clippy::all, missing_docs)]
        pub mod v1alpha {
            include!("generated/grpc.reflection.v1alpha.rs");
        }
    }
}

/// What errors have in `grpc-status-details-bin`.
pub mod google {
    #[allow(clippy::all, missing_docs)]
    pub mod rpc {
        include!("generated/google.rpc.rs");
    }
}
