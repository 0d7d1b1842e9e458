//! gRPC by the clients that people use: one that grpcio's tools generate from `proto/`, on a host with ports of its own
//! for gRPC and on one with a single port; and `grpcurl`, which knows no `.proto` file.

mod deadlines;

use anyhow::{Context, Result, ensure};
use platform::Platform;
use platform::client::Client;
use platform::shop::{Stock, buyer};
use serde_json::{Value, json};
use stack::component;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering};
use tests::grpc::ROLE_HEADER;

const REQUIREMENTS: &str = include_str!("grpc/requirements.txt");
/// What the client needs of `proto/`.
const PROTOS: [&str; 4] = [
    "order/v1/order.proto",
    "inventory/v1/inventory.proto",
    "google/rpc/status.proto",
    "google/rpc/error_details.proto",
];

fn succeed(command: &mut Command) -> Result<String> {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output()?;
    let said = String::from_utf8_lossy(&stderr);
    ensure!(status.success(), "{command:?}: {status}\n{said}");
    Ok(String::from_utf8(stdout)?)
}

/// A folder with the modules that grpcio's tools make of the `.proto` files.
fn generated(platform: &Platform) -> Result<PathBuf> {
    let folder = platform.home().dir("grpc")?;
    let protos = component::checkout()?.join("proto");
    let mut protoc = stack::python::environment("grpc", REQUIREMENTS)?;
    protoc.args(["-m", "grpc_tools.protoc", "-I"]).arg(&protos);
    for kind in ["--python_out", "--grpc_python_out"] {
        protoc.arg(format!("{kind}={}", folder.display()));
    }
    succeed(protoc.args(PROTOS))?;
    Ok(folder)
}

/// A script of this folder, with the modules of the `.proto` files.
fn script(platform: &Platform, name: &str) -> Result<Command> {
    let path = component::checkout()?.join("tests/tests/platform/grpc");
    let mut client = stack::python::environment("grpc", REQUIREMENTS)?;
    client
        .arg(path.join(name))
        .env("PYTHONPATH", generated(platform)?)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(client)
}

/// Runs the clients against a host, and compares what they made with what HTTP shows of it.
fn live(platform: &Platform, grpc: &str, api: &Client) -> Result<()> {
    // The script's users are this one and the next two.
    static NEXT: AtomicU64 = AtomicU64::new(70_000);
    let user = NEXT.fetch_add(3, Ordering::Relaxed);
    let (product, other) = (platform.product(10, "redis")?, platform.product(1, "db")?);
    let ids = [user, product, other].map(|id| id.to_string());
    let made = succeed(script(platform, "orders.py")?.arg(grpc).args(ids))?;
    let made = made.trim();
    let order = api.get(&format!("/v1/order/{made}"))?.expect(200)?;
    assert_eq!(order.text_at("/order/status"), "completed");
    assert_eq!(order.text_at("/order/user_id"), user.to_string());
    let list = api.get(&format!("/v1/order/list?user_id={user}"))?;
    assert_eq!(list.body["total"], 2, "{}", list.text);
    let product = platform.product(10, "redis")?;
    let ids = [user, product].map(|id| id.to_string());
    succeed(script(platform, "holds.py")?.arg(grpc).args(ids))?;
    platform.expect_stock(product, Stock::of(10, 0, 0))
}

fn authority(api: &Client) -> &str {
    api.base().trim_start_matches("http://")
}

#[test]
fn a_python_client_on_the_port_of_http() -> Result<()> {
    let platform = tests::shared();
    live(&platform, authority(&platform.api), &platform.api)
}

#[test]
fn a_python_client_on_ports_of_its_own() -> Result<()> {
    let platform = tests::shared();
    let ports = [stack::free_port()?, stack::free_port()?];
    let (_host, api) = platform.host_on("host-grpc", &ports)?;
    for port in ports {
        live(&platform, &format!("127.0.0.1:{port}"), &api)?;
    }
    Ok(())
}

fn grpcurl(address: &str, verb: &[&str]) -> Result<String> {
    let mut command = Command::new(stack::go::grpcurl()?);
    succeed(command.args(["-plaintext", address]).args(verb))
}

/// Calls a method with a message in JSON.
fn asked(address: &str, method: &str, message: &Value) -> Result<Value> {
    let mut command = Command::new(stack::go::grpcurl()?);
    command.args(["-plaintext", "-d", &message.to_string()]);
    if method == "UpdateOrderStatus" {
        command.args(["-H", &format!("{ROLE_HEADER}: admin")]);
    }
    command.arg(address);
    let reply = succeed(command.arg(format!("order.v1.OrderService/{method}")))?;
    println!("{method} {message}\n{reply}");
    Ok(serde_json::from_str(&reply)?)
}

#[test]
fn grpcurl_lists_and_describes_without_protos() -> Result<()> {
    let platform = tests::shared();
    let address = authority(&platform.api);
    let services = grpcurl(address, &["list"])?;
    let services: Vec<&str> = services.lines().collect();
    assert_eq!(
        services,
        [
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
            "inventory.v1.InventoryService",
            "order.v1.OrderService",
        ]
    );
    let described = grpcurl(address, &["describe"])?;
    for part in [
        "rpc CreateOrder ( .order.v1.CreateOrderRequest ) returns ( .order.v1.CreateOrderResponse );",
        "rpc PreDeductStock",
    ] {
        assert!(described.contains(part), "{described}");
    }
    let message = grpcurl(address, &["describe", "order.v1.CreateOrderResponse"])?;
    let field = ".google.protobuf.Timestamp created_at = 5;";
    assert!(message.contains(field), "{message}");
    Ok(())
}

/// The lines of docs/api.md.
#[test]
fn grpcurl_calls_every_method_of_orders() -> Result<()> {
    let platform = tests::shared();
    let address = authority(&platform.api);
    let (user, product) = (buyer(), platform.product(5, "redis")?);
    let order = json!({ "user_id": user, "items": [{ "product_id": product, "quantity": 2 }] });
    let made = asked(address, "CreateOrder", &order)?;
    assert_eq!(
        (&made["status"], &made["actualAmount"]),
        (&json!("pending"), &json!(199.98))
    );
    let id = made["orderId"].as_str().context("no id")?;
    let one = json!({ "user_id": user, "order_id": id });
    let shown = asked(address, "GetOrderDetail", &one)?;
    assert_eq!(shown["order"]["id"], id);
    let listed = asked(address, "ListOrders", &json!({ "user_id": user }))?;
    assert_eq!(
        (&listed["total"], &listed["orders"][0]["id"]),
        (&json!(1), &json!(id))
    );
    let paid = json!({ "order_id": id, "status": "paid" });
    assert_eq!(asked(address, "UpdateOrderStatus", &paid)?["success"], true);
    let order = json!({ "user_id": user, "items": [{ "product_id": product, "quantity": 1 }] });
    let second = asked(address, "CreateOrder", &order)?;
    let second = json!({ "user_id": user, "order_id": second["orderId"], "reason": "too late" });
    assert_eq!(asked(address, "CancelOrder", &second)?["success"], true);
    Ok(())
}

/// HTTP clients that call a gRPC route learn what is wrong as on any other route.
#[test]
fn http_on_a_grpc_route_is_refused() -> Result<()> {
    let platform = tests::shared();
    let api = Client::new(platform.api.base());
    let path = "/order.v1.OrderService/CreateOrder";
    let reply = api.post(path, &json!({ "user_id": 1 }))?;
    assert_eq!((reply.status, reply.code()), (415, 10001), "{}", reply.text);
    let message = reply.text_at("/message");
    assert_eq!(message, "[10001] the content type must be application/grpc");
    Ok(())
}
