//! `migrate` on databases that are missing, that are up to date, and that somebody changed; and the errors for a wrong
//! configuration.

use crate::world::World;

#[tokio::test]
async fn repeatable_and_watchful() {
    let world = World::new().await;
    let again = world.command("migrate");
    assert_eq!(again.lines().count(), 3, "{again}");
    assert!(
        again.lines().all(|line| line.ends_with("up to date")),
        "{again}"
    );
    sqlx::query("UPDATE schema_migrations SET digest = 'x'")
        .execute(&world.inventory)
        .await
        .unwrap();
    let (code, text) = world.try_command("migrate");
    assert_eq!(code, 1);
    assert!(
        text.contains("0001_inventory was applied with another content"),
        "{text}"
    );
}

#[tokio::test]
async fn wrong_configuration_is_one_line_without_secrets() {
    let mut world = World::new().await;
    for (name, value) in [
        ("MYSQL_URLS", "mysql://u:s3cret@h/a,mysql://u:s3cret@h/a"),
        ("INVENTORY_URL", "s3cret"),
        ("REDIS_URL", "s3cret"),
        ("ELASTICSEARCH_URL", "https://u:s3cret@h"),
        ("RELAY_LEASE_MS", "10"),
        ("TOPIC_PREFIX", "no such topic"),
    ] {
        let good = world.env.clone();
        world.set(name, value);
        let (code, text) = world.try_command("run");
        assert_eq!(code, 1, "{name}: {text}");
        assert!(
            text.contains(name) && text.trim().lines().count() == 1,
            "{name}: {text}"
        );
        assert!(!text.contains("s3cret"), "{text}");
        world.env = good;
    }
}
