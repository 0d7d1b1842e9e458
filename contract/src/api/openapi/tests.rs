//! Tests of `openapi`.

use super::*;

#[test]
fn the_golden_copy_is_current() {
    assert!(
        document().unwrap() == include_str!("../../../openapi.json"),
        "the API changed; look at the difference that this makes:\n  \
         cargo run --profile quick -p contract --features openapi --example openapi > contract/openapi.json"
    );
}

#[test]
fn every_reference_leads_somewhere() {
    let document: serde_json::Value = serde_json::from_str(&document().unwrap()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        if let Some(reference) = value.get("$ref").and_then(|text| text.as_str()) {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        match value {
            serde_json::Value::Object(fields) => open.extend(fields.values()),
            serde_json::Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}

/// Each role by what it can show: users have no signatures, machines no tokens.
#[test]
fn who_may_ask_is_documented() {
    use crate::api::route::access::Proof;
    let document: serde_json::Value = serde_json::from_str(&document().unwrap()).unwrap();
    for route in ROUTES {
        let item = &document["paths"][route.path];
        let ways = &item[route.method.to_ascii_lowercase()]["security"];
        let ways = ways.as_array().unwrap();
        for (scheme, by) in [(ACCESS_TOKEN, Proof::Token), (SIGNATURE, Proof::Signature)] {
            let listed = ways.iter().find_map(|way| way.get(scheme)?.as_array());
            for role in Role::ALL {
                let shown = match by {
                    Proof::Token => role.is_of_users(),
                    _ => role.is_of_machines(),
                };
                let has = listed.is_some_and(|roles| roles.contains(&json!(role.name())));
                let may = shown && route.access.admits(role, by);
                assert_eq!(
                    has,
                    may && route.access != Access::Anyone,
                    "{}: {role}",
                    route.id
                );
            }
        }
    }
}

/// Every path of the document is served, and every route of the manifest is documented; those of gRPC services, whose
/// names have a dot, by their `.proto` files.
#[test]
fn the_manifest_routes_the_same_paths() {
    let manifest = include_str!("../../../../spin.toml");
    let routed: Vec<Vec<&str>> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("route = \"")?.strip_suffix('"'))
        .map(|route| route.split('/').collect::<Vec<&str>>())
        // Not the services of gRPC.
        .filter(|route| !(route[1].contains('.') && route.last() == Some(&"...")))
        .collect();
    let serves = |route: &[&str], path: &str| {
        let segments: Vec<&str> = path.split('/').collect();
        let open = route.last() == Some(&"...");
        let fixed = route.len() - usize::from(open);
        let long_enough = if open {
            segments.len() >= fixed
        } else {
            segments.len() == fixed
        };
        long_enough
            && route[..fixed]
                .iter()
                .zip(&segments)
                .all(|(wanted, segment)| {
                    wanted == segment || (wanted.starts_with(':') && segment.starts_with('{'))
                })
    };
    for path in ROUTES.iter().map(|route| route.path) {
        assert!(
            routed.iter().any(|route| serves(route, path)),
            "{path} is not routed"
        );
    }
    for route in &routed {
        let shown = ROUTES.iter().any(|known| serves(route, known.path));
        assert!(shown, "{} is not documented", route.join("/"));
    }
}
