//! The descriptors of all services, by file and by symbol.

use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};
use std::collections::BTreeMap;
use std::sync::LazyLock;

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let files = FileDescriptorSet::decode(proto::DESCRIPTORS);
    // It is decoded in a test.
    Index::of(files.unwrap_or_default().file)
});

#[derive(Default)]
struct Index {
    /// Each file as bytes, by its path.
    files: BTreeMap<String, Vec<u8>>,
    /// Paths by what the files define, without the leading dot.
    symbols: BTreeMap<String, String>,
    services: Vec<String>,
}

/// Full names of all services.
pub fn services() -> impl Iterator<Item = &'static str> {
    INDEX.services.iter().map(String::as_str)
}

/// A file by its path.
pub fn file(path: &str) -> Option<&'static [u8]> {
    INDEX.files.get(path).map(Vec::as_slice)
}

/// The file that defines a message, an enum, a service, a method or a field.
pub fn defining(symbol: &str) -> Option<&'static [u8]> {
    file(INDEX.symbols.get(symbol)?)
}

impl Index {
    fn of(files: Vec<FileDescriptorProto>) -> Index {
        let mut index = Index::default();
        for file in files {
            index.add(&file);
        }
        index
    }

    fn add(&mut self, file: &FileDescriptorProto) {
        let (path, package) = (file.name(), file.package());
        self.files.insert(path.to_owned(), file.encode_to_vec());
        for message in &file.message_type {
            self.add_message(path, package, message);
        }
        for one in &file.enum_type {
            self.symbol(path, package, one.name());
        }
        for service in &file.service {
            let name = self.symbol(path, package, service.name());
            for method in &service.method {
                self.symbol(path, &name, method.name());
            }
            self.services.push(name);
        }
    }

    fn add_message(&mut self, path: &str, outer: &str, message: &DescriptorProto) {
        let name = self.symbol(path, outer, message.name());
        for inner in &message.nested_type {
            self.add_message(path, &name, inner);
        }
        for one in &message.enum_type {
            self.symbol(path, &name, one.name());
        }
        for field in &message.field {
            self.symbol(path, &name, field.name());
        }
    }

    fn symbol(&mut self, path: &str, outer: &str, name: &str) -> String {
        let name = match outer {
            "" => name.to_owned(),
            outer => format!("{outer}.{name}"),
        };
        self.symbols.insert(name.clone(), path.to_owned());
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_and_all_that_it_imports_is_there() {
        let all: Vec<&str> = services().collect();
        for service in [
            "order.v1.OrderService",
            "inventory.v1.InventoryService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        ] {
            assert!(all.contains(&service), "{service} is not in {all:?}");
        }
        for bytes in INDEX.files.values() {
            let file = FileDescriptorProto::decode(bytes.as_slice()).unwrap();
            for import in &file.dependency {
                let of = file.name();
                assert!(super::file(import).is_some(), "{import} of {of} is missing");
            }
        }
    }

    #[test]
    fn symbols_lead_to_their_files() {
        let path = |symbol| {
            let file = FileDescriptorProto::decode(defining(symbol)?).unwrap();
            Some(file.name().to_owned())
        };
        for symbol in [
            "order.v1.Order",
            "order.v1.Order.items",
            "order.v1.OrderService",
            "order.v1.OrderService.CreateOrder",
        ] {
            assert_eq!(
                path(symbol).as_deref(),
                Some("order/v1/order.proto"),
                "{symbol}"
            );
        }
        assert_eq!(path("order.v1.Nothing"), None);
        assert_eq!(
            path("google.protobuf.Timestamp").as_deref(),
            Some("google/protobuf/timestamp.proto")
        );
    }
}
